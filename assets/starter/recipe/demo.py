"""The demo photos: each subject a drawing that the starter never saw, painted into five different scenes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .drawings import LICENCES, Drawing, package_drawing, world
from .scenes import Placement, Scene, backdrop

PHOTO = 384  # pixels
SUBJECTS = {
    "noto/dog": ("lily", "Lily the puppy"),
    "fxemoji/backpack": ("trek", "The green backpack"),
    "fxemoji/tractor": ("amber", "The yellow tractor"),
}
# Five scenes: background, what the object stands on, its centre and longer side as shares of the picture.
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
}


def set_stage(scene: Scene, ground: str | None) -> Image.Image:
    """The empty scene: a shaded backdrop, and under the object a darker floor or a soft shadow."""
    stage = scene.stage(PHOTO)
    placement = scene.placements[0]
    height = placement.size * placement.drawing.picture.height / max(placement.drawing.picture.size)
    foot = (placement.y + height / 2) * PHOTO
    dark = tuple(round(0.82 * channel) for channel in scene.bottom)
    if ground == "floor":
        ImageDraw.Draw(stage).rectangle([0, foot - 0.06 * PHOTO, PHOTO, PHOTO], fill=dark)
    if ground == "shadow":
        veil = Image.new("L", stage.size)
        half = placement.size * PHOTO * 0.42
        middle = placement.x * PHOTO
        ImageDraw.Draw(veil).ellipse([middle - half, foot - 16, middle + half, foot + 14], fill=110)
        stage.paste(dark, mask=veil.filter(ImageFilter.GaussianBlur(9)))
    return stage


def photographs(drawing: Drawing, seed: int = 0) -> list[Image.Image]:
    """The drawing in the five settings, `PHOTO` pixels square."""
    random = np.random.default_rng(seed)
    photos = []
    for colour, ground, x, y, size in SETTINGS:
        scene = Scene([Placement(drawing, x, y, size)], colour, *backdrop(colour, random))
        photos.append(scene.compose(PHOTO, set_stage(scene, ground)))
    return photos


def make(modules: Path, folder: Path, everything: bool = False) -> None:
    """Write `folder/SLUG/1.png` ... and `folder/subjects.json`: the demo's, or every left-out drawing."""
    subjects = []
    others = {name: (name.split("/")[1], f"The {name.split('/')[1]}") for name in world()["left_out"]}
    chosen = SUBJECTS | {name: other for name, other in others.items() if everything and name not in SUBJECTS}
    for seed, (name, (slug, title)) in enumerate(chosen.items()):
        assert name in world()["left_out"], f"{name} was trained on"
        source, noun = name.split("/")
        drawing = package_drawing(modules, noun, source, side=PHOTO)
        (folder / slug).mkdir(parents=True, exist_ok=True)
        files = []
        for number, photo in enumerate(photographs(drawing, seed), start=1):
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
