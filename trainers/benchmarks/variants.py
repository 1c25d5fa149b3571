"""A variant of a method: some of its settings changed, and how to paint with it, written as one line.

perfusion                          with the defaults that suit the base
perfusion lock_keys=false          an ablation: settings by their names
perfusion @bias=0.4                the same concept, painted with another knob
context_regularized +prompt_tuning_steps=10    the same concept, painted with a refinement
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.errors import StudioError
from studio.generation.refinements import REFINEMENTS
from studio.method import Method
from studio.method_card import MethodCard
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from studio.recipes.refinement_card import parse_refinements

KNOB, REFINEMENT = "@", "+"


@dataclass(frozen=True)
class Variant:
    """One row of a trial.

    Args:
        text: the line that it was parsed from.
        settings: all settings of the method.
        knobs, refinements: go into the recipes of its pictures.
    """

    text: str
    method: type[Method]
    settings: dict[str, Any]
    knobs: dict[str, float]
    refinements: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, text: str, methods: Mapping[str, type[Method]], cards: Mapping[str, MethodCard]
    ) -> Variant:
        """Return the variant that a line describes.

        Raises StudioError when it names a method, setting or refinement that does not exist.
        """
        name, *words = text.split() or [""]
        if name not in methods:
            raise StudioError(
                "There is no method called {name!r}.",
                "Choose of {methods}.",
                name=name,
                methods=", ".join(methods),
            )
        changed: dict[str, str] = {}
        knobs: dict[str, float] = {}
        refinements: dict[str, Any] = {}
        for word in words:
            key, equals, value = word.partition("=")
            try:
                if not equals:
                    raise ValueError
                if word.startswith(REFINEMENT):
                    refinements[key.removeprefix(REFINEMENT)] = value
                elif word.startswith(KNOB):
                    knobs[key.removeprefix(KNOB)] = float(value)
                else:
                    changed[key] = value
            except ValueError as error:
                hint = "Write setting=value, @knob=number or +refinement=value."
                raise StudioError("{word!r} cannot be read.", hint, word=word) from error
        refinements = parse_refinements(refinements, [kind.card() for kind in REFINEMENTS.values()])
        return cls(" ".join([name, *words]), methods[name], cards[name].parse(changed), knobs, refinements)

    def recipe_fields(self, handles: Iterable[str]) -> dict[str, Any]:
        """Return the fields of a recipe that paints these handles of the variant's concept."""
        knobs = {handle: dict(self.knobs) for handle in handles} if self.knobs else {}
        return {"knobs": knobs, "refinements": dict(self.refinements)}

    @property
    def concept_folder(self) -> str:
        """Return a folder's name for its concept, the same for variants that only paint differently."""
        return _folder(word for word in self.text.split() if not word.startswith((KNOB, REFINEMENT)))

    @property
    def picture_folder(self) -> str:
        """Return a folder's name for its pictures."""
        return _folder(self.text.split())


def _folder(words: Iterable[str]) -> str:
    return re.sub(r"[^A-Za-z0-9_.=@+-]", "-", " ".join(words))


def made_with(
    backbone: Backbone,
    sampling: Sampling,
    prompts: Sequence[str],
    seeds: int,
    variants: Mapping[str, Variant | None],
) -> dict[str, Any]:
    """Return what scores depend on, for the file that keeps them.

    Args:
        seeds: pictures of each prompt.
        variants: by handle, how it was learned; None for its plain noun.
    """
    learned = {
        handle: variant and {"settings": variant.settings, **variant.recipe_fields([handle])}
        for handle, variant in variants.items()
    }
    base, sampled = backbone.fingerprint, dataclasses.asdict(sampling)
    return {"base": base, "sampling": sampled, "prompts": [*prompts], "seeds": seeds, "learned": learned}
