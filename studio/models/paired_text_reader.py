"""Reads prompts with two CLIP text encoders side by side, as Stable Diffusion XL does.

Shapes: n prompts, L tokens of a prompt, D = D1 + D2 text width, P width of the pooled encoding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from studio.models.fingerprint import fingerprint
from studio.models.text_reader import TextReader, putting
from studio.models.words import TokenBatch, Words

READ_LAYER = -2  # the last layer but one, without the final normalisation (Podell et al. 2023, section 2.1)


class PairedTextReader(TextReader):
    """Two text encoders that read the same tokens; their encodings stand side by side.

    A new word's vectors are D wide: the first D1 columns go to the first encoder, the others to the second.

    Args:
        encoder: the first.
        second: with a projection, which gives the pooled encoding of the whole prompt.
        second_pad_id: what the second reads in place of padding.
    """

    def __init__(self, tokenizer: Any, encoder: nn.Module, second: nn.Module, second_pad_id: int = 0) -> None:
        super().__init__(tokenizer, encoder)
        self.second, self.second_pad_id = second, second_pad_id
        self.fingerprint = fingerprint([encoder, second])

    @property
    def encoders(self) -> list[nn.Module]:
        """See `TextReader.encoders`."""
        return [self.encoder, self.second]

    def rows_of(self, ids: list[int] | slice) -> Tensor:
        """See `TextReader.rows_of`: the embeddings of both encoders side by side."""
        tables = self.embedding.weight, self.second.get_input_embeddings().weight
        return torch.cat([table[ids] for table in tables], dim=1)

    @property
    def width(self) -> int:
        """Return D."""
        return self.embedding.embedding_dim + self.second.get_input_embeddings().embedding_dim

    def normalised(self, states: Words) -> Words:
        """Return states as they are: see `READ_LAYER`."""
        return states

    def states(self, batch: TokenBatch, learned: Tensor | None) -> Words:
        """See `TextReader.states`.

        A clip skip of 1 or 2 is the layer that the base was trained with, the last but one, as other programs
        count for such bases. The pooled encoding is
        that of the first chunk, read at its end token. A text encoder whose config says `eos_token_id: 2`, as
        the published ones do, would read it at the largest id, which may be another.
        """
        width, length = self.embedding.embedding_dim, self.tokenizer.model_max_length
        first_learned = None if learned is None else learned[:, :width]
        second_learned = None if learned is None else learned[:, width:]
        parts = batch.chunks(length)
        ends = (parts.ids == self.tokenizer.eos_token_id).int().argmax(1)  # the first one of every chunk
        places = torch.arange(length, device=parts.ids.device)
        second_ids = parts.ids.masked_fill(places > ends[:, None], self.second_pad_id)
        with putting(self.embedding, parts, first_learned):
            first = self.encoder(input_ids=parts.ids, output_hidden_states=True).hidden_states
        with putting(self.second.get_input_embeddings(), parts, second_learned):
            second = self.second(input_ids=second_ids, output_hidden_states=True)
        layer = min(READ_LAYER, -self._clip_skip)
        read = [states[max(layer, -len(states))] for states in (first, second.hidden_states)]
        hidden = torch.cat(read, dim=-1).reshape(len(batch), -1, self.width)
        opening = torch.arange(0, len(parts.ids), len(parts.ids) // len(batch), device=parts.ids.device)
        pooled = self.second.text_projection(second.last_hidden_state[opening, ends[opening]])
        return Words(hidden, batch.tokens, pooled=pooled)
