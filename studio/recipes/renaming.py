"""Give a concept another name in recipes, axes and grids."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True)
class Renaming:
    """A concept's change of name.

    Args:
        old, new: handles.
        before, after: hashes of its file, which its name is a part of.
    """

    old: str
    new: str
    before: str
    after: str

    def names(self, recipe: Recipe) -> bool:
        """Return whether a recipe is to be painted with this concept."""
        return self.before in recipe.concepts.values()

    def text(self, text: str) -> str:
        """Return a prompt, a title or a value of an axis with the new name."""
        return renamed_text(text, {self.old: self.new})

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return a recipe with the new name."""
        return renamed_recipe(recipe, {self.old: self.new}, {self.before: self.after})

    def axis(self, axis: Axis) -> Axis:
        """Return an axis with the new name, among its values or in front of a knob, as in "lily.bias"."""
        handle, dot, knob = axis.name.rpartition(".")
        name = f"{self.new.strip('<>')}.{knob}" if dot and f"<{handle}>" == self.old else axis.name
        values = tuple(self._value(value) for value in axis.values)
        return dataclasses.replace(axis, name=name, values=values)

    def grid(self, grid: Grid) -> Grid:
        """Return a grid with the new name."""
        return Grid(self.recipe(grid.base), self.axis(grid.x), self.axis(grid.y))

    def _value(self, value: V) -> V | str:
        return self.text(value) if isinstance(value, str) else value


def renamed_text(text: str, names: Mapping[str, str]) -> str:
    """Return a text with other words for handles, `names` old to new; two may have changed places."""
    if not names:
        return text
    old = "|".join(map(re.escape, names))
    return re.sub(old, lambda found: names[found.group().lower()], text, flags=re.IGNORECASE)


def renamed_recipe(recipe: Recipe, names: Mapping[str, str], hashes: Mapping[str, str]) -> Recipe:
    """Return a recipe with other handles, and other hashes of the files of its concepts, each old to new."""

    def keys(table: Mapping[str, T]) -> dict[str, T]:
        return {names.get(key, key): value for key, value in table.items()}

    return dataclasses.replace(
        recipe,
        prompt=renamed_text(recipe.prompt, names),
        negative=renamed_text(recipe.negative, names),
        strengths=keys(recipe.strengths),
        knobs=keys(recipe.knobs),
        regions=keys(recipe.regions),
        refinements={
            name: renamed_text(value, names) if isinstance(value, str) else value
            for name, value in recipe.refinements.items()
        },
        concepts=keys({key: hashes.get(it, it) for key, it in recipe.concepts.items()}),
    )
