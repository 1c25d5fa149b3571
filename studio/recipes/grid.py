"""Grids: a recipe, and two axes along which it changes; every cell has a recipe of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.concepts.header import Header
from studio.documents import read_document
from studio.errors import StudioError
from studio.handles import handles_in
from studio.recipes.axis import FIELDS, PLAIN, SINGLE, WORDS, Axis, upgrade_axis
from studio.recipes.recipe import Recipe, upgrade_recipe
from studio.recipes.refinement_card import RefinementCard, refinement_fields
from studio.words import all_of, tr

MAX_CELLS = 400
FIRST = ("prompt", "concept", "method")  # these change the prompt, before strengths and knobs of its concepts


@dataclass(frozen=True)
class Cell:
    """One picture of a grid: its column and row from 0, and its recipe."""

    column: int
    row: int
    recipe: Recipe


@dataclass(frozen=True)
class Grid:
    """A grid before it is painted.

    Args:
        base: what all cells share, the seed included.
        x, y: what changes from column to column, and from row to row.
    """

    base: Recipe
    x: Axis
    y: Axis = SINGLE

    @property
    def title(self) -> str:
        """Return the prompt and what changes: "<lily> on blue: concept and bias"."""
        words = [axis.title_within for axis in (self.y, self.x) if axis.name]
        return f"{self.base.prompt}: {all_of(words)}"

    def cells(self, headers: Mapping[str, Header], cards: Sequence[RefinementCard] = ()) -> tuple[Cell, ...]:
        """Return the cells, row by row. Raises StudioError when a cell cannot be painted.

        Args:
            headers: those of all concepts in the Library, by handle.
            cards: the refinements whose settings may change.
        """
        count = len(self.x.values) * len(self.y.values)
        if count > MAX_CELLS:
            raise StudioError(
                "{count} pictures are too many for a grid.",
                "Stay below {most}.",
                count=count,
                most=MAX_CELLS,
            )
        if self.x.name == self.y.name != "prompt":
            raise StudioError(
                "Both directions change the {name}.", "Change something else in one.", name=self.x.name
            )
        for axis in (self.x, self.y):
            if axis.name and not self._knows(axis.name, headers, cards):
                words = axis.name.replace("_", " ")
                names = [*FIELDS, *refinement_fields(cards)]
                hint = "Take {others}, strength, a knob, {names}."
                raise StudioError(
                    "A grid cannot change the {name}.",
                    hint,
                    name=words,
                    others=", ".join(WORDS),
                    names=", ".join(names),
                )
        return tuple(self._cells(headers, refinement_fields(cards)))

    def _knows(self, name: str, headers: Mapping[str, Header], cards: Sequence[RefinementCard]) -> bool:
        knobs = {knob for header in headers.values() for knob in header.knobs}
        return name in {*WORDS, *FIELDS, *refinement_fields(cards)} or name.rpartition(".")[2] in {
            "strength",
            *knobs,
        }

    def _cells(self, headers: Mapping[str, Header], refinements: Collection[str]) -> Iterator[Cell]:
        order = {name: number for number, name in enumerate(FIRST)}
        axes = sorted((self.x, self.y), key=lambda axis: order.get(axis.name, len(FIRST)))
        for row, y in enumerate(self.y.values):
            for column, x in enumerate(self.x.values):
                recipe = dataclasses.replace(self.base, count=1)
                for axis in axes:
                    recipe = with_axis_value(recipe, axis, x if axis is self.x else y, headers, refinements)
                yield Cell(column, row, recipe.checked())

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary; `from_json` is its inverse."""
        return {"base": self.base.to_json(), "x": self.x.to_json(), "y": self.y.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Grid:
        """Return the grid that `to_json` wrote. Raises DocumentError when it is none."""
        return read_document(cls, values, tr("The grid"), upgrade_grid)


def upgrade_grid(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a grid with the names that they have today."""
    upgrades = {"base": upgrade_recipe, "x": upgrade_axis, "y": upgrade_axis}
    upgraded = {
        name: upgrade(values[name])
        for name, upgrade in upgrades.items()
        if isinstance(values.get(name), dict)
    }
    return {**values, **upgraded}


def with_axis_value(
    recipe: Recipe, axis: Axis, value: Any, headers: Mapping[str, Header], refinements: Collection[str] = ()
) -> Recipe:
    """Return `recipe` with one value of an axis. Raises StudioError when it has nothing to change there."""
    if not axis.name:
        return recipe
    if axis.name in refinements:
        return dataclasses.replace(recipe, refinements={**recipe.refinements, axis.name: value})
    if axis.name in FIELDS:
        return dataclasses.replace(recipe, **{axis.name: value})
    if axis.name == "prompt":
        return _with_words(recipe, str(axis.values[0]), value)
    named = handles_in(f"{recipe.prompt} {recipe.negative}")
    for handle in named:
        _header(handle, headers)
    if axis.name in WORDS:
        if not named:
            hint = "Name one where they should take turns, such as <lily>."
            raise StudioError("The prompt names no concept.", hint)
        replaced = next((handle for handle in named if handle in axis.values), named[0])
        if value == PLAIN:
            return dataclasses.replace(recipe, strengths={**recipe.strengths, replaced: 0.0})
        other = value if axis.name == "concept" else trained_by(value, replaced, headers)
        return _with_concept(recipe, replaced, other, headers)
    named = recipe.handles
    knob = axis.name.rpartition(".")[2]
    strengths, knobs = dict(recipe.strengths), {one: dict(moved) for one, moved in recipe.knobs.items()}
    for handle in axis.handles(named, headers):
        if knob == "strength":
            strengths[handle] = value
        else:
            knobs.setdefault(handle, {})[knob] = value
    return dataclasses.replace(recipe, strengths=strengths, knobs=knobs)


def trained_by(method: str, handle: str, headers: Mapping[str, Header]) -> str:
    """Return the handle of the concept of the same subject as `handle` that `method` (an id or title) made.

    It has the same noun, and of several the name that begins alike, as <lily> and <lily-2> do. Raises
    StudioError when there is none, or several are left.
    """
    header = _header(handle, headers)
    noun, stem = header.handles[handle], re.split("[-_]", handle.strip("<>"))[0]
    asked = method.lower().replace(" ", "_")
    made = [
        other
        for other, its in headers.items()
        if asked in (its.method, its.method_title.lower().replace(" ", "_")) and its.handles[other] == noun
    ]
    if handle in made:
        return handle
    alike = [other for other in made if re.split("[-_]", other.strip("<>"))[0] == stem] or made
    match alike:
        case [other]:
            return other
        case []:
            raise StudioError(
                "There is no concept of a {noun} made with {method}.",
                "Train the photos of {handle} with it, as {example} or another name.",
                noun=noun,
                method=method,
                handle=handle,
                example=f"{handle[:-1]}-2>",
            )
    raise StudioError(
        "{handles} are all a {noun} made with {method}.",
        "Let the grid change the concept in place of the method, and name each.",
        handles=all_of(alike),
        noun=noun,
        method=method,
    )


def _header(handle: str, headers: Mapping[str, Header]) -> Header:
    """Return the header of a concept. Raises StudioError when there is none."""
    if handle not in headers:
        hint = "Train it, or import its file in the Library."
        raise StudioError("There is no concept called {handle}.", hint, handle=handle)
    return headers[handle]


def _with_concept(recipe: Recipe, old: str, new: str, headers: Mapping[str, Header]) -> Recipe:
    """Return `recipe` with the concept `new` in place of `old`: with its region, strength and knobs.

    Knobs that `new` does not have are dropped. Values that the recipe has for `new` already are used instead.
    """
    if old == new:
        return recipe
    known = _header(new, headers).knobs
    pattern = re.compile(re.escape(old), re.IGNORECASE)
    knobs = {one: values for one, values in recipe.knobs.items() if one != old}
    taken_over = {name: value for name, value in recipe.knobs.get(old, {}).items() if name in known}
    strengths = {one: value for one, value in recipe.strengths.items() if one != old}
    return dataclasses.replace(
        recipe,
        prompt=pattern.sub(new, recipe.prompt),
        negative=pattern.sub(new, recipe.negative),
        refinements={
            name: pattern.sub(new, value) if isinstance(value, str) else value
            for name, value in recipe.refinements.items()
        },
        strengths={new: recipe.strength(old), **strengths},
        knobs={new: taken_over, **knobs} if taken_over else knobs,
        regions={new if one == old else one: box for one, box in recipe.regions.items()},
    )


def _with_words(recipe: Recipe, old: str, new: str) -> Recipe:
    """Return `recipe` with `new` for every `old` in its prompts. Raises StudioError when they have none."""
    if old not in f"{recipe.prompt}\n{recipe.negative}":
        hint = "The first value is what the prompt says; the others are put in its place."
        raise StudioError("The prompt does not say {old!r}.", hint, old=old)
    prompt, negative = recipe.prompt.replace(old, new), recipe.negative.replace(old, new)
    return dataclasses.replace(recipe, prompt=prompt, negative=negative)
