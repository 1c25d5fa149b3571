"""Read the subjects and prompts of DreamBench (Ruiz et al., arXiv 2208.12242)."""

from __future__ import annotations

import re
from pathlib import Path

from studio.errors import StudioError
from studio.handles import to_handle
from studio.photos.photo import open_photo
from studio.starter import STARTER
from studio.subject import Subject
from studio.words import tr
from trainers.benchmarks.method_trial import Case

LISTS = STARTER.parent / "dreambench"
LISTING = "prompts_and_classes.txt"
LIVE = ("cat", "dog")  # the classes of the protocol's nine live subjects
PHOTOS = (".jpg", ".jpeg", ".png", ".webp")


def prompts_for(noun: str) -> tuple[str, ...]:
    """Return the protocol's 25 prompts for a class, each with one {} for it.

    15 are the same for all classes; then live subjects have ten outfits where objects have ten backgrounds.
    """
    file = LISTS / ("live.txt" if noun in LIVE else "objects.txt")
    return tuple(file.read_text(encoding="utf-8").splitlines())


def subjects_in(folder: Path) -> list[Case]:
    """Return the subjects of a folder in DreamBench's layout: a folder of photos for each.

    Their classes are lines "name,class" of the folder's prompts_and_classes.txt; without such a file, the
    protocol's own list is used. Raises StudioError when there are no subjects, or a photo cannot be used.
    """
    listing = folder / LISTING
    listing = listing if listing.is_file() else LISTS / "subjects.txt"
    lines = listing.read_text(encoding="utf-8").splitlines()
    named = [match.groups() for line in lines if (match := re.fullmatch(r"(\w+),([\w ]+)", line.strip()))]
    cases = []
    for name, noun in named:
        paths = sorted((folder / name).glob("*")) if (folder / name).is_dir() else []
        try:
            photos = tuple(open_photo(path) for path in paths if path.suffix.lower() in PHOTOS)
        except StudioError as error:
            message = tr("A photo of {subject} cannot be used: {reason}.", subject=name, reason=error.message)
            raise StudioError(message, error.hint) from error
        if photos:
            cases.append(Case(Subject(to_handle(name), noun), photos))
    if not cases:
        hint = "There should be a folder of photos for each subject, listed in {file}."
        raise StudioError("There are no subjects in {folder}.", hint, folder=folder, file=LISTING)
    return cases
