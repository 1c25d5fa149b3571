"""Words that stand in the encoded prompt (ConES, Yi et al., arXiv 2305.18993): no encoder reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor

from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.models.words import Words

MAX_ROWS = 64


class EncodedWord(Edit):
    """A word of n rows of the encoded prompt.

    Args:
        rows (n, D) float32: stand at the positions of the handle, in place of what the encoder makes of the
            noun there. All other tokens are encoded around the noun: they do not see the rows.

    At strength s the rows are h0 + s (rows - h0), with h0 what the encoder makes of the noun in this prompt.
    """

    kind = "encoded_tokens"

    def __init__(self, handle: str, noun: str, rows: Tensor) -> None:
        super().__init__(handle, noun)
        self.rows = rows

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        return {f"{self.handle}/rows": self.rows}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`."""
        self.rows = tensors[f"{self.handle}/rows"]

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        rows = tensors.get(f"{handle}/rows")
        if rows is None or len(tensors) != 1 or rows.ndim != 2 or not 1 <= len(rows) <= MAX_ROWS:
            raise ValueError(f"an encoded word needs one matrix of 1 to {MAX_ROWS} rows")
        return cls(handle, noun, rows)

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        return self.rows.shape[1] == backbone.text.encoded_width

    def splice(self, words: Words, strength: float = 1.0) -> Words:
        """Return encoded prompts with the rows at the handle's positions; gradients reach the rows."""
        places = [
            (prompt, position, number % len(self.rows))
            for prompt, tokens in enumerate(words.tokens)
            for number, position in enumerate(tokens.spans.get(self.handle.lower(), []))
        ]
        if not places:
            return words
        prompts, positions, numbers = torch.tensor(places, device=words.hidden.device).T
        rows = self.rows[numbers].to(words.hidden.dtype)
        if strength != 1:
            before = words.hidden[prompts, positions]
            rows = before + strength * (rows - before)
        return dataclasses.replace(words, hidden=words.hidden.index_put((prompts, positions), rows))

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        nouns = {
            active.edit.handle: noun_vectors(backbone.text, active.edit.noun, len(active.edit.rows))
            for active in actives
        }

        @contextmanager
        def attachment() -> Iterator[None]:
            with ExitStack() as stack:
                stack.enter_context(backbone.text.new_words(nouns))
                for active in actives:
                    change = partial(_spliced, active.edit, active.strength)
                    stack.enter_context(backbone.text.amending(change))
                yield

        return attachment


def _spliced(edit: EncodedWord, strength: float, words: Words, t: Tensor | None) -> Words:
    """Splice as an amendment of what is encoded."""
    return edit.splice(words, strength)


def noun_vectors(text: TextReader, noun: str, count: int) -> Tensor:
    """Return the embeddings (count, D) that the encoder reads where `count` rows will stand.

    They are those of the noun's tokens; the last is repeated where there are more rows.
    """
    tokens = text.embeddings_of(noun)[:count]
    return torch.cat([tokens, tokens[-1:].repeat(count - len(tokens), 1)])
