"""Rename a concept everywhere it is waited for: its file, and the paintings in the queue that name it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from studio.documents import DocumentError
from studio.handles import to_handle
from studio.library.library import Entry, Library
from studio.recipes.recipe import Recipe
from studio.workspace.jobs import Jobs

MAX_WAITING = 10_000

T = TypeVar("T")


def rename_concept(library: Library, jobs: Jobs, handle: str, name: str) -> Entry:
    """Give a concept another name, also in the paintings that wait for their turn.

    Raises StudioError when the name is taken or cannot be used.
    """
    before = library.hash(library.find(handle))
    entry = library.rename(handle, name)
    after = library.hash(entry)
    for job in jobs.under_way(MAX_WAITING, ("create",)):
        if job.status == "running":
            continue
        with suppress(DocumentError):  # a damaged one says so itself once it is its turn
            recipe = Recipe.from_json(job.task)
            if before in recipe.concepts.values():
                hashes = {key: after if value == before else value for key, value in recipe.concepts.items()}
                recipe = renamed_in(dataclasses.replace(recipe, concepts=hashes), handle, to_handle(name))
                jobs.change_task(job.id, recipe.to_json(), recipe.prompt)
    return entry


def renamed_in(recipe: Recipe, old: str, new: str) -> Recipe:
    """Return a recipe in which the handle `old` is called `new`."""

    def text(prompt: str) -> str:
        return re.sub(re.escape(old), new, prompt, flags=re.IGNORECASE)

    def keys(table: Mapping[str, T]) -> dict[str, T]:
        return {new if key == old else key: value for key, value in table.items()}

    return dataclasses.replace(
        recipe,
        prompt=text(recipe.prompt),
        negative=text(recipe.negative),
        strengths=keys(recipe.strengths),
        knobs=keys(recipe.knobs),
        regions=keys(recipe.regions),
        concepts=keys(recipe.concepts),
    )
