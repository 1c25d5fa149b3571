"""Photos whose subject stands in front of other backgrounds: places that the untouched base has painted.

A subject that was learned on the backgrounds of its photos alone may turn into the plain noun in another
place: on the starter a yellow tractor was green at night. So a share of a step's photos shows the subject as
its mask cuts it out, where it was in the photo, in front of a painted place, with a prompt that names the
place. The place itself counts less, as what the base paints anyway.

Ours; that training pictures with pasted subjects carry over is known from detection (Cut, Paste and Learn,
Dwibedi et al., arXiv 1708.01642).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from studio.events import Event, Note, Step
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.words import tr
from trainers.kit.latents import DrawnPhotos, PhotoLatents
from trainers.kit.painted_pictures import PaintedPictures, refusals

PLACES = (
    "in the city",
    "in a meadow",
    "in the desert",
    "in the kitchen",
    "on the street at night",
    "in the mountains",
    "in the garden at sunset",
    "in a cave",
    "in the park at night",
    "in the bedroom",
    "under water",
    "on the farm",
)
EACH = 2  # photos in front of each background, at most
# How much of it counts at least: it is as the base paints it, and shows where the subject ends.
GROUND = 0.4
FOLDER = "backgrounds"  # of a base, that brings its own; and in the cache


@dataclass(frozen=True)
class BackgroundSettings:
    """For methods that can learn the subject in front of other backgrounds than those of its photos."""

    background_share: float = setting(
        0.0,
        "Share of the photos in a step that show the subject in front of a painted background; needs masks.",
        0.0,
        1.0,
        group="photos",
    )
    backgrounds: int = setting(
        len(PLACES), "Backgrounds for that, painted by the base once.", 1, len(PLACES), group="photos"
    )


class Backgrounds:
    """The painted places, and the photos in front of them.

    Args:
        handle: of the subject.
        count: of the places.
        share: of a step's photos; 0 for none, and then nothing is painted.
        steps, guidance, side: of the sampling, and the pictures' side in pixels.
    """

    def __init__(
        self,
        backbone: Backbone,
        handle: str,
        count: int,
        share: float,
        steps: int,
        guidance: float,
        side: int,
    ) -> None:
        self.backbone, self.handle, self.share, self.side = backbone, handle, share, side
        self.places = PLACES[:count]
        self.pictures = [painted_place(backbone, place, steps, guidance, side) for place in self.places]
        self.latents: PhotoLatents | None = None  # None where no photo is put in front of them

    def work_ahead(self, photos: PhotoSet, cache: Path) -> int:
        """Return how many sampling steps the missing backgrounds take; 0 where no photo has a mask."""
        if not self._cut_out(photos):
            return 0
        return sum(picture.work_ahead(cache) for picture in self.pictures)

    def prepare(self, photos: PhotoSet, ground: float, cache: Path) -> Iterator[Event]:
        """Paint the backgrounds and encode the photos in front of them; yields Steps and a Note.

        Nothing is painted where no photo has a mask of the subject. Runs with nothing attached.

        Args:
            ground: how much counts what a mask leaves out in other photos, 0 to 1.
        """
        numbers = self._cut_out(photos)
        if not numbers:
            return
        todo = [(picture, missing) for picture in self.pictures if (missing := picture.missing(cache))]
        if todo:
            yield Note(tr("Painting {count} backgrounds, once for this base.", count=len(todo)))
        for done, (picture, missing) in enumerate(todo, 1):
            for _ in picture.paint(cache, missing):
                yield Step(done, len(todo), stage=tr("painting backgrounds"))
        yield from refusals(self.pictures)
        places = np.concatenate([picture.pixels(cache) for picture in self.pictures])
        self._put_in_front(photos, ground, numbers, places)

    def _put_in_front(
        self, photos: PhotoSet, ground: float, numbers: Sequence[int], places: np.ndarray
    ) -> None:
        """Encode photos, by number, in front of `places` (n, side, side, 3) uint8, in turn."""
        pixels, small = photos.pixels(self.side), self.backbone.shape_of(self.side, self.side)[-1]
        made, masks, captions = [], [], []
        for turn in range(min(EACH, len(numbers))):
            for number, place in enumerate(places):
                photo = numbers[(number + turn) % len(numbers)]
                mask, small_mask = (photos.mask(self.handle, photo, side) for side in (self.side, small))
                assert mask is not None and small_mask is not None  # `numbers` are of photos that have one
                made.append((place + mask[..., None] * (pixels[photo] - place.astype(np.float32))).round())
                masks.append(small_mask)
                captions.append(f"a photo of {self.handle} {self.places[number]}")
        self.latents = PhotoLatents(self.backbone, np.stack(made).astype(np.uint8))
        covered = torch.from_numpy(np.stack(masks))[:, None]
        self.latents.masks = covered.to(self.latents.mean).clamp_min(max(ground, GROUND))
        self.latents.captions = tuple(captions)

    def _cut_out(self, photos: PhotoSet) -> list[int]:
        """Return the numbers of the photos that are put in front: those with a mask, if any are wanted."""
        masks = photos.masks.get(self.handle, ()) if self.share else ()
        return [number for number, mask in enumerate(masks) if mask is not None]

    def mix(self, photos: DrawnPhotos, generator: torch.Generator) -> DrawnPhotos:
        """Return a step's photos with their share in front of backgrounds, in the places of the first.

        How many of n that are is `share` * n, rounded up as often as its fraction says.
        """
        if self.latents is None or photos.masks is None:
            return photos
        chance = float(torch.rand(1, generator=generator))
        count = min(int(self.share * len(photos.latents) + chance), len(photos.latents))
        if not count:
            return photos
        own = self.latents.draw_photos(count, generator)
        assert own.masks is not None
        return dataclasses.replace(
            photos,
            latents=torch.cat([own.latents, photos.latents[count:]]),
            masks=torch.cat([own.masks, photos.masks[count:]]),
            captions=own.captions + photos.captions[count:],
        )


def file_of(place: str) -> str:
    """Return the name of the file in which a base may bring the background of a place."""
    return f"{place}.png"


def painted_place(backbone: Backbone, place: str, steps: int, guidance: float, side: int) -> PaintedPictures:
    """Return the picture of a place: the one that the base brings in its folder, where it brings one."""
    brought = backbone.folder / FOLDER / file_of(place) if backbone.folder else None
    return PaintedPictures(backbone, f"a photo {place}", 1, steps, guidance, side, FOLDER, brought)
