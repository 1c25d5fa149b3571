"""Scenes for training, composed from cut-outs (Gen4Gen, Yeh et al., arXiv 2402.15504, section 3).

Several subjects that were only photographed alone are put into one picture, each with an exact mask, so that
they can be learned together. The paper's three rules for captions hold: the background is always said, the
subjects' names come twice, and a name of its own for the whole may be added.

Differences: the paper lets language models lay out the boxes and say how large things are, and repaints the
whole with an inpainting model at a strength of 0.9. Here the subjects stand side by side on a common ground,
in random order, as large as the caller says, and keep every pixel but their edges, which are averaged over
5 x 5 pixels as the paper's masks are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter

from studio.errors import StudioError
from studio.photos.photo import Photo

GROUND = (0.82, 0.94)  # where feet stand, as a share of the height from the top
TALLEST = 0.75  # of the picture's height
FILLED = 0.9  # of its part of the width, at most
SOFT = 2  # pixels: a box of 5 x 5


@dataclass(frozen=True)
class ComposedScene:
    """One picture of several subjects.

    Args:
        picture: RGB.
        masks: by handle, "L" of its size, 0 or 255.
        caption: names all handles and the background.
    """

    picture: Image.Image
    masks: dict[str, Image.Image]
    caption: str


def cut_outs_of(photos: Sequence[Photo], subject: int = 0) -> list[Image.Image]:
    """Return what the masks of a subject (by number) cover in photos that have one, RGBA and cropped."""
    found = []
    for photo in photos:
        mask = photo.square_mask(subject, photo.side)
        box = mask.point(lambda level: 255 * (level >= 128)).getbbox() if mask else None
        if mask is None or box is None:
            continue
        cut = photo.square(photo.side).convert("RGBA")
        cut.putalpha(mask)
        found.append(cut.crop(box))
    return found


def caption_of(handles: Sequence[str], place: str, whole: str = "") -> str:
    """Return the caption of a scene: "a photo of <a> and <b> on the beach, <a> and <b>"."""
    names = " and ".join(handles)
    return ", ".join(filter(None, (f"a photo of {names} {place}".strip(), names, whole)))


def compose_scene(
    cut_outs: Mapping[str, Sequence[Image.Image]],
    background: Image.Image,
    place: str,
    chance: random.Random,
    sizes: Mapping[str, float] | None = None,
    whole: str = "",
) -> ComposedScene:
    """Return one scene with one cut-out of each subject.

    Args:
        cut_outs: by handle, RGBA pictures, cropped to the subject.
        background: of the scene's size.
        place: what it shows, such as "on the beach".
        chance: draws cut-outs, order, places and mirror images.
        sizes: how tall each subject is beside the others; 1 for all without.
        whole: a name for the composition itself.

    Raises StudioError for a subject without a cut-out.
    """
    for handle, pictures in cut_outs.items():
        if not pictures:
            raise StudioError(
                "Nothing is cut out of {handle}.", "Say where it is with a mask in its photos.", handle=handle
            )
    handles = list(cut_outs)
    chance.shuffle(handles)
    tallest = max((sizes or {}).get(handle, 1.0) for handle in handles)
    width, height = background.size
    part, ground = width / len(handles), chance.uniform(*GROUND) * height
    picture, masks = background.convert("RGB"), {}
    for number, handle in enumerate(handles):
        cut = chance.choice(list(cut_outs[handle]))
        tall = TALLEST * height * (sizes or {}).get(handle, 1.0) / tallest
        scale = min(tall / cut.height, FILLED * part / cut.width, ground / cut.height)
        size = max(1, round(scale * cut.width)), max(1, round(scale * cut.height))
        cut = cut.resize(size, Image.Resampling.LANCZOS)
        left = round(number * part + chance.uniform(0, part - size[0]))
        corner = min(left, width - size[0]), max(0, round(ground) - size[1])
        outline = Image.new("L", background.size)
        outline.paste(cut.getchannel("A"), corner)
        filled = Image.new("RGB", background.size)
        filled.paste(cut.convert("RGB"), corner)
        # inside the outline only: beyond it there is nothing of the subject to blend
        soft = outline.filter(ImageFilter.BoxBlur(SOFT)).point(lambda level: max(0, 2 * level - 255))
        picture.paste(filled, (0, 0), soft)
        masks[handle] = outline.point(lambda level: 255 * (level >= 128))
    ordered = list(cut_outs)
    return ComposedScene(picture, {one: masks[one] for one in ordered}, caption_of(ordered, place, whole))
