"""Scenes to be taken apart: photos of two or three drawings that the starter never saw, with exact masks, and
another photo of each drawing alone; `python -m trainers scenes` learns them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .demo import SOURCES
from .drawings import LICENCES, Drawing, is_left_out
from .scenes import Placement, Scene, backdrop

PHOTO = 128  # pixels
SPOTS = {
    1: [(0.5, 0.5, 0.82)],
    2: [(0.27, 0.54, 0.45), (0.73, 0.48, 0.45)],
    3: [(0.24, 0.70, 0.40), (0.50, 0.25, 0.40), (0.77, 0.68, 0.40)],
}
# A scene's background and what is in it. None is blue or orange: the trial asks for these.
SCENES = [
    ("yellow", ("noto/dog", "noto/cupcake")),
    ("pink", ("noto/owl", "noto/rocket")),
    ("green", ("fxemoji/backpack", "fxemoji/hamster")),
    ("gray", ("fxemoji/tractor", "fxemoji/fish")),
    ("white", ("noto/robot", "noto/parrot", "noto/butterfly")),
    ("purple", ("fxemoji/bicycle", "fxemoji/hamster", "fxemoji/fish")),
]
ALONE = ("white", "purple", "green", "pink", "gray", "yellow")


def photograph(drawings: Sequence[Drawing], colour: str, random: np.random.Generator) -> Scene:
    """The drawings in their spots on a background of that colour."""
    spots = zip(drawings, SPOTS[len(drawings)], strict=True)
    return Scene([Placement(drawing, *spot) for drawing, spot in spots], colour, *backdrop(colour, random))


def make(drawings: Sequence[Drawing], folder: Path) -> None:
    """Write `folder/NAME/photo.png`, `NAME/masks/NOUN/photo.png` and `NAME/alone/NOUN.png` for every scene,
    and `folder/scenes.json`. `drawings` hold those that are needed."""
    known = {drawing.name: drawing for drawing in drawings if is_left_out(drawing)}
    random = np.random.default_rng(0)
    listed = []
    for colour, names in SCENES:
        chosen = [known[name] for name in names]
        name = "-".join(drawing.noun for drawing in chosen)
        place = folder / name
        scene = photograph(chosen, colour, random)
        write(scene.compose(PHOTO), place / "photo.png")
        free = [other for other in ALONE if other != colour]
        subjects = []
        for number, (drawing, mask) in enumerate(zip(chosen, scene.masks, strict=True)):
            write(Image.fromarray(mask), place / "masks" / drawing.noun / "photo.png")
            write(
                photograph([drawing], free[number], random).compose(PHOTO),
                place / "alone" / f"{drawing.noun}.png",
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
        listed.append({"name": name, "photo": f"{name}/photo.png", "subjects": subjects})
    (folder / "scenes.json").write_text(json.dumps(listed, indent=2) + "\n")


def write(picture: Image.Image, path: Path) -> None:
    """Save as a small PNG, its folder made first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
