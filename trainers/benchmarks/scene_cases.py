"""Scenes for a trial: a photo of several masked subjects, and a photo of each subject alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from PIL import Image

from studio.errors import StudioError
from studio.photos.masked_folder import open_masked
from studio.photos.photo import Photo, open_photo
from studio.photos.photo_set import PhotoSet
from studio.subject import Subject


@dataclasses.dataclass(frozen=True)
class SceneCase:
    """One scene.

    Args:
        photo: with one mask for each handle of `subject`, in order.
        alone: for each handle, a photo of its subject alone, that no training gets.
    """

    name: str
    photo: Photo
    subject: Subject
    alone: tuple[Image.Image, ...]

    @property
    def photos(self) -> PhotoSet:
        """Return the photo and its masks as a method is given them."""
        return PhotoSet.of([self.photo], tuple(self.subject.handles))

    def single_subjects(self) -> list[tuple[Subject, Photo]]:
        """Return each subject as if it were the only one, with the photo under its own mask."""
        return [
            (Subject(handle, noun), dataclasses.replace(self.photo, masks={0: self.photo.masks[number]}))
            for number, (handle, noun) in enumerate(self.subject.handles.items())
        ]


def scenes_in(folder: Path) -> list[SceneCase]:
    """Return the scenes of a folder with a `scenes.json`, such as `assets/demo/scenes`.

    Raises StudioError when there is no such file, or when a subject has no mask.
    """
    try:
        entries = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Name a folder like assets/demo/scenes."
        raise StudioError("There is no scenes.json in {folder}.", hint, folder=folder) from error
    cases = []
    for entry in entries:
        first, *others = (Subject(each["handle"], each["noun"]) for each in entry["subjects"])
        subject = dataclasses.replace(first, beside=tuple(others))
        (photo,), _ = open_masked([folder / entry["photo"]], tuple(subject.handles))
        if len(photo.masks) < len(subject.handles):
            raise StudioError(
                "A mask of the scene {scene} is missing.", "Put it into masks/NAME.", scene=entry["name"]
            )
        alone = tuple(open_photo(folder / each["alone"]).image for each in entry["subjects"])
        cases.append(SceneCase(entry["name"], photo, subject, alone))
    return cases
