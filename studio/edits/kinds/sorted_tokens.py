"""A word that comes in categories (ITI-GEN, Zhang et al., arXiv 2309.05569): its noun, and tokens after it.

Every attribute m, such as colour, has K_m categories; for category k of it, S^m_k are q learned vectors. The
word reads as its noun followed by the sum over the attributes,

    [noun ; sum over m of S^m_k(m)]

and which category an attribute is at is a knob of its name.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor

from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.edits.kinds.tokens import MAX_VECTORS
from studio.models.backbone import Backbone
from studio.models.words import TimedVectors, Vectors
from studio.settings import Knob

ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,30}")
LATE_START = "late_start"
MAX_ATTRIBUTES, MAX_CATEGORIES = 8, 64
DIGITS = 6  # of a late start, after which float32 is rounded
LATE_HELP = "Share of the noise range, from the noisiest, in which the category does not act yet."


class SortedWord(Edit):
    """A word with a vector sequence for every category.

    Args:
        vectors: by attribute, S (K, q, D) float32; q is the same for all.
        names: by attribute, those of its K categories.
        late_start: the first share (0..1) of the noise range in which S counts as 0: FairQueue (2024) found
            that learned tokens disturb the first steps.

    At strength s the vectors S are s S. An attribute that no category is chosen of is at the mean of all.
    """

    kind = "sorted_tokens"

    def __init__(
        self,
        handle: str,
        noun: str,
        vectors: Mapping[str, Tensor],
        names: Mapping[str, Sequence[str]],
        late_start: float = 0.0,
    ) -> None:
        super().__init__(handle, noun)
        self.vectors = dict(vectors)
        self.names = {attribute: tuple(names[attribute]) for attribute in self.vectors}
        self.late_start = late_start
        self.chosen = dict.fromkeys(self.vectors, 0)  # by attribute, the category from 1 on; 0 for none

    def knobs(self) -> dict[str, Knob]:
        """See `Edit.knobs`."""
        choosing = {attribute: Knob.choosing(self.names[attribute]) for attribute in self.vectors}
        return {**choosing, LATE_START: Knob(self.late_start, 0.0, 1.0, LATE_HELP)}

    def with_knobs(self, values: Mapping[str, float]) -> Self:
        """See `Edit.with_knobs`."""
        changed = copy.copy(self)
        changed.late_start = float(values.get(LATE_START, self.late_start))
        changed.chosen = {name: round(values.get(name, now)) for name, now in self.chosen.items()}
        return changed

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`. A late start is among them: a file of merged concepts has no settings of it."""
        late = {LATE_START: torch.tensor([self.late_start])} if self.late_start else {}
        return {f"{self.handle}/{name}": tensor for name, tensor in {**self.vectors, **late}.items()}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`."""
        self.vectors = {attribute: tensors[f"{self.handle}/{attribute}"] for attribute in self.vectors}

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`. The names of the categories are in the header alone.

        A late start is in the settings of a file of one concept, and in older files nowhere else.
        """
        vectors = {name.removeprefix(f"{handle}/"): S for name, S in tensors.items()}
        kept = vectors.pop(LATE_START, torch.zeros(1))
        if kept.shape != (1,) or not 0 <= kept.item() <= 1:
            raise ValueError("a late start is a number from 0 to 1")
        if not 1 <= len(vectors) <= MAX_ATTRIBUTES or not all(map(_is_attribute, vectors)):
            raise ValueError(f"a word in categories has 1 to {MAX_ATTRIBUTES} attributes with plain names")
        shapes = {S.shape[1:] for S in vectors.values()}
        if not all(S.ndim == 3 and 2 <= len(S) <= MAX_CATEGORIES for S in vectors.values()):
            raise ValueError(f"an attribute has 2 to {MAX_CATEGORIES} categories of vectors")
        if len(shapes) != 1 or not 1 <= next(iter(shapes))[0] <= MAX_VECTORS:
            raise ValueError(f"all categories have as many vectors, 1 to {MAX_VECTORS}")
        late = settings.get(LATE_START, round(kept.item(), DIGITS))
        names = {attribute: [str(number + 1) for number in range(len(S))] for attribute, S in vectors.items()}
        return cls(handle, noun, vectors, names, float(late) if isinstance(late, int | float) else 0.0)

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        return all(S.shape[2] == backbone.text.width for S in self.vectors.values())

    def category_vectors(self, chosen: Mapping[str, int]) -> Tensor:
        """Return the sum over the attributes of the chosen categories' vectors, (q, D).

        Args:
            chosen: by attribute, a category from 1 on, or 0 for the mean of all; one that is left out adds
                nothing.
        """
        parts = [
            S[min(chosen[name], len(S)) - 1] if chosen[name] else S.mean(0)
            for name, S in self.vectors.items()
            if name in chosen
        ]
        return torch.stack(parts).sum(0)

    def at(self, backbone: Backbone, strength: float) -> Vectors:
        """Return the vectors of the word at a strength; with a late start, as a function of the timestep."""
        noun, S = backbone.text.embeddings_of(self.noun), self.category_vectors(self.chosen)
        acting = torch.cat([noun, strength * S])
        if not self.late_start:
            return acting
        empty = torch.cat([noun, torch.zeros_like(S)])

        def at(t: Tensor) -> Tensor:
            acts = backbone.noise_share(t) <= 1 - self.late_start
            return torch.where(acts[:, None, None], acting, empty)

        return TimedVectors(len(acting), at)

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        words = {active.edit.handle: active.edit.at(backbone, active.strength) for active in actives}
        return partial(backbone.text.new_words, words)


def _is_attribute(name: str) -> bool:
    return ATTRIBUTE.fullmatch(name) is not None and name != LATE_START
