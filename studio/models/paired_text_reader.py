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

    def rows_of(self, ids: list[int] | slice) -> Tensor:
        """See `TextReader.rows_of`: the embeddings of both encoders side by side."""
        tables = self.embedding.weight, self.second.get_input_embeddings().weight
        return torch.cat([table[ids] for table in tables], dim=1)

    @property
    def width(self) -> int:
        """Return D."""
        return self.embedding.embedding_dim + self.second.get_input_embeddings().embedding_dim

    def _encode(self, batch: TokenBatch, learned: Tensor | None) -> Words:
        """See `TextReader._encode`.

        The pooled encoding is read at the first end token of each prompt. A text encoder whose config says
        `eos_token_id: 2`, as the published ones do, would read it at the largest id, which may be another.
        """
        width = self.embedding.embedding_dim
        first_learned = None if learned is None else learned[:, :width]
        second_learned = None if learned is None else learned[:, width:]
        ends = torch.tensor([tokens.end for tokens in batch.tokens], device=batch.ids.device)
        places = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        second_ids = batch.ids.masked_fill(places > ends[:, None], self.second_pad_id)
        with putting(self.embedding, batch, first_learned):
            first = self.encoder(input_ids=batch.ids, output_hidden_states=True).hidden_states[READ_LAYER]
        with putting(self.second.get_input_embeddings(), batch, second_learned):
            read = self.second(input_ids=second_ids, output_hidden_states=True)
        rows = torch.arange(len(batch), device=batch.ids.device)
        pooled = self.second.text_projection(read.last_hidden_state[rows, ends])
        hidden = torch.cat([first, read.hidden_states[READ_LAYER]], dim=-1)
        return Words(hidden, batch.tokens, pooled=pooled)
