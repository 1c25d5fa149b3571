"""A Recipe: all that is needed to paint a picture again, bit for bit, on the same machine.

It travels inside every PNG (`studio.recipes.png`).
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from typing import Any

from studio.errors import StudioError
from studio.handles import handles_in, to_handle

MAX_SEED = 2**31 - 1
TUNING_STEPS = 10  # steps of test-time optimisation in CoRe (Wu et al., arXiv 2408.15914)
MODES = {  # of composing, with what each does; `studio.generation.composing` has them
    "regions": "Each concept has its own part of the picture",
    "words": "Each concept acts at its own word only",
    "sum": "Everything acts everywhere",
}

Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the picture


@dataclass(frozen=True)
class Recipe:
    """Everything that a picture depends on.

    `strengths` maps a handle to its strength: 1 is as learned, 0 is exactly the plain noun. `knobs` maps a
    handle to what else its concept lets one move, such as the bias of Perfusion's gate. Picture number
    i of `count` is painted with seed `seed + i`. `size` is the side in pixels, 0 for the base's own.
    `obeying` is how many steps move the prompt's learned words towards this very prompt before it is painted
    (`studio.generation.prompt_tuning`), 0 for none. `composing` is the way in which several concepts share the picture, and
    `regions` maps a handle to the box that is its part, where it is not to be found by itself.
    `base` and `concepts` (handle to the concept file's hash) are filled in by whoever paints.
    """

    prompt: str
    negative: str = ""
    strengths: dict[str, float] = field(default_factory=dict)
    knobs: dict[str, dict[str, float]] = field(default_factory=dict)
    seed: int = 0
    steps: int = 20
    guidance: float = 4.0
    count: int = 1
    size: int = 0
    obeying: int = 0
    composing: str = "regions"
    regions: dict[str, Box] = field(default_factory=dict)
    base: str = ""
    concepts: dict[str, str] = field(default_factory=dict)

    def checked(self) -> Recipe:
        """This recipe, or a StudioError that names the first value out of range."""
        limits = {
            "steps": (1, 200),
            "guidance": (0.0, 50.0),
            "count": (1, 64),
            "seed": (0, MAX_SEED),
            "size": (0, 4096),
            "obeying": (0, 50),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise StudioError(
                    f"{name.capitalize()} of {value:g} is out of range.", f"Give {low} to {high}."
                )
        if not self.prompt.strip():
            raise StudioError("The prompt is empty.", "Write what you want to see, then paint.")
        for handle, strength in self.strengths.items():
            if not 0 <= strength <= 2:
                raise StudioError(f"A strength of {strength:g} for {handle} is out of range.", "Give 0 to 2.")
        if self.composing not in MODES:
            raise StudioError(
                f"There is no way of composing called {self.composing!r}.", f"Choose {' or '.join(MODES)}."
            )
        for handle, (left, top, right, bottom) in self.regions.items():
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                hint = "Give left, top, right and bottom from 0 to 1, such as 0,0,0.5,1 for the left half."
                raise StudioError(f"The region of {handle} is no part of the picture.", hint)
        return self

    def single(self, index: int) -> Recipe:
        """The recipe of picture `index` alone: painting it repeats that picture."""
        return dataclasses.replace(self, seed=self.seed + index, count=1)

    def strength(self, handle: str) -> float:
        """How strongly `handle` acts; as learned unless told otherwise."""
        return self.strengths.get(handle, 1.0)

    @property
    def active_handles(self) -> list[str]:
        """The handles that the prompt names at a strength above 0, in order."""
        return [handle for handle in handles_in(self.prompt) if self.strength(handle) > 0]

    @property
    def mode(self) -> str:
        """The way of composing that this picture needs: a single concept without a region of its own has
        nothing to be kept apart from."""
        placed = self.composing == "regions" and any(handle in self.regions for handle in self.active_handles)
        return self.composing if len(self.active_handles) > 1 or placed else "sum"

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """The recipe that `to_json` wrote; names it does not know are dropped. One from before there were
        several ways of composing is summed."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {"composing": "sum", **{name: value for name, value in values.items() if name in known}}
        regions = {handle: tuple(box) for handle, box in values.get("regions", {}).items()}
        return cls(**{**values, "regions": regions})

    def flat(self) -> dict[str, Any]:
        """Everything in it, by a name for people: "seed", "strength of <lily>", "bias of <lily>"."""
        values: dict[str, Any] = {}
        for name, value in self.to_json().items():
            words = {"strengths": "strength", "concepts": "file", "regions": "region"}.get(name, name)
            if not isinstance(value, dict):
                values[words] = value
                continue
            for key, inner in value.items():
                several = inner if isinstance(inner, dict) else {words: inner}
                values |= {f"{word.replace('_', ' ')} of {key}": each for word, each in several.items()}
        return values


def read_regions(text: str) -> dict[str, Box]:
    """Boxes by handle from "lily=0,0,0.5,1 trek=0.5,0,1,1". Raises StudioError for anything else."""
    regions: dict[str, Box] = {}
    for part in text.split():
        name, _, numbers = part.partition("=")
        try:
            left, top, right, bottom = map(float, numbers.split(","))
        except ValueError:
            hint = "Write lily=0,0,0.5,1 for the left half: left, top, right and bottom."
            raise StudioError(f"{part!r} is no region.", hint) from None
        regions[to_handle(name)] = (left, top, right, bottom)
    return regions


def write_regions(regions: dict[str, Box]) -> str:
    """The text that `read_regions` reads."""
    return " ".join(
        f"{handle.strip('<>')}={','.join(f'{share:g}' for share in box)}" for handle, box in regions.items()
    )


def differences(one: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """What two recipes differ in, by the names of `Recipe.flat`; None where one has no such thing."""
    left, right = one.flat(), other.flat()
    names = [*left, *(name for name in right if name not in left)]
    return {name: (left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)}


def random_seed() -> int:
    """A fresh seed that fits everywhere a seed goes."""
    return random.randrange(2**31 - 2**8)
