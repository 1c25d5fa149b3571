"""New words: vectors in place of a handle in a prompt (Textual Inversion, Gal et al., arXiv 2208.01618)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from torch import Tensor

from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.models.backbone import Backbone

MAX_VECTORS = 75  # of a word: as many tokens as a text encoder reads; embeddings of 75 are common


class NewWord(Edit):
    """A word of n tokens.

    `vectors` (n, D) float32 replace the embeddings of these tokens wherever the prompt names the handle.

    At strength s the vectors are v0 + s (v - v0), with v0 the noun's vector: between the plain noun
    and the learned word, and beyond it above 1.
    """

    kind = "tokens"

    def __init__(self, handle: str, noun: str, vectors: Tensor) -> None:
        super().__init__(handle, noun)
        self.vectors = vectors

    @property
    def word_vectors(self) -> Tensor:
        """Return the vectors (n, D)."""
        return self.vectors

    def with_word_vectors(self, vectors: Tensor) -> Self:
        """Return this word with other vectors (n, D)."""
        changed = copy.copy(self)
        changed.vectors = vectors
        return changed

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        return {f"{self.handle}/vectors": self.vectors}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`."""
        self.vectors = tensors[f"{self.handle}/vectors"]

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        vectors = tensors.get(f"{handle}/vectors")
        if vectors is None or len(tensors) != 1 or vectors.ndim != 2 or not 1 <= len(vectors) <= MAX_VECTORS:
            raise ValueError(f"a new word needs one matrix of 1 to {MAX_VECTORS} vectors")
        return cls(handle, noun, vectors)

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        return self.vectors.shape[1] == backbone.text.width

    def at(self, backbone: Backbone, strength: float) -> Tensor:
        """Return the vectors (n, D) at a strength."""
        if strength == 1:
            return self.vectors
        v0 = backbone.text.initial_vectors(self.noun, len(self.vectors))
        return v0 + strength * (self.vectors - v0)

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        words = {active.edit.handle: active.edit.at(backbone, active.strength) for active in actives}
        return partial(backbone.text.new_words, words)
