"""Renaming a concept, also where it is waited for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PIL import Image

from studio.grids.blind_vote import Ballot
from studio.grids.grid_folder import GridFolder
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from studio.ui.compare.blind_vote import blind_vote_panel, pairs_of
from studio.workspace.workspace import Workspace
from tests.workspace.test_workspace import keep


def test_renaming_a_concept_renames_it_in_the_paintings_that_wait(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    keep(workspace, "<tom>")
    recipe = Recipe(
        "<lily> and <Lily> beside <tom>", "<lily>", {"<lily>": 0.5}, regions={"<lily>": (0.0, 0.0, 0.5, 1.0)}
    )
    waiting, other = workspace.create(recipe), workspace.create(Recipe("<tom> alone"))
    entry = workspace.rename("<lily>", "Rose")
    assert entry.header.handle == "<rose>"
    job = workspace.jobs.get(waiting.id)
    assert job.title == "<rose> and <rose> beside <tom>"
    renamed = Recipe.from_json(job.task)
    assert renamed.prompt == job.title and renamed.negative == "<rose>"
    assert renamed.strengths == {"<rose>": 0.5, "<tom>": 1.0} and set(renamed.regions) == {"<rose>"}
    assert renamed.concepts == {
        "<rose>": workspace.concepts.hash(entry),
        "<tom>": workspace.concepts.hash(workspace.concepts.find("<tom>")),
    }
    assert workspace.jobs.get(other.id).task == other.task


@pytest.mark.parametrize("status", ["queued", "paused", "failed", "stopped"])
def test_renaming_follows_into_grids_and_keeps_their_pictures(tmp_path: Path, status: str) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    keep(workspace, "<tom>")
    grid = Grid(
        Recipe("<lily> on blue", steps=2), Axis("concept", ("<lily>", "<tom>")), Axis("guidance", (1, 2))
    )
    job = workspace.compare(grid)
    folder = workspace.jobs.folder(job.id)
    before = GridFolder.open(folder)
    red = Image.new("RGB", (8, 8), "red")
    save_picture(red, before.cells[0].recipe, before.path(before.cells[0]))
    if status == "paused":
        workspace.jobs.request_stop(job.id, "pause")
    elif status != "queued":
        workspace.jobs.claim(("grid",))
        workspace.jobs.end(job.id, "failed" if status == "failed" else "stopped")
    workspace.rename("<lily>", "rose")
    after = GridFolder.open(folder)
    assert after.grid.base.prompt == "<rose> on blue" and after.grid.x.values == ("<rose>", "<tom>")
    assert [after.is_painted(cell) for cell in after.cells] == [True, False, False, False]
    assert not before.path(before.cells[0]).exists()
    assert read_recipe(after.path(after.cells[0])).prompt == "<rose> on blue"
    hashes = {workspace.concepts.hash(workspace.concepts.find(one)) for one in ("<rose>", "<tom>")}
    assert {it for cell in after.cells for it in cell.recipe.concepts.values()} == hashes
    assert workspace.jobs.get(job.id).title == "<rose> on blue: guidance and concept"


def test_a_vote_goes_on_after_a_renaming_and_without_its_pictures_another_can_begin(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    keep(workspace, "<tom>")
    axes = Axis("concept", ("<lily>", "<tom>")), Axis("guidance", (1, 2))
    job = workspace.compare(Grid(Recipe("<lily> on blue", steps=2), *axes))
    grid = GridFolder.open(workspace.jobs.folder(job.id))
    for cell in grid.cells:
        save_picture(Image.new("RGB", (8, 8), "red"), cell.recipe, grid.path(cell))
    Ballot.draw(*pairs_of(grid, ("x:0", "x:1"))).cast("left", 0).save(grid.folder)
    workspace.jobs.claim(("grid",))
    workspace.jobs.end(job.id, "stopped")
    workspace.rename("<lily>", "rose")
    ballot = Ballot.open(grid.folder)
    assert ballot is not None and ballot.settings == ("<rose>", "<tom>") and ballot.votes == ("left",)
    assert all((grid.folder / name).is_file() for pair in ballot.pairs for name in pair.sides)
    assert "Which is better?" in blind_vote_panel(workspace, job.id, ())
    assert ballot.pair is not None
    (grid.folder / ballot.pair.first).unlink()
    assert "Which two?" in blind_vote_panel(workspace, job.id, ())
    ballot.reveal().save(grid.folder)
    assert "vote-result" in blind_vote_panel(workspace, job.id, ())


def test_a_knob_of_one_concept_keeps_its_axis(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    keep(workspace, "<tom>")
    job = workspace.compare(Grid(Recipe("<lily> and <tom>", steps=2), Axis("lily.strength", (0.5, 1))))
    workspace.rename("<lily>", "rose")
    grid = GridFolder.open(workspace.jobs.folder(job.id)).grid
    assert grid.x.name == "rose.strength"
    assert workspace.resolve_grid(grid)[1][0].recipe.strengths == {"<rose>": 0.5, "<tom>": 1.0}


def test_renaming_leaves_what_is_painted_and_what_names_another_concept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    older = Recipe.from_json(workspace.create(Recipe("<lily> on red")).task)
    earlier = dataclasses.replace(older, concepts={"<lily>": "0" * 64})  # of a file that was there before
    waiting = workspace.jobs.add("create", earlier.prompt, earlier.to_json())
    running = workspace.jobs.claim()
    assert running is not None
    workspace.rename("<lily>", "rose")
    for job in (running, waiting):
        assert workspace.jobs.get(job.id).task == job.task
        assert workspace.jobs.get(job.id).title == "<lily> on red"
