"""The dataset of drawings: objects cut out of their background, from npm packages or from a folder.

"The world" is what the starter knows: the nouns, drawing styles and background colours of `world.json`.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from studio.errors import StudioError

STARTER = Path(__file__).resolve().parents[1]
WORLD = STARTER / "world.json"
DRAWING_SIDE = 128  # pixels of a cached drawing; scenes shrink it to 30-60
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
    """One object cut out of its background.

    `noun`: what it shows. `source`: the package, for example "noto", or the style folder of a user's own
    drawings. `picture`: RGBA, `DRAWING_SIDE` pixels on its longer side.
    """

    noun: str
    source: str
    picture: Image.Image

    @property
    def name(self) -> str:
        """Return SOURCE/NOUN, as drawings are named in `world.json`."""
        return f"{self.source}/{self.noun}"


@cache
def world(path: Path = WORLD) -> dict:
    """Read `world.json`: nouns, styles, colours, caption templates, and held-out drawings ("left_out")."""
    return json.loads(path.read_text())


def fetch_packages(folder: Path) -> Path:
    """Install the npm packages with the drawings into `folder` (about 250 MB). Returns its node_modules.

    Raises StudioError when npm is missing or cannot fetch them.
    """
    modules = folder / "node_modules"
    if all((modules / name).is_dir() for name in PACKAGES):
        return modules
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    try:
        subprocess.run(["npm", "install", *options, *PACKAGES], check=True)
    except FileNotFoundError as error:
        raise StudioError("The drawings are npm packages, and there is no npm.", "Install npm.") from error
    except subprocess.CalledProcessError as error:
        hint = "Read what npm says above, then run this again: it goes on where it stopped."
        raise StudioError("npm could not fetch the drawings.", hint) from error
    return modules


def cut_out(picture: Image.Image, side: int = DRAWING_SIDE) -> Image.Image:
    """Crop an RGBA picture to its visible part and scale the longer side to `side` pixels."""
    picture = picture.convert("RGBA")
    visible = picture.getchannel("A").point(lambda alpha: 255 if alpha > 24 else 0).getbbox()
    picture = picture.crop(visible)
    scale = side / max(picture.size)
    return picture.resize([max(1, round(length * scale)) for length in picture.size], Image.LANCZOS)


def drawing_from_package(modules: Path, noun: str, source: str, side: int = DRAWING_SIDE) -> Drawing | None:
    """Read the drawing of `noun` from the package `source`. Returns None if the package has none.

    `modules`: the node_modules folder.
    """
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
    svg = icon and svg_text(modules, source, icon)
    return Drawing(noun, source, cut_out(rasterise(svg, side * 5 // 4), side)) if svg else None


def drawings_from_packages(
    modules: Path, sources: list[str] | None = None, side: int = DRAWING_SIDE
) -> list[Drawing]:
    """Read the drawings of all nouns, the held-out ones included.

    `sources`: the packages; by default the five that the starter is trained on.
    """
    pairs = [(noun, source) for noun in world()["nouns"] for source in sources or world()["styles"]]
    drawings = (drawing_from_package(modules, noun, source, side) for noun, source in pairs)
    return [drawing for drawing in drawings if drawing]


def all_package_drawings(modules: Path, side: int = DRAWING_SIDE) -> list[Drawing]:
    """Read all drawings of the five training packages, also of nouns that are not in the world.

    Only the autoencoder is trained on them. Held-out drawings, flags, letters, and variants in other skin
    tones are skipped.
    """
    held_out = {tuple(name.split("/")) for name in world()["left_out"]}
    held_out_icons = {
        (source, world()["nouns"][noun].get(source, world()["nouns"][noun]["icon"]))
        for source, noun in held_out
    }
    drawings = []
    for source in world()["styles"]:
        if source == "fluent-emoji-3d":
            codes = {code.removesuffix("-fe0f"): icon for icon, code in code_points(modules).items()}
            files = sorted((modules / "@lobehub" / source / "assets").glob("*.webp"))
            named = ((codes.get(file.stem.removesuffix("-fe0f"), ""), file) for file in files)
            pictures = ((name, Image.open(file)) for name, file in named if shows_object(name))
        else:
            names = filter(shows_object, icon_collection(modules, source)["icons"])
            pictures = ((name, rasterise(svg_text(modules, source, name), side * 5 // 4)) for name in names)
        drawings += [
            Drawing(name, source, cut_out(picture, side))
            for name, picture in pictures
            if (source, name) not in held_out_icons
        ]
    return drawings


def shows_object(icon: str) -> bool:
    """Return whether the icon's name is not that of a sign, letter, flag or skin tone variant."""
    signs = r"skin-tone|-(light|medium|dark)$|^flag|button|keycap|clock|-thirty"
    return len(icon) > 1 and not re.search(signs, icon)


def read_drawings(folder: Path) -> list[Drawing]:
    """Read transparent pictures, PNG or WebP, at `folder/STYLE/NOUN.png`."""
    files = sorted(file for file in folder.glob("*/*") if file.suffix in (".png", ".webp"))

    def read(file: Path) -> Drawing:
        return Drawing(file.stem, file.parent.name, cut_out(Image.open(file)))

    with ThreadPoolExecutor() as pool:
        return list(pool.map(read, files))


def training_drawings(folder: Path) -> list[Drawing]:
    """Read the drawings of a folder, without the held-out ones."""
    return [drawing for drawing in read_drawings(folder) if not is_held_out(drawing)]


def is_held_out(drawing: Drawing) -> bool:
    """Return whether the drawing is in the held-out split, which nothing is trained on."""
    return drawing.name in world()["left_out"]


@cache
def icon_collection(modules: Path, source: str) -> dict:
    """Read the `icons.json` of an Iconify package."""
    return json.loads((modules / "@iconify-json" / source / "icons.json").read_text())


def svg_text(modules: Path, source: str, icon: str) -> str | None:
    """Return the SVG of an icon in an Iconify package, following aliases; None if there is none."""
    collection = icon_collection(modules, source)
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


def rasterise(svg: str, side: int) -> Image.Image:
    """Render an SVG to a picture, `side` pixels square. Raises StudioError without resvg_py."""
    try:
        import resvg_py  # an optional dependency, needed only to rebuild the starter
    except ImportError as error:
        raise StudioError("Drawing the pictures needs resvg_py.", "Run pip install resvg_py.") from error

    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png)))


@cache
def code_points(modules: Path) -> dict[str, str]:
    """Return icon name -> Unicode code points (lower-case hexadecimal), from emojibase-data."""
    entries = json.loads((modules / "emojibase-data" / "en" / "data.json").read_text())
    return {entry["label"].lower().replace(" ", "-"): entry["hexcode"].lower() for entry in entries}


def save_drawings(drawings: list[Drawing], folder: Path) -> None:
    """Write drawings as `folder/SOURCE/NOUN.png`, the layout that `read_drawings` reads."""
    for drawing in drawings:
        file = folder / drawing.source / f"{drawing.noun}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        drawing.picture.save(file)


def drawings_sheet(drawings: list[Drawing], columns: list[str], cell: int = 64) -> Image.Image:
    """Draw a contact sheet of drawings, one row per noun and one column per source.

    `columns`: the sources in order. `cell` (pixels): side of one drawing.
    """
    nouns = list(dict.fromkeys(drawing.noun for drawing in drawings))
    page = Image.new("RGB", (cell * len(columns), cell * len(nouns)), "white")
    for drawing in drawings:
        picture = drawing.picture.copy()
        picture.thumbnail((cell - 6, cell - 6))
        corner = columns.index(drawing.source) * cell + 3, nouns.index(drawing.noun) * cell + 3
        page.paste(picture, corner, picture)
    return page
