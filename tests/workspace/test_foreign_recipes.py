"""Recipes of other programs on their way to the queue: calls become concepts, and what changes is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.recipes.axis import SINGLE, Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe
from studio.ui.create.gallery import painting_card
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    save_concept(made.concepts.path("<mona>"), header_of("<mona>", "cat", 3, 5, 40))
    return made


def test_a_typed_call_is_painted_as_the_concept_at_that_strength(workspace: Workspace) -> None:
    called = workspace.resolve_recipe(Recipe("a <lora:mona:0.8>, <lora:foo:1>", "<mona:0.8>"))
    by_hand = Recipe("a <mona>, <lora:foo:1>", "<mona>", strengths={"<mona>": 0.8})
    assert called == workspace.resolve_recipe(by_hand)
    assert called.concepts and called.strengths == {"<mona>": 0.8}


def test_a_typed_strength_out_of_range_is_refused(workspace: Workspace) -> None:
    with pytest.raises(StudioError, match="A strength of 3 for <mona> is out of range"):
        workspace.create(Recipe("<lora:mona:3>"))


def test_a_recipe_that_was_read_is_made_to_fit_and_every_change_is_said(workspace: Workspace) -> None:
    workspace.write_worker_state(WorkerState("ready", {"resolution": 64}))
    recipe, notes = workspace.as_read(Recipe("a <lora:mona:3>", width=512, height=768))
    assert recipe == Recipe("a <mona>", strengths={"<mona>": 2.0})
    assert ["<lora:mona:3> is <mona>" in notes[0], "beyond 0 to 2" in notes[1], "512 × 768" in notes[2]] == [
        True
    ] * 3
    workspace.resolve_recipe(recipe)


def test_an_axis_changes_what_a_call_became(workspace: Workspace) -> None:
    cells = workspace.resolve_grid(Grid(Recipe("<mona:0.8>"), Axis("strength", (0.0, 1.5)), SINGLE))[1]
    assert [cell.recipe.strengths["<mona>"] for cell in cells] == [0.0, 1.5]
    words = Axis("prompt", ("<mona:0.8>", "<mona:0.4>"))
    cells = workspace.resolve_grid(Grid(Recipe("a <mona:0.8>"), words, SINGLE))[1]
    assert [cell.recipe.strengths["<mona>"] for cell in cells] == [0.8, 0.4]


def test_the_card_of_a_painting_shows_what_was_not_read(workspace: Workspace) -> None:
    job, other = workspace.create(Recipe("a (dog:1.3)")), workspace.create(Recipe("a dog"))
    assert 'class="notes"' not in painting_card(workspace, other)
    workspace.jobs.log(job.id, {"event": "note", "text": "Likeness reads (dog:1.3) <b> as plain words."})
    assert "(dog:1.3) &lt;b&gt; as plain words" in painting_card(workspace, job)
