"""A sheet as one labelled picture: on light paper, all cells of one size, rows and columns labelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from studio.grids.grid_folder import GridFolder
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe

PAPER, INK, FAINT, BLANK = "#fffdfa", "#25211d", "#6f675f", "#ece6dd"
MIN_SIDE = 160  # pixels of a cell; larger pictures keep their size, unless the whole gets too large
MAX_CELL_PIXELS = 40_000_000


def contact_sheet(sheet: GridFolder) -> Image.Image:
    """The picture; cells that are not painted yet are blank."""
    pictures = [_opened(sheet.path(cell)) for cell in sheet.cells]
    side = max([MIN_SIDE, *(max(picture.size) for picture in pictures if picture)])
    side = min(side, round((MAX_CELL_PIXELS / len(pictures)) ** 0.5))
    font, small = (ImageFont.load_default(share * side) for share in (0.1, 0.082))
    large = ImageFont.load_default(0.125 * side)
    gap, line = side // 16, round(0.125 * side)
    x, y = sheet.grid.x, sheet.grid.y
    columns, rows = len(x.values), len(y.values)
    row_labels = [_wrapped(label, font, 1.2 * side) for label in y.labels] if y.name else [[]]
    heads = [_wrapped(label, font, side) for label in x.labels]
    wide = max([0, *(font.getlength(text) for lines in (*row_labels, [y.title]) for text in lines)])
    left = 2 * gap + (round(wide) + gap if y.name else 0)
    width = left + columns * (side + gap) + gap
    title = _wrapped(sheet.grid.base.prompt, large, width - 4 * gap)
    facts = _wrapped(_facts(sheet), small, width - 4 * gap)
    notes = _wrapped(" · ".join(filter(None, (x.title, x.note))), small, width - left - gap)
    top = 2 * gap + round(1.3 * line) * len(title) + line * len(facts) + gap
    head = top + line * (len(notes) + max(map(len, heads))) + gap // 2
    page = Image.new("RGB", (width, head + rows * (side + gap) + gap), PAPER)
    draw = ImageDraw.Draw(page)
    for number, text in enumerate(title):
        draw.text((2 * gap, 2 * gap + round(1.3 * line) * number), text, INK, large)
    for number, text in enumerate(facts):
        draw.text((2 * gap, 2 * gap + round(1.3 * line) * len(title) + line * number), text, FAINT, small)
    for number, text in enumerate(notes):
        draw.text((left, top + line * number), text, FAINT, small)
    if y.name:
        draw.text((left - gap, head - gap // 2), y.title, FAINT, small, anchor="rs")
    for column, lines in enumerate(heads):
        middle = left + column * (side + gap) + side // 2
        for number, text in enumerate(reversed(lines)):
            draw.text((middle, head - gap // 2 - line * number), text, INK, font, anchor="ms")
    for row, lines in enumerate(row_labels):
        middle = head + row * (side + gap) + side / 2 - line * (len(lines) - 1) / 2
        for number, text in enumerate(lines):
            draw.text((left - gap, middle + line * number), text, INK, font, anchor="rm")
    for cell, picture in zip(sheet.cells, pictures, strict=True):
        place = (left + cell.column * (side + gap), head + cell.row * (side + gap))
        if picture:
            page.paste(picture.resize((side, side), Image.Resampling.LANCZOS), place)
        else:
            draw.rectangle((*place, place[0] + side - 1, place[1] + side - 1), BLANK)
    return page


def _opened(path: Path) -> Image.Image | None:
    return Image.open(path).convert("RGB") if path.exists() else None


def _facts(sheet: GridFolder) -> str:
    """What all cells share, and no axis changes."""
    base = sheet.grid.base
    told = {"seed": base.seed, "steps": base.steps, "guidance": base.guidance}
    axes = (sheet.grid.x.name, sheet.grid.y.name)
    words = [f"{name} {value:g}" for name, value in told.items() if name not in axes]
    words += [f"without {base.negative}"] if base.negative else []
    painted = next((path for path in map(sheet.path, sheet.cells) if path.exists()), None)
    recipe: Recipe | None = read_recipe(painted) if painted else None
    return " · ".join([*words, *([Path(recipe.base).name] if recipe and recipe.base else [])])


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> Sequence[str]:
    """`text` in lines that are no wider than `width` pixels, unless a single word is."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
