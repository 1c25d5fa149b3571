"""Words that a small network speaks: another for each timestep and each block of the denoiser (NeTI).

Alaluf et al., "A Neural Space-Time Representation for Text-to-Image Personalization", arXiv 2305.15391. The
network gives v and b (`studio.edits.space_time_mapper`). v is the embedding of the word. b moves what the
encoder makes of it, by a fifth of its length and only for values, not for keys (the textual bypass). Training
leaves out the last units of the network at random, so that the first ones say most (nested dropout): how many
count can then be chosen while painting.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor

from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.edits.space_time_mapper import TIME_ANCHORS, TIMESTEPS, UNITS, Form, SpaceTimeMapper, shapes_of
from studio.models.backbone import Backbone
from studio.models.words import LayeredVectors
from studio.settings import Knob

BYPASS = 0.2
SIZED = ("frequencies", "anchors/bias", "output/bias")  # what the shapes of the others follow from


class SpaceTimeWord(Edit):
    """A word of one token, given by a mapper.

    `faithfulness` is how many units count, 0 to 128. At strength s the embedding is v0 + s (v - v0), with v0
    the noun's, and the bypass is s b.
    """

    kind = "space_time"

    def __init__(self, handle: str, noun: str, mapper: SpaceTimeMapper) -> None:
        super().__init__(handle, noun)
        self.mapper = mapper
        self.faithfulness = float(UNITS)
        self.offset: Tensor | None = None  # (1, D) added to every embedding, while a prompt is tuned
        self._counting: Tensor | None = None  # of each pair, during a training step

    @property
    def word_vectors(self) -> Tensor:
        """Return (1, D), what is added to the word at every timestep and block: zeros as it was learned."""
        bias = self.mapper.tensors["output/bias"]
        return bias.new_zeros(1, self.mapper.width) if self.offset is None else self.offset

    def with_word_vectors(self, vectors: Tensor) -> Self:
        """Return this word with `vectors` (1, D) added to it at every timestep and block."""
        changed = copy.copy(self)
        changed.offset = vectors
        return changed

    def knobs(self) -> dict[str, Knob]:
        """See `Edit.knobs`."""
        words = "Low is easy to edit, high is faithful to the photos."
        return {"faithfulness": Knob(self.faithfulness, 0.0, float(UNITS), words)}

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        form = self.mapper.form
        named = {**self.mapper.tensors, "form": torch.tensor([form.length, form.bypass, form.joint])}
        return {f"{self.handle}/{name}": tensor for name, tensor in named.items()}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`. What the output means stays plain numbers."""
        named = {name: tensors[f"{self.handle}/{name}"] for name in self.mapper.tensors}
        self.mapper = SpaceTimeMapper(named, self.mapper.form)

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        named = {name.removeprefix(f"{handle}/"): tensor for name, tensor in tensors.items()}
        form = named.pop("form", torch.empty(0))
        if form.shape != (3,) or not form[0] > 0:
            raise ValueError("a space-time word says what its output means: a length above 0, and two rules")
        length, bypass, joint = form[0].item(), bool(form[1] > 0), bool(form[2] > 0)
        shapes = {name: tuple(tensor.shape) for name, tensor in named.items()}
        K, anchors, outputs = (sum(shapes.get(name, ())[:1]) for name in SIZED)
        is_whole = min(K, anchors, outputs) > 0 and not anchors % TIME_ANCHORS and not outputs % (1 + bypass)
        if not is_whole or shapes != shapes_of(K, anchors, outputs):
            raise ValueError("the layers of a space-time word do not fit each other")
        return cls(handle, noun, SpaceTimeMapper(named, Form(length, bypass, joint)))

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        blocks = len(backbone.text_blocks)
        return self.mapper.width == backbone.text.width and self.mapper.blocks == blocks > 0

    @contextmanager
    def counting(self, units: Tensor) -> Iterator[None]:
        """Context manager: of the m pairs that are asked for, each counts only its first `units` (m,)."""
        self._counting = units
        try:
            yield
        finally:
            self._counting = None

    def at(self, backbone: Backbone, strength: float) -> LayeredVectors:
        """Return the vectors at a strength, as a function of timestep and block."""
        v0 = backbone.text.initial_vectors(self.noun, 1)

        def at(t: Tensor, blocks: Tensor) -> tuple[Tensor, Tensor]:
            counting = self._counting
            if counting is None:
                counting = torch.full((len(t),), round(self.faithfulness), device=t.device)
            vectors, bypass = self.mapper(TIMESTEPS * backbone.noise_share(t), blocks, counting)
            vectors = vectors + self.word_vectors
            vectors = vectors if strength == 1 else v0 + strength * (vectors - v0)
            return vectors[:, None], strength * BYPASS * bypass[:, None]

        return LayeredVectors(1, backbone.text_blocks, at)

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        words = {active.edit.handle: active.edit.at(backbone, active.strength) for active in actives}
        return partial(backbone.text.new_words, words)
