"""Draw the demo photos: held-out drawings as subjects, each in five different scenes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .drawings import LICENCES, Drawing, drawing_from_package, world
from .scenes import Placement, Scene, gradient_colours

PHOTO_SIDE = 384  # pixels
SUBJECTS = {  # drawing: (folder name, title)
    "noto/dog": ("lily", "Lily the puppy"),
    "fxemoji/backpack": ("trek", "The green backpack"),
    "fxemoji/tractor": ("amber", "The yellow tractor"),
}
UNSEEN = tuple(f"openmoji/{noun}" for noun in ("cat", "fox", "guitar", "frog", "penguin", "teapot"))
# Of each photo: background colour, what is under the object, centre x, centre y and longer side of the
# object in fractions of the photo.
SETTINGS = [
    ("blue", "floor", 0.50, 0.52, 0.70),
    ("pink", None, 0.46, 0.50, 0.62),
    ("purple", "shadow", 0.54, 0.50, 0.74),
    ("gray", "floor", 0.52, 0.50, 0.66),
    ("white", "shadow", 0.48, 0.51, 0.78),
]
SOURCES = {
    "noto": "Noto Emoji, Google (npm: @iconify-json/noto)",
    "fxemoji": "FxEmojis, Mozilla (npm: @iconify-json/fxemoji)",
    "openmoji": "OpenMoji (npm: @iconify-json/openmoji)",
}


def draw_background(scene: Scene, ground: str | None) -> Image.Image:
    """Draw the background of a scene of one object.

    `ground`: "floor" adds a darker floor below the object, "shadow" a soft shadow, None nothing.
    """
    background = scene.background(PHOTO_SIDE)
    placement = scene.placements[0]
    height = placement.size * placement.drawing.picture.height / max(placement.drawing.picture.size)
    foot = (placement.y + height / 2) * PHOTO_SIDE
    dark = tuple(round(0.82 * channel) for channel in scene.bottom)
    if ground == "floor":
        ImageDraw.Draw(background).rectangle([0, foot - 0.06 * PHOTO_SIDE, PHOTO_SIDE, PHOTO_SIDE], fill=dark)
    if ground == "shadow":
        shadow = Image.new("L", background.size)
        half = placement.size * PHOTO_SIDE * 0.42
        middle = placement.x * PHOTO_SIDE
        ImageDraw.Draw(shadow).ellipse([middle - half, foot - 16, middle + half, foot + 14], fill=110)
        background.paste(dark, mask=shadow.filter(ImageFilter.GaussianBlur(9)))
    return background


def draw_photos(drawing: Drawing, seed: int = 0) -> list[Image.Image]:
    """Draw the drawing in each of SETTINGS, `PHOTO_SIDE` pixels square."""
    random = np.random.default_rng(seed)
    photos = []
    for colour, ground, x, y, size in SETTINGS:
        scene = Scene([Placement(drawing, x, y, size)], colour, *gradient_colours(colour, random))
        photos.append(scene.compose(PHOTO_SIDE, draw_background(scene, ground)))
    return photos


def write_demo_photos(modules: Path, folder: Path) -> None:
    """Write the photos of SUBJECTS; see `write_photos`."""
    write_photos(modules, folder, SUBJECTS)


def write_unseen_photos(modules: Path, folder: Path) -> None:
    """Write the photos of UNSEEN, a set that neither the starter nor its judge was trained on."""
    write_photos(
        modules, folder, {name: (name.split("/")[1], f"The {name.split('/')[1]}") for name in UNSEEN}
    )


def write_photos(modules: Path, folder: Path, chosen: Mapping[str, tuple[str, str]]) -> None:
    """Write the photos of drawings as `folder/SLUG/1.png` ..., and `folder/subjects.json`.

    Args:
        modules: the node_modules folder.
        chosen: by drawing, its folder's name and its title.
    """
    subjects = []
    for seed, (name, (slug, title)) in enumerate(chosen.items()):
        assert name in (*world()["left_out"], *UNSEEN), f"{name} was trained on"
        source, noun = name.split("/")
        drawing = drawing_from_package(modules, noun, source, side=PHOTO_SIDE)
        (folder / slug).mkdir(parents=True, exist_ok=True)
        files = []
        for number, photo in enumerate(draw_photos(drawing, seed), start=1):
            file = folder / slug / f"{number}.png"
            photo.save(file, optimize=True)
            files.append(f"{slug}/{file.name}")
        subjects.append(
            {
                "slug": slug,
                "title": title,
                "noun": noun,
                "handle": f"<{slug}>",
                "licence": LICENCES[source],
                "source": SOURCES[source],
                "photos": files,
            }
        )
    (folder / "subjects.json").write_text(json.dumps(subjects, indent=2) + "\n")
