"""The folder in which a grid is painted. At any moment a cell's picture is whole, or not there.

Pictures are named by the hash of their recipe. So a grid that is resumed, or has the same picture twice,
paints nothing twice, and no name reveals to a voter which setting a picture comes from.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from studio.documents import DocumentError, read_document
from studio.errors import DiskError, StudioError
from studio.files import delete_file, write_atomic
from studio.grids.blind_vote import Ballot
from studio.recipes.axis import Axis
from studio.recipes.grid import Cell, Grid, upgrade_grid
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe, upgrade_recipe
from studio.recipes.renaming import Renaming
from studio.words import tr

FILE = "grid.json"
PICTURE = "grid.png"
ARCHIVE = "grid.zip"
SCORES = "scores.json"


@dataclass(frozen=True)
class SavedGrid:
    """What `FILE` holds: a grid, and the recipe of every cell, row by row."""

    base: Recipe
    x: Axis
    y: Axis
    cells: tuple[Recipe, ...]


def _upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file of an earlier version under the present field names."""
    values = upgrade_grid(values)
    cells = values.get("cells")
    if isinstance(cells, list):
        values["cells"] = [upgrade_recipe(one) if isinstance(one, dict) else one for one in cells]
    return values


@dataclass(frozen=True)
class GridFolder:
    """A grid with its cells, row by row, each with the hashes of its concepts."""

    folder: Path
    grid: Grid
    cells: tuple[Cell, ...]

    @classmethod
    def create(cls, folder: Path, grid: Grid, cells: Sequence[Cell]) -> GridFolder:
        """Write a grid to `folder`; pictures that are there already are used."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {**grid.to_json(), "cells": [cell.recipe.to_json() for cell in cells]}
        write_atomic(folder / FILE, json.dumps(values).encode("utf-8"))
        return cls(folder, grid, tuple(cells))

    @classmethod
    def open(cls, folder: Path) -> GridFolder:
        """Return the grid in `folder`. Raises StudioError when there is none that can be read."""
        try:
            text = (folder / FILE).read_bytes()
        except OSError as error:
            raise StudioError("This grid cannot be read.", "Paint it again.") from error
        saved = read_document(SavedGrid, text, tr("This grid"), _upgrade, hint=tr("Paint it again."))
        grid = Grid(saved.base, saved.x, saved.y)
        columns = max(1, len(grid.x.values))
        if len(saved.cells) != columns * len(grid.y.values):
            reason = "it has {count} cells, not {expected}"
            raise DocumentError(
                "This grid",
                reason,
                "Paint it again.",
                count=len(saved.cells),
                expected=columns * len(grid.y.values),
            )
        cells = (Cell(number % columns, number // columns, one) for number, one in enumerate(saved.cells))
        return cls(folder, grid, tuple(cells))

    def rename(self, renaming: Renaming) -> GridFolder:
        """Give a concept another name in the grid, its pictures and its vote; returns the grid as it is now.

        Pictures are moved last: if that is interrupted, those that are left are painted again.
        """
        cells = [dataclasses.replace(cell, recipe=renaming.recipe(cell.recipe)) for cell in self.cells]
        files: dict[str, str] = {}
        renamed = GridFolder.create(self.folder, renaming.grid(self.grid), cells)
        for old, new in zip(self.cells, renamed.cells, strict=True):
            path = self.path(old)
            files[path.name] = renamed.path(new).name
            if path.exists() and path != renamed.path(new):
                recipe = renaming.recipe(read_recipe(path))
                with Image.open(path) as picture:
                    save_picture(picture, recipe, renamed.path(new))
                with suppress(DiskError):  # a page may have it open; nothing names it any more
                    delete_file(path)
        if ballot := Ballot.open(self.folder):
            ballot.renamed(files, renaming.text).save(self.folder)
        return renamed

    def path(self, cell: Cell) -> Path:
        """Return where a cell's picture is, or will be."""
        text = json.dumps(cell.recipe.to_json(), sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode('utf-8')).hexdigest()[:20]}.png"

    def is_painted(self, cell: Cell, base: str = "") -> bool:
        """Return whether a cell's picture exists, of this very recipe (and painted with `base`, if given)."""
        path = self.path(cell)
        if not path.exists():
            return False
        try:
            recipe = read_recipe(path)
        except StudioError:
            return False
        return recipe == dataclasses.replace(cell.recipe, base=base or recipe.base)

    def lines(self, along: str) -> list[tuple[str, list[Cell]]]:
        """Return the columns (`along` "x") or rows ("y"): the label of each, and its cells in order."""
        axis = self.grid.x if along == "x" else self.grid.y
        groups: list[tuple[str, list[Cell]]] = [(label, []) for label in axis.labels]
        for cell in self.cells:
            groups[cell.column if along == "x" else cell.row][1].append(cell)
        return groups

    def label_of(self, cell: Cell) -> str:
        """Return the row and column of a cell in words: "<lily>, Bias 0.2"."""
        positions = ((self.grid.y, cell.row), (self.grid.x, cell.column))
        return ", ".join(axis.label_of(position) for axis, position in positions if axis.name)

    def archive(self, path: Path) -> None:
        """Write a zip with the contact sheet and every cell's file, named by its row, column and labels."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
            if (self.folder / PICTURE).exists():
                archive.write(self.folder / PICTURE, PICTURE)
            for cell in self.cells:
                if self.path(cell).exists():
                    archive.write(self.path(cell), self.file_name(cell))
        write_atomic(path, content.getvalue())

    def file_name(self, cell: Cell) -> str:
        """Return a name for people: "02-03 lily, Bias 0.4.png", row and column first."""
        words = re.sub(r"[^\w .,+=-]", "", self.label_of(cell))[:120].strip()
        return f"{cell.row + 1:02d}-{cell.column + 1:02d} {words}.png"
