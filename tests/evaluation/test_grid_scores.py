"""Scoring a grid goes on without the photos of a training when one of them is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

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
