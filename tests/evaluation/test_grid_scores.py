"""Scoring a grid goes on without the photos of a training when they are damaged or cannot be found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageStat

from studio.errors import StudioError
from studio.evaluation.grid_scores import score_grid
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores
from studio.recipes.axis import Axis
from studio.recipes.grid import Cell, Grid
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe


class Encoder:
    """Finds everything the same."""

    name = "same"

    def encode(self, pictures: Any) -> torch.Tensor:
        return torch.full((len(pictures), 4), 0.5)

    encode_text = encode


def test_a_damaged_photo_of_a_training_is_as_no_photos(tmp_path: Path) -> None:
    recipe, photos = Recipe("<lily>"), tmp_path / "photos"
    photos.mkdir()
    grid = GridFolder.create(tmp_path / "grid", Grid(recipe, Axis("seed", (0,))), [Cell(0, 0, recipe)])
    save_picture(Image.new("RGB", (8, 8)), recipe, grid.path(grid.cells[0]))
    likeness = []
    for content in (b"damaged", None):
        if content is None:
            Image.effect_noise((64, 64), 50).save(photos / "01.png")
        else:
            (photos / "01.png").write_bytes(content)
        list(score_grid(Encoder(), grid, {"<lily>": "cat"}, lambda handle: photos))
        scores = GridScores.open(grid.folder)
        assert scores is not None
        likeness.append(scores.cells[grid.path(grid.cells[0]).name].likeness)
    assert likeness == [None, 1.0]


def test_a_concept_that_is_gone_by_now_is_as_no_photos(tmp_path: Path) -> None:
    """It may get another name, or be deleted, while the grid is scored."""
    recipe = Recipe("<lily>")
    grid = GridFolder.create(tmp_path, Grid(recipe, Axis("seed", (0,))), [Cell(0, 0, recipe)])
    save_picture(Image.new("RGB", (8, 8)), recipe, grid.path(grid.cells[0]))

    def photos_of(handle: str) -> Path | None:
        raise StudioError("There is no concept called <lily>.")

    list(score_grid(Encoder(), grid, {}, photos_of))
    scores = GridScores.open(grid.folder)
    assert scores is not None and scores.photos == {"<lily>": 0}
    assert scores.cells[grid.path(grid.cells[0]).name].likeness is None


class Brightness:
    def __init__(self, values: list[float]) -> None:
        self.values = torch.tensor(values)
        self.clean = torch.zeros(len(values))

    def subject_of(self, photos: Brightness) -> torch.Tensor:
        return self.values[:, None].expand(-1, len(photos.values))


class Judge:
    """Sees as much of a subject as a picture is bright."""

    name = "brightness"

    def see(self, pictures: Any) -> Brightness:
        return Brightness([ImageStat.Stat(picture.convert("L")).mean[0] / 255 for picture in pictures])


def test_likeness_is_what_the_judge_says_where_there_is_one(tmp_path: Path) -> None:
    recipes, photos = [Recipe("<lily>", seed=seed) for seed in (0, 1)], tmp_path / "photos"
    photos.mkdir()
    Image.effect_noise((64, 64), 50).save(photos / "01.png")
    cells = [Cell(number, 0, recipe) for number, recipe in enumerate(recipes)]
    grid = GridFolder.create(tmp_path / "grid", Grid(recipes[0], Axis("seed", (0, 1))), cells)
    for cell, colour in zip(cells, ("black", "white"), strict=True):
        save_picture(Image.new("RGB", (8, 8), colour), cell.recipe, grid.path(cell))
    list(score_grid(Encoder(), grid, {"<lily>": "cat"}, lambda handle: photos, Judge()))
    scores = GridScores.open(grid.folder)
    assert scores is not None and scores.judge == "brightness and same"
    assert [scores.cells[grid.path(cell).name].likeness for cell in cells] == [0.0, 1.0]
