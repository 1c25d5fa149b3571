"""How a base model reads prompts, and how a prompt may use words that the model never had.

Shapes: n prompts, L tokens of a prompt, D text width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from studio.errors import StudioError
from studio.handles import HANDLE


@dataclass(frozen=True)
class Tokens:
    """One prompt as ids. `spans` maps a handle to the positions of its vectors, all places together;
    `dropped` counts the tokens that did not fit."""

    ids: list[int]
    spans: dict[str, list[int]]
    dropped: int


@dataclass(frozen=True)
class Words:
    """Encoded prompts: `hidden` (n, L, D), and how each was cut into tokens."""

    hidden: Tensor
    tokens: tuple[Tokens, ...]


class TextReader:
    """A tokenizer and a frozen CLIP text encoder. Neither is ever changed: new words are put in front of the
    encoder while it reads."""

    def __init__(self, tokenizer: Any, encoder: nn.Module) -> None:
        self.tokenizer = tokenizer
        self.encoder = encoder
        self._new_words: dict[str, Tensor] = {}

    @property
    def embedding(self) -> nn.Embedding:
        """The vocabulary's vectors."""
        return self.encoder.get_input_embeddings()

    @property
    def width(self) -> int:
        """D, the width of an encoded token and of a token's vector."""
        return self.embedding.embedding_dim

    @property
    def max_tokens(self) -> int:
        """How many tokens of a prompt are read, start and end not counted."""
        return self.tokenizer.model_max_length - 2

    @contextmanager
    def new_words(self, vectors: Mapping[str, Tensor]) -> Iterator[None]:
        """Let prompts name handles: each stands for its vectors (n, D). Tokenizer and table stay untouched.

        Raises StudioError when a handle is already a word of the tokenizer or of this block.
        """
        for handle in map(str.lower, vectors):
            if handle in self._new_words or len(self._pieces(handle)) == 1:
                raise StudioError(
                    f"{handle} already means something.", "Choose another name for the concept."
                )
        before = self._new_words
        self._new_words = before | {handle.lower(): rows for handle, rows in vectors.items()}
        try:
            yield
        finally:
            self._new_words = before

    def _pieces(self, text: str) -> list[int]:
        return (
            self.tokenizer(text, add_special_tokens=False, truncation=False).input_ids if text.strip() else []
        )

    def tokenize(self, prompt: str) -> Tokens:
        """Cut a prompt into ids, start, end and padding included; a handle takes one place per vector.

        At a handle's places stands the start id: any legal id would do, its vector replaces it before the
        encoder reads it, and an end id there would move the pooled output of larger encoders.
        """
        ids: list[int] = []
        spans: dict[str, list[int]] = {}
        start = 0
        for match in HANDLE.finditer(prompt):
            handle = match.group().lower()
            if handle not in self._new_words:
                continue
            ids += self._pieces(prompt[start : match.start()])
            rows = self._new_words[handle].shape[0]
            spans.setdefault(handle, []).extend(range(len(ids) + 1, len(ids) + 1 + rows))
            ids += [self.tokenizer.bos_token_id] * rows
            start = match.end()
        ids += self._pieces(prompt[start:])
        kept = ids[: self.max_tokens]
        padding = [self.tokenizer.pad_token_id] * (self.max_tokens - len(kept))
        spans = {
            handle: [place for place in places if place <= self.max_tokens]
            for handle, places in spans.items()
        }
        whole = [self.tokenizer.bos_token_id, *kept, self.tokenizer.eos_token_id, *padding]
        return Tokens(whole, spans, len(ids) - len(kept))

    def read(self, prompts: Sequence[str]) -> Words:
        """Read prompts as the U-Net was taught, padding included. Gradients reach new words."""
        tokens = tuple(self.tokenize(prompt) for prompt in prompts)
        ids = torch.tensor([prompt.ids for prompt in tokens], device=self.embedding.weight.device)

        def put(module: nn.Module, arguments: tuple[Any, ...], embedded: Tensor) -> Tensor:
            rows, places, vectors = [], [], []
            for row, prompt in enumerate(tokens):
                for handle, span in prompt.spans.items():
                    learned = self._new_words[handle]
                    rows += [row] * len(span)
                    places += span
                    vectors += [learned[index % len(learned)] for index in range(len(span))]
            if not vectors:
                return embedded
            new = torch.stack(vectors).to(embedded.device, embedded.dtype)
            return embedded.index_put((torch.tensor(rows), torch.tensor(places)), new)

        hook = self.embedding.register_forward_hook(put)
        try:
            hidden = self.encoder(input_ids=ids).last_hidden_state
        finally:
            hook.remove()
        return Words(hidden, tokens)

    def embeddings_of(self, text: str) -> Tensor:
        """The table's own vectors of a text's tokens (n, D), float32, n at least 1.

        Raises StudioError when the text has no token.
        """
        pieces = self._pieces(text)
        if not pieces:
            raise StudioError(f"{text!r} has no token.", 'Say what it is in a word, such as "cat".')
        return self.embedding.weight[pieces].float()

    def initial_vectors(self, noun: str, count: int) -> Tensor:
        """`count` copies of the noun's vector (count, D), float32: where a new word starts. A noun of
        several tokens gives their mean. Raises StudioError when the noun has no token."""
        return self.embeddings_of(noun).mean(0, keepdim=True).repeat(count, 1)

    @cached_property
    def median_norm(self) -> float:
        """The median length of the vocabulary's vectors; rows of zeros, which no training met, left out."""
        norms = self.embedding.weight.float().norm(dim=1)
        return norms[norms > 0].median().item()
