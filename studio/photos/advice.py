"""Advice on photos before a training. It says what may go wrong and never stands in the way.

False alarms are worse than silence. The levels below were set on 20 photographs that come with scikit-image,
scikit-learn, imgaug and gradio, and on 21 drawings of the demo subjects and scenes:

- blurred: no sharp photograph (the softest has 0.26) and no drawing; with a Gaussian of 2 pixels over them,
  at the size in which they are seen, every photograph but a wall of bricks; with one of 3 pixels, all.
- a photograph on the starter: 19 of 20 photographs; no drawing (the most shaded has 0.18).
- nearly the same: no two of the photographs (the nearest have 0.9), no two photos of a demo subject (0.6);
  every photograph with a copy a fifth brighter, half of those moved by 4%, a third of those cut by 5%.
- one background: no set of the demo photos.
- several things: none of 52 pictures that come with scikit-image, scikit-learn, imgaug, gradio, ultralytics
  and rembg, none of 60 cut-outs on plain grounds and 60 on photographs, and none of 2,220 drawings of one
  thing (OpenMoji, Noto, FxEmojis, each on five grounds, and the demo subjects); of two things, 26 of 60
  pairs of cut-outs on plain grounds, none on photographs, 128 of 300 pairs of drawings, 4 of the 6 demo
  scenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.photos.photo import Photo
from studio.photos.photo_measures import SIDES, Measures
from studio.words import tr

BLURRED = 0.2  # of an edge that is crossed in one pixel, for the sharpest edges of a photo
SHADED = 0.22  # share of softly shaded pixels that a photograph has
USUAL_SIDE = 256  # pixels at which sharpness is judged while the base is not known
ALIKE = 0.45  # difference of two photos, in standard deviations of their pixels
SHIFTS = range(-2, 3)  # pixels of the small copies by which one may be moved
SEVERAL = 0.6  # of the area of the largest thing in a photo, that the second has
SAME_BORDER = 10.0  # mean difference of a border from the median of all, of 255 levels
MIN_FOR_BACKGROUND = 3  # photos


@dataclass(frozen=True)
class Advice:
    """A piece of advice: a word or two for a badge, and a sentence with what to do."""

    badge: str
    sentence: str


@dataclass(frozen=True)
class PhotoAdvice:
    """The advice on each of some photos, in their order, and on all of them together."""

    by_photo: tuple[tuple[Advice, ...], ...] = ()
    together: tuple[Advice, ...] = field(default=())

    def lines(self, names: Sequence[str]) -> list[str]:
        """Return all of it, a line for each piece, with the photos' names."""
        named = zip(names, self.by_photo, strict=True)
        lines = [f"{name}: {advice.sentence}" for name, pieces in named for advice in pieces]
        return [*lines, *(advice.sentence for advice in self.together)]


def advise(photos: Sequence[Photo], resolution: int = 0, only_drawings: bool = False) -> PhotoAdvice:
    """Return the advice on these photos.

    Args:
        resolution: side of the base's pictures in pixels, 0 while it is not known.
        only_drawings: whether the base has never seen a photograph.
    """
    measures = [photo.measures for photo in photos]
    by_photo = []
    for number, photo in enumerate(photos):
        pieces = [
            _too_small(photo, resolution),
            _blurred(measures[number], resolution),
            _several_things(photo, measures[number]),
        ]
        twin = next((i for i in range(number) if _are_alike(measures[i], measures[number])), None)
        if twin is not None:
            pieces.append(
                Advice(
                    tr("alike"),
                    tr("It is nearly the same as {photo}: one of them is enough.", photo=photos[twin].name),
                )
            )
        by_photo.append(tuple(piece for piece in pieces if piece))
    together = []
    if _have_one_background(photos, measures):
        sentence = tr(
            "All photos have the same background, which may be learned as a part of the subject. "
            "Take some elsewhere, or say where the subject is."
        )
        together.append(Advice(tr("one background"), sentence))
    shaded = sum(one.shading > SHADED for one in measures)
    if only_drawings and shaded:
        alone = (
            "This looks like a photograph; the starter only knows drawings. "
            "Choose another base for photographs."
        )
        several = (
            "{count} of these look like photographs; the starter only knows drawings. "
            "Choose another base for photographs."
        )
        sentence = tr(alone) if len(photos) == 1 else tr(several, count=shaded)
        together.append(Advice(tr("photographs"), sentence))
    return PhotoAdvice(tuple(by_photo), tuple(together))


def _too_small(photo: Photo, resolution: int) -> Advice | None:
    if photo.side >= resolution:
        return None
    remedy = tr("Use a larger photo." if photo.crop.zoom <= 1 else "Zoom out, or use a larger photo.")
    text = "Its square has {pixels} pixels and this base paints {needed}."
    return Advice(tr("small"), f"{tr(text, pixels=photo.side, needed=resolution)} {remedy}")


def _blurred(measures: Measures, resolution: int) -> Advice | None:
    """Return advice on a photo that is blurred at the size in which the base sees it."""
    side = max((side for side in SIDES if side <= (resolution or USUAL_SIDE)), default=SIDES[0])
    if measures.sharpness.get(side, 1.0) >= BLURRED:
        return None
    sentence = tr("It is blurred: nothing in it has a sharp edge. Use a sharper photo if you can.")
    return Advice(tr("blurred"), sentence)


def _several_things(photo: Photo, measures: Measures) -> Advice | None:
    """Return advice on a photo of several things, of which no mask says which one is meant."""
    if measures.second < SEVERAL or any(photo.shows_mask(subject) for subject in photo.masks):
        return None
    sentence = tr(
        "It probably shows several things, and all of them may be learned. "
        "Say with a mask where the subject is, or crop the others off."
    )
    return Advice(tr("several"), sentence)


def _are_alike(one: Measures, other: Measures) -> bool:
    """Return whether two squares show nearly the same, perhaps moved a little or in other light."""
    side = len(one.small)
    for down in SHIFTS:
        for right in SHIFTS:
            shifted = [
                small[
                    max(0, sign * down) : side + min(0, sign * down),
                    max(0, sign * right) : side + min(0, sign * right),
                ]
                for small, sign in ((one.small, 1), (other.small, -1))
            ]
            first, second = (part - part.mean(axis=(0, 1)) for part in shifted)
            spread = max(1.0, float(np.sqrt(first.std() * second.std())))
            if float((first - second).std()) < ALIKE * spread:
                return True
    return False


def _have_one_background(photos: Sequence[Photo], measures: Sequence[Measures]) -> bool:
    """Return whether the borders of all photos are nearly equal, and not every photo has a mask."""
    if len(photos) < MIN_FOR_BACKGROUND or all(photo.shows_mask(0) for photo in photos):
        return False
    borders = np.stack([one.border for one in measures])
    return bool((np.abs(borders - np.median(borders, axis=0)).mean(axis=(1, 2)) < SAME_BORDER).all())
