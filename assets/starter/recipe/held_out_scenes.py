"""Draw the test scenes for learning several subjects from one photo (`python -m trainers scenes`).

Each has two or three held-out drawings, their exact masks, and for evaluation another photo of each alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .demo_photos import SOURCES
from .drawings import LICENCES, Drawing, is_held_out
from .scenes import Placement, Scene, gradient_colours

PHOTO_SIDE = 128  # pixels
# By number of objects: centre x, centre y and longer side of each, in fractions of the photo.
POSITIONS = {
    1: [(0.5, 0.5, 0.82)],
    2: [(0.27, 0.54, 0.45), (0.73, 0.48, 0.45)],
    3: [(0.24, 0.70, 0.40), (0.50, 0.25, 0.40), (0.77, 0.68, 0.40)],
}
# Background colour and drawings. The evaluation asks for blue and orange backgrounds, so none is here.
SCENES = [
    ("yellow", ("noto/dog", "noto/cupcake")),
    ("pink", ("noto/owl", "noto/rocket")),
    ("green", ("fxemoji/backpack", "fxemoji/hamster")),
    ("gray", ("fxemoji/tractor", "fxemoji/fish")),
    ("white", ("noto/robot", "noto/parrot", "noto/butterfly")),
    ("purple", ("fxemoji/bicycle", "fxemoji/hamster", "fxemoji/fish")),
]
ALONE_COLOURS = ("white", "purple", "green", "pink", "gray", "yellow")


def arrange(drawings: Sequence[Drawing], colour: str, random: np.random.Generator) -> Scene:
    """Return a scene of one to three drawings at their POSITIONS on a background of `colour`."""
    positions = zip(drawings, POSITIONS[len(drawings)], strict=True)
    placements = [Placement(drawing, *position) for drawing, position in positions]
    return Scene(placements, colour, *gradient_colours(colour, random))


def write_held_out_scenes(drawings: Sequence[Drawing], folder: Path) -> None:
    """Write the photos, masks and descriptions of all SCENES.

    For every scene `folder/NAME/photo.png`, `NAME/masks/NOUN/photo.png` and `NAME/alone/NOUN.png`; and
    `folder/scenes.json`. `drawings` must contain those that SCENES names.
    """
    held_out = {drawing.name: drawing for drawing in drawings if is_held_out(drawing)}
    random = np.random.default_rng(0)
    descriptions = []
    for colour, names in SCENES:
        chosen = [held_out[name] for name in names]
        name = "-".join(drawing.noun for drawing in chosen)
        scene_folder = folder / name
        scene = arrange(chosen, colour, random)
        write_png(scene.compose(PHOTO_SIDE), scene_folder / "photo.png")
        other_colours = [other for other in ALONE_COLOURS if other != colour]
        subjects = []
        for number, (drawing, mask) in enumerate(zip(chosen, scene.masks, strict=True)):
            write_png(Image.fromarray(mask), scene_folder / "masks" / drawing.noun / "photo.png")
            write_png(
                arrange([drawing], other_colours[number], random).compose(PHOTO_SIDE),
                scene_folder / "alone" / f"{drawing.noun}.png",
            )
            subjects.append(
                {
                    "handle": f"<{drawing.noun}>",
                    "noun": drawing.noun,
                    "alone": f"{name}/alone/{drawing.noun}.png",
                    "licence": LICENCES[drawing.source],
                    "source": SOURCES[drawing.source],
                }
            )
        descriptions.append({"name": name, "photo": f"{name}/photo.png", "subjects": subjects})
    (folder / "scenes.json").write_text(json.dumps(descriptions, indent=2) + "\n")


def write_png(picture: Image.Image, path: Path) -> None:
    """Write a picture as an optimised PNG, creating its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
