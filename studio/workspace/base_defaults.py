"""The defaults that suit a base model, read without loading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from studio.bases.base_files import INDEX, is_distilled
from studio.documents import DocumentError, Scalar, ShortText, parse_object, read_document
from studio.recipes.recipe import Sampling
from studio.words import tr

OF_DISTILLED = {"steps": 4, "guidance": 1.0}  # what FLUX.2 klein and SDXL Turbo were distilled to
OF_Z_IMAGE_TURBO = {"steps": 9, "guidance": 1.0}  # of its card


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
        """Return what the folder of a base model says; where it says nothing, or is damaged, our own."""
        values = _of_few_steps(base)
        for name in ("world.json", "likeness.json"):
            values |= _said_by(Path(base) / name)
        if isinstance(values.get("nouns"), dict):
            values["nouns"] = list(values["nouns"])
        try:
            return read_document(cls, values, tr("The defaults of the base model"))
        except DocumentError:
            return cls()

    def sampling(self, seed: int) -> Sampling:
        """Return how to paint with this base model where a person says nothing."""
        return Sampling(seed=seed, steps=self.steps, guidance=self.guidance)


def _said_by(path: Path) -> dict[str, Any]:
    """Return the values in a file of JSON; none where it is missing or damaged."""
    try:
        return dict(parse_object(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return {}


def _of_few_steps(base: str | Path) -> dict[str, Any]:
    """Return how a model that was distilled to few steps is painted with; nothing for any other.

    FLUX.2 klein is known by its name where it is one on the hub, whose index is not here; of those the one
    called "base" is not distilled.
    """
    index, name = _said_by(Path(base) / INDEX), Path(base).name.lower()
    is_klein = not index and "klein" in name and "base" not in name
    if not (is_klein or is_distilled(index, name)):
        return {}
    is_z_image = index.get("_class_name") == "ZImagePipeline" or "z-image" in name
    return dict(OF_Z_IMAGE_TURBO if is_z_image else OF_DISTILLED)
