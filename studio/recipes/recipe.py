"""The recipe of a picture: everything needed to paint it again, bit for bit, on the same machine.

It travels inside every PNG (`studio.recipes.png`).
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen

from studio.documents import Number, Scalar, ShortText, read_document
from studio.errors import StudioError
from studio.handles import handles_in, to_handle
from studio.limits import (
    MAX_CLIP_SKIP,
    MAX_COUNT,
    MAX_GUIDANCE,
    MAX_HANDLES,
    MAX_PROMPT_LETTERS,
    MAX_SEED,
    MAX_SIDE,
    MAX_STEPS,
    MAX_STRENGTH,
    MAX_TIMES_BASE,
)
from studio.settings import fields_of, setting
from studio.words import tr

MODES = {  # of composing several concepts, with what each does; implemented in `studio.generation.composing`
    "regions": tr("Each concept has its own part of the picture"),
    "words": tr("Each concept acts at its own word only"),
    "sum": tr("Everything acts everywhere"),
}

SAMPLERS = ("DDIM", "DPM++ 2M Karras", "Euler", "Euler a")  # as other programs call them
OLD_REFINEMENTS = {"obeying": "prompt_tuning_steps"}  # fields of recipes written by earlier versions

Prompt = Annotated[str, MaxLen(MAX_PROMPT_LETTERS)]
Named = MaxLen(MAX_HANDLES)  # a table with an entry for each concept
Box = tuple[Number, Number, Number, Number]  # left, top, right, bottom, as shares of the picture's sides


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How pictures are sampled, whatever they show.

    Picture number i of `count` is painted from seed `seed + i`; after the largest seed comes 0.
    """

    # a type bounds what is read from a file, the setting what is typed
    seed: Annotated[int, Ge(0), Le(MAX_SEED)] = setting(
        0, "Where the noise of the first picture comes from.", 0, MAX_SEED
    )
    steps: Annotated[int, Ge(1), Le(MAX_STEPS)] = setting(
        20, "More are finer and slower.", 1, MAX_STEPS, "steps"
    )
    guidance: Annotated[float, Ge(0), Le(MAX_GUIDANCE)] = setting(
        4.0, "How closely the prompt is followed.", 0.0, MAX_GUIDANCE
    )
    count: Annotated[int, Ge(1), Le(MAX_COUNT)] = setting(1, "How many pictures.", 1, MAX_COUNT, "pictures")
    width: Annotated[int, Ge(0), Le(MAX_SIDE)] = setting(
        0, "Width of the picture; 0 for the base model's own.", 0, MAX_SIDE, "pixels"
    )
    height: Annotated[int, Ge(0), Le(MAX_SIDE)] = setting(
        0, "Height of the picture; 0 for the base model's own.", 0, MAX_SIDE, "pixels"
    )
    sampler: str = setting(
        SAMPLERS[0], "How noise becomes a picture. Euler a adds noise on the way.", choices=SAMPLERS
    )
    clip_skip: Annotated[int, Ge(1), Le(MAX_CLIP_SKIP)] = setting(
        1, "The text encoder's layer that is read, from the end; some bases want 2.", 1, MAX_CLIP_SKIP
    )
    guidance_rescale: Annotated[float, Ge(0), Le(1)] = setting(
        0.0,
        "Softens the contrast of strong guidance; for bases that predict v, about 0.7.",
        0.0,
        1.0,
        source="Lin et al. 2023, arXiv 2305.08891, section 3.4",
    )

    def with_prompt(self, prompt: str, **more: Any) -> Recipe:
        """Return the recipe that paints `prompt` with this sampling; `more` are its other fields."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(Sampling)}
        return Recipe(prompt, **own, **more)


@dataclass(frozen=True)
class Recipe(Sampling):
    """Everything that a picture depends on.

    Args:
        prompt, negative: what to paint and what to stay away from; handles such as <lily> name concepts.
        strengths: by handle; 1 is as learned, 0 is exactly the plain noun, 2 the most.
        knobs: by handle, the values of the knobs that its concept offers, such as the bias of Perfusion.
        composing: how several concepts share the picture, a key of `MODES`.
        regions: by handle, the box that is its part of the picture; without one it is found.
        refinements: by name, the settings of changes made while painting (`RefinementCard`) that are not
            at their defaults.
        base: the base model's name, filled in when the picture is painted.
        base_hash: the first ten digits of the SHA-256 of its checkpoint's file, filled in likewise, or as
            another program wrote it; empty for a folder. It says what was used and changes nothing, so that
            recipes are compared without it.
        concepts: by handle, the SHA-256 of the concept's file, filled in when the picture is queued.
    """

    prompt: Prompt
    negative: Prompt = ""
    strengths: Annotated[dict[ShortText, Number], Named] = field(default_factory=dict)
    knobs: Annotated[dict[ShortText, Annotated[dict[ShortText, Number], Named]], Named] = field(
        default_factory=dict
    )
    composing: str = setting("regions", "How several concepts share a picture.", choices=tuple(MODES))
    regions: Annotated[dict[ShortText, Box], Named] = field(default_factory=dict)
    refinements: Annotated[dict[ShortText, Scalar], Named] = field(default_factory=dict)
    base: ShortText = ""
    base_hash: ShortText = field(default="", compare=False)
    concepts: Annotated[dict[ShortText, ShortText], Named] = field(default_factory=dict)

    def checked(self) -> Recipe:
        """Return this recipe with every setting in its type. Raises StudioError for the first bad value."""
        if not self.prompt.strip():
            raise StudioError("The prompt is empty.", "Write what you want to see, then paint.")
        return self.with_values_checked()

    def with_values_checked(self) -> Recipe:
        """Return this recipe as `checked` does, also one whose prompt is still to be written."""
        letters = max(len(self.prompt), len(self.negative))
        if letters > MAX_PROMPT_LETTERS:
            raise StudioError(
                "The prompt has {count} letters.",
                "Shorten it: {most} are the most.",
                count=letters,
                most=MAX_PROMPT_LETTERS,
            )
        named = len(self.handles)
        if named > MAX_HANDLES:
            raise StudioError(
                "The prompt names {count} concepts.",
                "Name at most {most}.",
                count=named,
                most=MAX_HANDLES,
            )
        for handle, strength in self.strengths.items():
            if not 0 <= strength <= MAX_STRENGTH:
                raise StudioError(
                    "A strength of {strength:g} for {handle} is out of range.",
                    "Give 0 to 2.",
                    strength=strength,
                    handle=handle,
                )
        for handle, (left, top, right, bottom) in self.regions.items():
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                hint = "Give left, top, right and bottom from 0 to 1, such as 0,0,0.5,1 for the left half."
                raise StudioError("The region of {handle} is no part of the picture.", hint, handle=handle)
        settings = {field.name: field.parse(getattr(self, field.name)) for field in fields_of(Recipe)}
        return dataclasses.replace(self, **settings)

    def check_size(self, base_side: int) -> None:
        """Raise StudioError when a picture is far larger than those of a base with `base_side` pixels."""
        side = max(self.width, self.height)
        if side > MAX_TIMES_BASE * base_side:
            hint = "Give at most {most}, or 0 for the base's own."
            raise StudioError(
                "A side of {side} pixels is too much for a base of {base_side}.",
                hint,
                side=side,
                base_side=base_side,
                most=MAX_TIMES_BASE * base_side,
            )

    def single(self, index: int) -> Recipe:
        """Return the recipe of picture `index` alone: painting it repeats that picture."""
        return dataclasses.replace(self, seed=(self.seed + index) % (MAX_SEED + 1), count=1)

    def strength(self, handle: str) -> float:
        """Return how strongly `handle` acts: 1, as learned, unless the recipe says otherwise."""
        return self.strengths.get(handle, 1.0)

    @property
    def painted_handles(self) -> list[str]:
        """Return the handles that the prompt or the negative prompt names, in order."""
        return handles_in(f"{self.prompt} {self.negative}")

    @property
    def handles(self) -> list[str]:
        """Return every handle that the recipe names, those in the texts of its refinements last."""
        texts = [value for value in self.refinements.values() if isinstance(value, str)]
        return handles_in(" ".join([self.prompt, self.negative, *texts]))

    @property
    def active_handles(self) -> list[str]:
        """Return the handles that the prompt names at a strength above 0, in order."""
        return [handle for handle in handles_in(self.prompt) if self.strength(handle) > 0]

    @property
    def mode(self) -> str:
        """Return the mode of composing that this picture needs, a key of `MODES`."""
        # a single concept without a region of its own has nothing to be kept apart from
        has_region = self.composing == "regions" and any(
            handle in self.regions for handle in self.active_handles
        )
        return self.composing if len(self.active_handles) > 1 or has_region else "sum"

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary; `from_json` is its inverse."""
        values = dataclasses.asdict(self)
        if not self.base_hash:  # recipes of bases without one are written as they were before there was any
            del values["base_hash"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """Return the recipe that `to_json` wrote. Raises DocumentError when it is none."""
        return read_document(cls, values, tr("The recipe"), upgrade_recipe)

    def flat(self) -> dict[str, Any]:
        """Return every value under a name for people: "seed", "strength of <lily>", "bias of <lily>"."""
        values: dict[str, Any] = {}
        for name, value in self.to_json().items():
            words = {"strengths": "strength", "concepts": "file", "regions": "region"}.get(name, name)
            if not isinstance(value, dict):
                values[words] = value
                continue
            if name == "refinements":
                values |= {key.replace("_", " "): inner for key, inner in value.items()}
                continue
            for key, inner in value.items():
                several = inner if isinstance(inner, dict) else {words: inner}
                values |= {f"{word.replace('_', ' ')} of {key}": each for word, each in several.items()}
        return values


def upgrade_recipe(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a recipe with the names that they have today.

    Recipes from before there were several ways of composing name none, and added everything up. Earlier ones
    were square and had one `size`.
    """
    old = {OLD_REFINEMENTS[name]: values[name] for name in OLD_REFINEMENTS if values.get(name)}
    values = {"composing": "sum", **values}
    if "size" in values:
        size = values.pop("size")
        values = {"width": size, "height": size, **values}
    if old and isinstance(values.get("refinements", {}), dict):
        values["refinements"] = {**values.get("refinements", {}), **old}
    return values


def read_regions(text: str) -> dict[str, Box]:
    """Return boxes by handle from "lily=0,0,0.5,1 trek=0.5,0,1,1". Raises StudioError for anything else."""
    regions: dict[str, Box] = {}
    for part in text.split():
        name, _, numbers = part.partition("=")
        try:
            left, top, right, bottom = map(float, numbers.split(","))
        except ValueError:
            hint = "Write lily=0,0,0.5,1 for the left half: left, top, right and bottom."
            raise StudioError("{region!r} is no region.", hint, region=part) from None
        regions[to_handle(name)] = (left, top, right, bottom)
    return regions


def write_regions(regions: dict[str, Box]) -> str:
    """Return the text that `read_regions` reads."""
    return " ".join(
        f"{handle.strip('<>')}={','.join(f'{share:g}' for share in box)}" for handle, box in regions.items()
    )


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the pairs of values that differ, by the names of `Recipe.flat`; None where one has no value."""
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def random_seed() -> int:
    """Return a random seed, with room for the seeds of the pictures after the first."""
    return random.randrange(2**31 - 2**8)
