"""Words that differ from stage to stage of sampling (ProSpect, Zhang et al., arXiv 2305.16225)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from torch import Tensor

from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.edits.kinds.tokens import MAX_VECTORS
from studio.models.backbone import Backbone
from studio.models.words import TimedVectors

MAX_STAGES = 64


class StagedWord(Edit):
    """A word of n tokens whose vectors depend on the timestep.

    Args:
        vectors (S, n, D) float32: the noise range is cut into S equal stages; stage 0 has the least noise.

    At strength s the vectors are v0 + s (v - v0), with v0 the noun's vector.
    """

    kind = "staged_tokens"

    def __init__(self, handle: str, noun: str, vectors: Tensor) -> None:
        super().__init__(handle, noun)
        self.vectors = vectors

    @property
    def word_vectors(self) -> Tensor:
        """Return the vectors of all stages, (S, n, D), as they are now; they may still be learned."""
        return self.vectors

    def with_word_vectors(self, vectors: Tensor) -> Self:
        """Return this word with other vectors (S, n, D)."""
        changed = copy.copy(self)
        changed.vectors = vectors
        return changed

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        return {f"{self.handle}/vectors": self.word_vectors}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`."""
        self.vectors = tensors[f"{self.handle}/vectors"]

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        vectors = tensors.get(f"{handle}/vectors")
        if vectors is None or len(tensors) != 1 or vectors.ndim != 3:
            raise ValueError("a staged word needs its vectors, (stages, tokens, width)")
        if not (1 <= len(vectors) <= MAX_STAGES and 1 <= vectors.shape[1] <= MAX_VECTORS):
            raise ValueError(f"a staged word has 1 to {MAX_STAGES} stages of 1 to {MAX_VECTORS} vectors")
        return cls(handle, noun, vectors)

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        return self.vectors.shape[2] == backbone.text.width

    def at(self, backbone: Backbone, strength: float) -> TimedVectors:
        """Return the vectors at a strength, as a function of the timestep."""
        v0 = backbone.text.initial_vectors(self.noun, self.vectors.shape[1])

        def at(t: Tensor) -> Tensor:
            vectors = self.word_vectors
            vectors = vectors if strength == 1 else v0 + strength * (vectors - v0)
            stage = (backbone.noise_share(t) * len(vectors)).long().clamp(0, len(vectors) - 1)
            return vectors[stage]

        return TimedVectors(self.vectors.shape[1], at)

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        words = {active.edit.handle: active.edit.at(backbone, active.strength) for active in actives}
        return partial(backbone.text.new_words, words)
