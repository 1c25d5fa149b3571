"""Props of sceneries: trees, houses, clouds and so on, in each of the five drawing styles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ..drawings import code_points, cut_out, rasterise, svg_text, world

PROP_SIDE = 128  # pixels of the longer side
# Prop name -> icon per source, as for the nouns of `world.json`; null where a set has no fitting drawing.
PROPS: dict[str, dict[str, str | None]] = {
    "palm": {"icon": "palm-tree", "fxemoji": "palmtree"},
    "pine": {"icon": "evergreen-tree", "fxemoji": "evergreen"},
    "tree": {"icon": "deciduous-tree", "fxemoji": "deciduoustree"},
    "cactus": {"icon": "cactus"},
    "house": {"icon": "house", "fxemoji": "housebuilding"},
    "cottage": {"icon": "house-with-garden", "fxemoji": "housewithgarden"},
    "store": {"icon": "department-store", "fxemoji": "departmentstore"},
    "hotel": {"icon": "hotel"},
    "bank": {"icon": "bank"},
    "school": {"icon": "school"},
    "cloud": {"icon": "cloud"},
    "sun": {"icon": "sun", "fxemoji": "whitesun"},
    "moon": {"icon": "crescent-moon", "fxemoji": "crescentmoon"},
    "full moon": {"icon": "full-moon", "fxemoji": "fullmoon"},
    "blossom": {"icon": "blossom"},
    "tulip": {"icon": "tulip"},
    "sunflower": {"icon": "sunflower"},
    "hibiscus": {"icon": "hibiscus"},
    "rose": {"icon": "rose"},
    "mushroom": {"icon": "mushroom"},
    "shell": {"icon": "spiral-shell", "fxemoji": "spiralshell"},
    "rock": {"icon": "rock", "fxemoji": None},
    "sailboat": {"icon": "sailboat", "fxemoji": None},
    "parasol": {"icon": "umbrella-on-ground", "fxemoji": None},
    "painting": {"icon": "framed-picture", "fxemoji": "framewithpicture"},
    "herb": {"icon": "herb"},
    "plant": {"icon": "potted-plant", "fxemoji": None},
    "coral": {"icon": "coral", "fxemoji": None},
    "planet": {"icon": "ringed-planet", "fxemoji": None},
    "earth": {"icon": "globe-showing-americas", "fxemoji": "americasglobe"},
    "traffic light": {"icon": "vertical-traffic-light", "fxemoji": "verticaltrafficlight"},
    "bus stop": {"icon": "bus-stop", "fxemoji": "busstop"},
    "pan": {"icon": "cooking"},
    "cup": {"icon": "hot-beverage", "fxemoji": "hotbeverage"},
    "jar": {"icon": "jar", "fxemoji": None},
}

Props = dict[str, list[Image.Image]]  # prop name -> its pictures, RGBA


def icon_picture(
    modules: Path, source: str, entry: dict[str, str | None], side: int = PROP_SIDE
) -> Image.Image | None:
    """Draw an icon of a package, cut out of its background. Returns None if the package has none.

    `modules`: the node_modules folder. `entry`: {"icon": name, source: another name or null}.
    """
    icon = entry.get(source, entry["icon"])
    if icon is None:
        return None
    if source != "fluent-emoji-3d":
        svg = svg_text(modules, source, icon)
        return cut_out(rasterise(svg, side * 5 // 4), side) if svg else None
    code = code_points(modules)[icon]
    assets = modules / "@lobehub" / source / "assets"
    files = [assets / f"{name}.webp" for name in (code, f"{code}-fe0f", code.removesuffix("-fe0f"))]
    found = next((file for file in files if file.exists()), None)
    return cut_out(Image.open(found), side) if found else None


def restyle(picture: Image.Image, source: str, border: float = 0.024) -> Image.Image:
    """Return a cut-out with the marks of its style: white border, dark outline, or hatching.

    `picture`: RGBA. `border` (fraction of the longer side): width of the line around it.
    """
    if source not in ("twemoji", "noto", "fxemoji"):
        return picture
    share = 0.7 * border if source == "fxemoji" else border
    width = max(1, round(share * max(picture.size)))
    larger = Image.new("RGBA", (picture.width + 2 * width, picture.height + 2 * width))
    larger.paste(picture, (width, width))
    alpha = larger.getchannel("A")
    if source == "fxemoji":
        larger = Image.composite(hatched(larger), larger, alpha)
        larger.putalpha(alpha)
    line = alpha.filter(ImageFilter.MaxFilter(2 * width + 1)).filter(ImageFilter.GaussianBlur(0.7))
    colour = {"twemoji": (255, 255, 255), "noto": (58, 44, 42), "fxemoji": (84, 76, 74)}[source]
    bordered = Image.new("RGBA", larger.size, (*colour, 0))
    bordered.putalpha(line)
    return Image.alpha_composite(bordered, larger)


def hatched(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture with paler colours and diagonal pencil lines over its lower right half."""
    pixels = np.asarray(picture).astype(np.float32)
    rows, columns = np.indices(pixels.shape[:2])
    pixels[..., :3] = 0.68 * pixels[..., :3] + 0.32 * np.array([236, 228, 212])
    lines = (rows + columns) % 9 < 2.5
    shade = np.clip((rows / pixels.shape[0] + columns / pixels.shape[1]) - 0.7, 0, 1)
    pixels[..., :3] -= (lines * shade * 90)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGBA")


def props_from_packages(modules: Path, folder: Path | None = None) -> dict[str, Props]:
    """Draw all props from the npm packages. Returns source -> prop name -> pictures.

    `folder`: where to write them as SOURCE/NAME.png, the layout that `read_props` reads.
    """
    props: dict[str, Props] = {}
    for source in world()["styles"]:
        props[source] = {}
        for name, entry in PROPS.items():
            picture = icon_picture(modules, source, entry)
            if picture is None:
                continue
            props[source][name] = [restyle(picture, source)]
            if folder:
                (folder / source).mkdir(parents=True, exist_ok=True)
                props[source][name][0].save(folder / source / f"{name}.png")
    return props


def read_props(folder: Path) -> dict[str, Props]:
    """Read props at `folder/SOURCE/NAME.png`. Returns source -> prop name -> pictures."""
    props: dict[str, Props] = {}
    for file in sorted(folder.glob("*/*.png")):
        picture = Image.open(file).convert("RGBA")
        props.setdefault(file.parent.name, {}).setdefault(file.stem, []).append(picture)
    return props
