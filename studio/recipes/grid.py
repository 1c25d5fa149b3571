"""A Grid: one recipe, and two axes along which it changes; every cell is a recipe of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.documents import read_document
from studio.errors import StudioError
from studio.handles import handles_in
from studio.library.header import Header
from studio.recipes.axis import FIELDS, PLAIN, SINGLE, WORDS, Axis, upgrade_axis
from studio.recipes.recipe import Recipe, upgrade_recipe
from studio.recipes.refinement_card import RefinementCard, refinement_fields

MAX_CELLS = 400
FIRST = ("prompt", "concept", "method")  # what the prompt says is settled before its concepts are turned


@dataclass(frozen=True)
class Cell:
    """One picture of a grid: where it stands, counted from 0, and how it is painted."""

    column: int
    row: int
    recipe: Recipe


@dataclass(frozen=True)
class Grid:
    """`base` is what all cells share, its seed included; `x` changes from column to column, `y` from row to
    row."""

    base: Recipe
    x: Axis
    y: Axis = SINGLE

    @property
    def title(self) -> str:
        """What is compared, and in which prompt: "<lily> on blue: concept and bias"."""
        words = [axis.title[:1].lower() + axis.title[1:] for axis in (self.y, self.x) if axis.name]
        return f"{self.base.prompt}: {' and '.join(words)}"

    def cells(self, headers: Mapping[str, Header], cards: Sequence[RefinementCard] = ()) -> tuple[Cell, ...]:
        """The cells, row by row. `headers` are those of the concepts there are, by handle. Raises StudioError
        when an axis asks for something that there is not."""
        count = len(self.x.values) * len(self.y.values)
        if count > MAX_CELLS:
            raise StudioError(f"{count} pictures are too many for a grid.", f"Stay below {MAX_CELLS}.")
        if self.x.name == self.y.name != "prompt":
            raise StudioError(f"Both directions change the {self.x.name}.", "Change something else in one.")
        for axis in (self.x, self.y):
            if axis.name and not self._knows(axis.name, headers, cards):
                words = axis.name.replace("_", " ")
                names = [*FIELDS, *refinement_fields(cards)]
                hint = f"Take {', '.join(WORDS)}, strength, a knob, {', '.join(names)}."
                raise StudioError(f"A grid cannot change the {words}.", hint)
        return tuple(self._cells(headers, refinement_fields(cards)))

    def _knows(self, name: str, headers: Mapping[str, Header], cards: Sequence[RefinementCard]) -> bool:
        knobs = {knob for header in headers.values() for knob in header.knobs}
        return name in {*WORDS, *FIELDS, *refinement_fields(cards)} or name.rpartition(".")[2] in {
            "strength",
            *knobs,
        }

    def _cells(self, headers: Mapping[str, Header], refinements: Collection[str]) -> Iterator[Cell]:
        place = {name: number for number, name in enumerate(FIRST)}
        axes = sorted((self.x, self.y), key=lambda axis: place.get(axis.name, len(FIRST)))
        for row, y in enumerate(self.y.values):
            for column, x in enumerate(self.x.values):
                recipe = dataclasses.replace(self.base, count=1)
                for axis in axes:
                    recipe = with_axis_value(recipe, axis, x if axis is self.x else y, headers, refinements)
                yield Cell(column, row, recipe.checked())

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` is its inverse."""
        return {"base": self.base.to_json(), "x": self.x.to_json(), "y": self.y.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Grid:
        """Return the grid that `to_json` wrote. Raises DocumentError when it is none."""
        return read_document(cls, values, "The grid", upgrade_grid)


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
    """`recipe` with one thing changed. Raises StudioError when it has no such thing."""
    if not axis.name:
        return recipe
    if axis.name in refinements:
        return dataclasses.replace(recipe, refinements={**recipe.refinements, axis.name: value})
    if axis.name in FIELDS:
        return dataclasses.replace(recipe, **{axis.name: value})
    if axis.name == "prompt":
        return _searched(recipe, str(axis.values[0]), value)
    named = handles_in(f"{recipe.prompt} {recipe.negative}")
    for handle in named:
        _header(handle, headers)
    if axis.name in WORDS:
        if not named:
            hint = "Name one where they should take turns, such as <lily>."
            raise StudioError("The prompt names no concept.", hint)
        stands = next((handle for handle in named if handle in axis.values), named[0])
        if value == PLAIN:
            return dataclasses.replace(recipe, strengths={**recipe.strengths, stands: 0.0})
        other = value if axis.name == "concept" else taught_by(value, stands, headers)
        return _exchanged(recipe, stands, other, headers)
    knob = axis.name.rpartition(".")[2]
    strengths, knobs = dict(recipe.strengths), {one: dict(moved) for one, moved in recipe.knobs.items()}
    for handle in axis.handles(named, headers):
        if knob == "strength":
            strengths[handle] = value
        else:
            knobs.setdefault(handle, {})[knob] = value
    return dataclasses.replace(recipe, strengths=strengths, knobs=knobs)


def taught_by(method: str, handle: str, headers: Mapping[str, Header]) -> str:
    """The handle of the concept that `method` (an id or a title) made of the same thing as `handle`: the same
    noun, and of several the one whose name begins alike, as <lily> and <lily-2> do. Raises StudioError."""
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
            hint = f"Train the photos of {handle} with it, as {handle[:-1]}-2> or another name."
            raise StudioError(f"There is no concept of a {noun} made with {method}.", hint)
    hint = "Let the grid change the concept in place of the method, and name each."
    raise StudioError(f"{' and '.join(alike)} are all a {noun} made with {method}.", hint)


def _header(handle: str, headers: Mapping[str, Header]) -> Header:
    if handle not in headers:
        hint = "Train it, or import its file in the Library."
        raise StudioError(f"There is no concept called {handle}.", hint)
    return headers[handle]


def _exchanged(recipe: Recipe, old: str, new: str, headers: Mapping[str, Header]) -> Recipe:
    """`recipe` with another concept in the place of `old`: in its region, with the strength and the knobs
    that the recipe has for it, else with those of `old`, as far as it has such knobs."""
    if old == new:
        return recipe
    known = _header(new, headers).knobs
    place = re.compile(re.escape(old), re.IGNORECASE)
    knobs = {one: moved for one, moved in recipe.knobs.items() if one != old}
    kept = {name: value for name, value in recipe.knobs.get(old, {}).items() if name in known}
    strengths = {one: value for one, value in recipe.strengths.items() if one != old}
    return dataclasses.replace(
        recipe,
        prompt=place.sub(new, recipe.prompt),
        negative=place.sub(new, recipe.negative),
        strengths={new: recipe.strength(old), **strengths},
        knobs={new: kept, **knobs} if kept else knobs,
        regions={new if one == old else one: box for one, box in recipe.regions.items()},
    )


def _searched(recipe: Recipe, old: str, new: str) -> Recipe:
    """`recipe` with other words in its prompts."""
    if old not in f"{recipe.prompt}\n{recipe.negative}":
        hint = "The first value is what the prompt says; the others are put in its place."
        raise StudioError(f"The prompt does not say {old!r}.", hint)
    prompt, negative = recipe.prompt.replace(old, new), recipe.negative.replace(old, new)
    return dataclasses.replace(recipe, prompt=prompt, negative=negative)
