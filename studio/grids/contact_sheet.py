"""The contact sheet of a grid: all its pictures at one size on light paper, rows and columns labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw, ImageFont

from studio.grids.grid_folder import GridFolder
from studio.recipes.grid import Cell
from studio.recipes.png import read_recipe
from studio.settings import number_text
from studio.words import tr

PAPER, INK, FAINT, BLANK = "#fffdfa", "#25211d", "#6f675f", "#ece6dd"
MIN_SIDE = 160  # pixels of a picture; larger ones keep their size, unless the whole gets too large
MAX_PICTURE_PIXELS = 40_000_000  # of all pictures together
TITLE_LINE = 1.3  # height of a line of the title, in lines of the labels


Font = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Fonts:
    """The three sizes of text."""

    title: Font
    label: Font
    small: Font

    @classmethod
    def of(cls, side: int) -> Fonts:
        """Return fonts that suit pictures of `side` pixels."""
        # Pillow has a scalable font wherever it was built with FreeType, as its wheels are
        title, label, small = (ImageFont.load_default(share * side) for share in (0.125, 0.1, 0.082))
        return cls(cast(Font, title), cast(Font, label), cast(Font, small))


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels; texts are wrapped into lines.

    Args:
        side: of a picture.
        line: height of a line of text.
        left, top: of the first picture.
        notes_top: of the notes above the columns.
        facts: what all pictures share.
        notes: what changes from column to column.
    """

    side: int
    gap: int
    line: int
    left: int
    top: int
    notes_top: int
    size: tuple[int, int]
    title: Sequence[str]
    facts: Sequence[str]
    notes: Sequence[str]
    column_labels: Sequence[Sequence[str]]
    row_labels: Sequence[Sequence[str]]

    def corner(self, column: int, row: int) -> tuple[int, int]:
        """Return the left upper corner of a picture."""
        pitch = self.side + self.gap
        return self.left + column * pitch, self.top + row * pitch


def contact_sheet(grid_folder: GridFolder) -> Image.Image:
    """Return the contact sheet of a grid; pictures that are not painted yet are blank."""
    pictures = [_open(grid_folder.path(cell)) for cell in grid_folder.cells]
    side = max([MIN_SIDE, *(max(picture.size) for picture in pictures if picture)])
    side = min(side, round((MAX_PICTURE_PIXELS / len(pictures)) ** 0.5))
    fonts = Fonts.of(side)
    layout = lay_out(grid_folder, side, fonts)
    page = Image.new("RGB", layout.size, PAPER)
    _draw_texts(ImageDraw.Draw(page), layout, fonts, grid_folder.grid.y.title)
    _draw_pictures(page, layout, grid_folder.cells, pictures)
    return page


def lay_out(grid_folder: GridFolder, side: int, fonts: Fonts) -> Layout:
    """Return the layout of a contact sheet whose pictures have `side` pixels."""
    grid = grid_folder.grid
    gap, line = side // 16, round(0.125 * side)
    row_labels = [_wrap(label, fonts.label, 1.2 * side) for label in grid.y.labels] if grid.y.name else [[]]
    column_labels = [_wrap(label, fonts.label, side) for label in grid.x.labels]
    row_texts = [text for lines in (*row_labels, [grid.y.title]) for text in lines]
    left = 2 * gap
    if grid.y.name:
        left += round(max(fonts.label.getlength(text) for text in row_texts)) + gap
    width = left + len(grid.x.values) * (side + gap) + gap
    title = _wrap(grid.base.prompt, fonts.title, width - 4 * gap)
    facts = _wrap(_facts(grid_folder), fonts.small, width - 4 * gap)
    notes = _wrap(" · ".join(filter(None, (grid.x.title, tr(grid.x.note)))), fonts.small, width - left - gap)
    notes_top = 2 * gap + round(TITLE_LINE * line) * len(title) + line * len(facts) + gap
    top = notes_top + line * (len(notes) + max(map(len, column_labels))) + gap // 2
    size = width, top + len(grid.y.values) * (side + gap) + gap
    return Layout(side, gap, line, left, top, notes_top, size, title, facts, notes, column_labels, row_labels)


def _draw_texts(draw: ImageDraw.ImageDraw, layout: Layout, fonts: Fonts, row_title: str) -> None:
    """Draw the title, the notes, and the labels of columns and rows."""
    gap, line, left, top = layout.gap, layout.line, layout.left, layout.top
    title_line = round(TITLE_LINE * line)
    for number, text in enumerate(layout.title):
        draw.text((2 * gap, 2 * gap + title_line * number), text, INK, fonts.title)
    below_title = 2 * gap + title_line * len(layout.title)
    for number, text in enumerate(layout.facts):
        draw.text((2 * gap, below_title + line * number), text, FAINT, fonts.small)
    for number, text in enumerate(layout.notes):
        draw.text((left, layout.notes_top + line * number), text, FAINT, fonts.small)
    if any(layout.row_labels):
        draw.text((left - gap, top - gap // 2), row_title, FAINT, fonts.small, anchor="rs")
    for column, lines in enumerate(layout.column_labels):
        middle = layout.corner(column, 0)[0] + layout.side // 2
        for number, text in enumerate(reversed(lines)):
            draw.text((middle, top - gap // 2 - line * number), text, INK, fonts.label, anchor="ms")
    for row, lines in enumerate(layout.row_labels):
        first = layout.corner(0, row)[1] + layout.side / 2 - line * (len(lines) - 1) / 2
        for number, text in enumerate(lines):
            draw.text((left - gap, first + line * number), text, INK, fonts.label, anchor="rm")


def _draw_pictures(
    page: Image.Image, layout: Layout, cells: Sequence[Cell], pictures: Sequence[Image.Image | None]
) -> None:
    """Paste every picture into its cell; one that is None leaves a blank."""
    side = layout.side
    for cell, picture in zip(cells, pictures, strict=True):
        left, top = layout.corner(cell.column, cell.row)
        if picture:
            page.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (left, top))
        else:
            page.paste(BLANK, (left, top, left + side, top + side))


def _open(path: Path) -> Image.Image | None:
    """Return the picture at `path`, None when there is none."""
    return Image.open(path).convert("RGB") if path.exists() else None


def _facts(grid_folder: GridFolder) -> str:
    """Return what all pictures share and no axis changes: "seed 3 · steps 20 · without blur · starter"."""
    base = grid_folder.grid.base
    facts = {
        "seed": tr("seed {value}", value=number_text(base.seed)),
        "steps": tr("steps {value}", value=number_text(base.steps)),
        "guidance": tr("guidance {value}", value=number_text(base.guidance)),
    }
    axes = (grid_folder.grid.x.name, grid_folder.grid.y.name)
    words = [fact for name, fact in facts.items() if name not in axes]
    if base.negative and "negative" not in axes:
        words.append(tr("without {negative}", negative=base.negative))
    painted = next((path for path in map(grid_folder.path, grid_folder.cells) if path.exists()), None)
    if painted and (model := read_recipe(painted).base):
        words.append(Path(model).name)
    return " · ".join(words)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> Sequence[str]:
    """Return `text` in lines that are no wider than `width` pixels, unless a single word is."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
