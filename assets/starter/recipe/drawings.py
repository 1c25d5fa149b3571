"""The drawings that the starter learns from: npm packages (or one's own folder) as named cut-outs."""

from __future__ import annotations

import io
import json
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

STARTER = Path(__file__).resolve().parents[1]
SIDE = 128  # pixels of a cached drawing; scenes shrink it to 30-60
LICENCES = {
    "fluent-emoji-3d": "MIT",
    "fluent-emoji-flat": "MIT",
    "noto": "Apache-2.0",
    "twemoji": "CC-BY-4.0",
    "fxemoji": "Apache-2.0",
    "openmoji": "CC-BY-SA-4.0",
}
PACKAGES = ["emojibase-data", "@lobehub/fluent-emoji-3d"] + [
    f"@iconify-json/{name}" for name in ("fluent-emoji-flat", "noto", "twemoji", "fxemoji", "openmoji")
]


@dataclass(frozen=True)
class Drawing:
    """One object cut out of its background: an RGBA picture, `SIDE` pixels on its longer side."""

    noun: str
    source: str  # the package, e.g. "noto"; for a folder of one's own, the name of the style
    picture: Image.Image

    @property
    def name(self) -> str:
        return f"{self.source}/{self.noun}"


@cache
def world(path: Path = STARTER / "world.json") -> dict:
    """Nouns, styles, colours and left-out drawings, as `world.json` has them."""
    return json.loads(path.read_text())


def fetch_packages(folder: Path) -> Path:
    """Install the drawing packages with npm into `folder`; returns its node_modules (about 250 MB)."""
    modules = folder / "node_modules"
    if all((modules / name).is_dir() for name in PACKAGES):
        return modules
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *options, *PACKAGES], check=True)
    return modules


def cut_out(picture: Image.Image, side: int = SIDE) -> Image.Image:
    """Crop an RGBA picture to what is visible and scale its longer side to `side` pixels."""
    picture = picture.convert("RGBA")
    visible = picture.getchannel("A").point(lambda alpha: 255 if alpha > 24 else 0).getbbox()
    picture = picture.crop(visible)
    scale = side / max(picture.size)
    return picture.resize([max(1, round(length * scale)) for length in picture.size], Image.LANCZOS)


def package_drawing(modules: Path, noun: str, source: str, side: int = SIDE) -> Drawing | None:
    """Draw `noun` as the package `source` draws it, or None if the package lacks it."""
    entry = world()["nouns"][noun]
    if source == "fluent-emoji-3d":
        code = code_points(modules)[entry["icon"]]
        assets = modules / "@lobehub" / source / "assets"
        files = [assets / f"{name}.webp" for name in (code, f"{code}-fe0f", code.removesuffix("-fe0f"))]
        found = next((file for file in files if file.exists()), None)
        if found is None:
            return None
        return Drawing(noun, source, cut_out(Image.open(found), side))
    icon = entry.get(source, entry["icon"])
    svg = icon and vector(modules, source, icon)
    return Drawing(noun, source, cut_out(rasterised(svg, side * 5 // 4), side)) if svg else None


def from_packages(modules: Path, sources: list[str] | None = None, side: int = SIDE) -> list[Drawing]:
    """All drawings of the world in the five trained sets (or in `sources`), left-out ones included."""
    pairs = [(noun, source) for noun in world()["nouns"] for source in sources or world()["styles"]]
    drawn = (package_drawing(modules, noun, source, side) for noun, source in pairs)
    return [drawing for drawing in drawn if drawing]


def every_drawing(modules: Path, side: int = SIDE) -> list[Drawing]:
    """All that the five trained sets draw, named or not, for the autoencoder alone: some 6,000 cut-outs.

    Left-out drawings are not among them, nor are flags, letters and repetitions in other skin tones.
    """
    held = {tuple(name.split("/")) for name in world()["left_out"]}
    hidden = {
        (source, world()["nouns"][noun].get(source, world()["nouns"][noun]["icon"])) for source, noun in held
    }
    drawn = []
    for source in world()["styles"]:
        if source == "fluent-emoji-3d":
            codes = {code.removesuffix("-fe0f"): icon for icon, code in code_points(modules).items()}
            files = sorted((modules / "@lobehub" / source / "assets").glob("*.webp"))
            named = ((codes.get(file.stem.removesuffix("-fe0f"), ""), file) for file in files)
            pictures = ((name, Image.open(file)) for name, file in named if is_thing(name))
        else:
            names = filter(is_thing, icons(modules, source)["icons"])
            pictures = ((name, rasterised(vector(modules, source, name), side * 5 // 4)) for name in names)
        drawn += [
            Drawing(name, source, cut_out(picture, side))
            for name, picture in pictures
            if (source, name) not in hidden
        ]
    return drawn


def is_thing(icon: str) -> bool:
    """Whether an icon's name promises more than a sign, and is not a repetition in another skin tone."""
    signs = r"skin-tone|-(light|medium|dark)$|^flag|button|keycap|clock|-thirty"
    return len(icon) > 1 and not re.search(signs, icon)


def from_folder(folder: Path) -> list[Drawing]:
    """Cut-outs of one's own: transparent PNGs at `folder/STYLE/NOUN.png`."""
    files = sorted(folder.glob("*/*.png"))
    return [Drawing(file.stem, file.parent.name, cut_out(Image.open(file))) for file in files]


def is_left_out(drawing: Drawing) -> bool:
    """Whether the drawing must stay unseen by autoencoder, painter and judge alike."""
    return drawing.name in world()["left_out"]


@cache
def icons(modules: Path, source: str) -> dict:
    return json.loads((modules / "@iconify-json" / source / "icons.json").read_text())


def vector(modules: Path, source: str, icon: str) -> str | None:
    """The SVG text of one icon, aliases followed."""
    collection = icons(modules, source)
    while icon in collection.get("aliases", {}):
        icon = collection["aliases"][icon]["parent"]
    entry = collection["icons"].get(icon)
    if entry is None:
        return None
    width = entry.get("width", collection.get("width", 16))
    height = entry.get("height", collection.get("height", 16))
    box = f"{entry.get('left', 0)} {entry.get('top', 0)} {width} {height}"
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {namespaces} viewBox="{box}">{entry["body"]}</svg>'


def rasterised(svg: str, side: int) -> Image.Image:
    import resvg_py  # needed to rebuild the starter, not to use it

    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png)))


@cache
def code_points(modules: Path) -> dict[str, str]:
    """Icon name (as the vector packages spell it) -> hexadecimal code points, lower case."""
    entries = json.loads((modules / "emojibase-data" / "en" / "data.json").read_text())
    return {entry["label"].lower().replace(" ", "-"): entry["hexcode"].lower() for entry in entries}


def save(drawings: list[Drawing], folder: Path) -> None:
    """Cache drawings as `folder/SOURCE/NOUN.png`, the layout that `from_folder` reads."""
    for drawing in drawings:
        file = folder / drawing.source / f"{drawing.noun}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        drawing.picture.save(file)


def sheet(drawings: list[Drawing], columns: list[str], cell: int = 64) -> Image.Image:
    """A contact sheet: a row per noun, a column per source, for the eye to check."""
    nouns = list(dict.fromkeys(drawing.noun for drawing in drawings))
    page = Image.new("RGB", (cell * len(columns), cell * len(nouns)), "white")
    for drawing in drawings:
        picture = drawing.picture.copy()
        picture.thumbnail((cell - 6, cell - 6))
        corner = columns.index(drawing.source) * cell + 3, nouns.index(drawing.noun) * cell + 3
        page.paste(picture, corner, picture)
    return page
