"""Renaming a concept, also where it is waited for."""

from __future__ import annotations

import dataclasses
import errno
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import DiskError
from studio.grids.blind_vote import Ballot
from studio.grids.grid_folder import GridFolder
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from studio.recipes.renaming import Renaming
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


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that stay open elsewhere, so that Windows does not delete them."""
    paths, unlink = list[Path](), Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path in paths:
            raise PermissionError(errno.EACCES, "The file is used by another process")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr("studio.files.WAITS", ())
    return paths


def test_a_picture_that_the_page_has_open_keeps_neither_its_name_nor_its_vote_from_following(
    tmp_path: Path, held: list[Path]
) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    keep(workspace, "<tom>")
    older = workspace.create(Recipe("<lily> on red"))
    axes = Axis("concept", ("<lily>", "<tom>")), Axis("guidance", (1, 2))
    job = workspace.compare(Grid(Recipe("<lily> on blue", steps=2), *axes))
    grid = GridFolder.open(workspace.jobs.folder(job.id))
    for cell in grid.cells:
        save_picture(Image.new("RGB", (8, 8), "red"), cell.recipe, grid.path(cell))
    Ballot.draw(*pairs_of(grid, ("x:0", "x:1"))).save(grid.folder)
    held += map(grid.path, grid.cells)
    workspace.rename("<lily>", "rose")
    after, ballot = GridFolder.open(grid.folder), Ballot.open(grid.folder)
    assert all(after.is_painted(cell) for cell in after.cells)
    assert ballot is not None and ballot.settings == ("<rose>", "<tom>") and ballot.is_whole(grid.folder)
    names = {name for pair in ballot.pairs for name in pair.sides}
    assert names == {after.path(cell).name for cell in after.cells}
    assert [workspace.jobs.get(one.id).title[:6] for one in (older, job)] == ["<rose>", "<rose>"]


def test_a_grid_whose_files_cannot_be_read_does_not_keep_others_from_their_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    older = workspace.create(Recipe("<lily> on red"))
    workspace.compare(Grid(Recipe("<lily> on blue", steps=2), Axis("guidance", (1, 2))))

    def refuse(grid: GridFolder, renaming: Renaming) -> GridFolder:
        raise PermissionError(errno.EACCES, "The file is used by another process")

    monkeypatch.setattr(GridFolder, "rename", refuse)
    workspace.rename("<lily>", "rose")
    assert workspace.jobs.get(older.id).title == "<rose> on red"


def test_a_concept_whose_file_cannot_be_deleted_keeps_its_name(tmp_path: Path, held: list[Path]) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    held.append(workspace.concepts.path("<lily>"))
    with pytest.raises(DiskError, match="used by another process"):
        workspace.rename("<lily>", "rose")
    assert set(workspace.concepts.shelf.by_handle) == {"<lily>"}
    held.clear()
    assert workspace.rename("<lily>", "rose").header.handle == "<rose>"


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
