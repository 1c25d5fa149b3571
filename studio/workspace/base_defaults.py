"""The defaults that suit a base model, read without loading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from studio.bases.base_files import INDEX
from studio.documents import DocumentError, Scalar, ShortText, parse_object, read_document
from studio.recipes.recipe import Sampling
from studio.words import tr

OF_DISTILLED = {"steps": 4, "guidance": 1.0}  # what FLUX.2 klein was distilled to


@dataclass(frozen=True)
class BaseDefaults:
    """How a base model is best used. Its folder may say so in a `likeness.json`.

    Args:
        settings: by method, the defaults that suit this base better than the paper's.
        nouns: those that it was taught, the names under "nouns" in its `world.json`.
        prompts: examples.
        places: the sceneries that it was taught.
        pictures: what all its pictures are, such as "drawings"; empty where they may be anything.
        words: every word that it was taught, in small letters, with spaces between; empty if it does not say.
    """

    steps: Annotated[int, Ge(1), Le(200)] = 30
    guidance: Annotated[float, Ge(0), Le(50)] = 7.5
    settings: dict[ShortText, dict[ShortText, Scalar]] = field(default_factory=dict)
    nouns: tuple[ShortText, ...] = ()
    prompts: tuple[ShortText, ...] = ()
    places: tuple[ShortText, ...] = ()
    pictures: ShortText = ""
    words: str = ""

    @classmethod
    def of(cls, base: str | Path) -> BaseDefaults:
        """Return what the folder of a base model says; where it says nothing, or is damaged, our own.

        The index of a diffusers folder may say that the model is distilled to few steps.
        """
        values: dict[str, Any] = {}
        for name in (INDEX, "world.json", "likeness.json"):
            try:
                said = parse_object((Path(base) / name).read_bytes())
            except (OSError, ValueError, RecursionError):
                continue
            if name == INDEX:
                said = OF_DISTILLED if said.get("is_distilled") is True else {}
            values |= said
        if isinstance(values.get("nouns"), dict):
            values["nouns"] = list(values["nouns"])
        try:
            return read_document(cls, values, tr("The defaults of the base model"))
        except DocumentError:
            return cls()

    def sampling(self, seed: int) -> Sampling:
        """Return how to paint with this base model where a person says nothing."""
        return Sampling(seed=seed, steps=self.steps, guidance=self.guidance)
