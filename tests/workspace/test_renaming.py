"""Renaming a concept, also where it is waited for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from studio.recipes.recipe import Recipe
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
