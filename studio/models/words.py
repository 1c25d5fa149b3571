"""Prompts as token ids and as encodings.

Shapes: n prompts, L tokens of a prompt, D text width, P width of a pooled encoding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """One prompt as token ids.

    Args:
        ids: L ids, with start, end and padding; of a long prompt, those of its chunks in a row.
        spans: by handle, the positions of its vectors in `ids`, of all its occurrences in a row.
        dropped: how many tokens did not fit.
        written: the positions of what the user wrote, and of the first end token after it. In a prompt of
            several chunks, the end and the start between two of them are among them.
    """

    ids: list[int]
    spans: dict[str, list[int]]
    dropped: int
    written: range

    @property
    def end(self) -> int:
        """Return the position of the first end token."""
        return self.written[-1]


@dataclass(frozen=True)
class TextBlock:
    """A block of the denoiser whose attention reads nothing but the prompt.

    Args:
        keys, values: paths of the projections of its layers, of which it has one or more.
    """

    keys: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class TimedVectors:
    """Vectors of a word that depend on the timestep (ProSpect).

    Args:
        count: how many token positions the word takes.
        at: maps timesteps (n,) to vectors (n, count, D).
    """

    count: int
    at: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LayeredVectors:
    """Vectors of a word that depend on the timestep and on the block that reads the prompt (NeTI, XTI).

    Args:
        count: how many token positions the word takes.
        blocks: those of the denoiser that read the prompt, in the order in which a prediction runs them.
        at: maps timesteps (m,) and numbers of blocks (m,) to vectors (m, count, D), and to what the encoder's
            state at each of them is moved by before its last normalisation, in lengths of that state, (m,
            count, D). Only value projections read the moved state.
    """

    count: int
    blocks: tuple[TextBlock, ...]
    at: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


# of a word: (count, D), or a function of the timestep, or of the timestep and the block that reads it
Vectors: TypeAlias = "Tensor | TimedVectors | LayeredVectors"


def count_of(vectors: Vectors) -> int:
    """Return how many token positions a word takes."""
    return len(vectors) if isinstance(vectors, Tensor) else vectors.count


@dataclass(frozen=True)
class TokenBatch:
    """n tokenized prompts as tensors, so that encoding them runs no Python but the network.

    Args:
        tokens: the prompts.
        ids (n, L): their ids, on the device.
        rows, positions (m,): where learned vectors replace embeddings, on the device.
        vectors: for each of the m positions, the handle and the number of its vector.
    """

    tokens: tuple[Tokens, ...]
    ids: Tensor
    rows: Tensor
    positions: Tensor
    vectors: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.tokens)

    def gather(self, words: Mapping[str, Vectors], t: Tensor | None) -> Tensor:
        """Return the learned vectors of all m positions, (m, D).

        Args:
            words: by handle, the vectors of every word in the prompts; (n, count, D) where those of each
                prompt are given.
            t (n,) or (): timesteps; None where no vectors depend on them.
        """
        learned = {handle: self._at(vectors, t) for handle, vectors in words.items()}
        rows = [row for row, prompt in enumerate(self.tokens) for span in prompt.spans.values() for _ in span]
        return torch.stack(
            [
                learned[handle][row, index] if learned[handle].ndim == 3 else learned[handle][index]
                for row, (handle, index) in zip(rows, self.vectors, strict=True)
            ]
        )

    def _at(self, vectors: Vectors, t: Tensor | None) -> Tensor:
        """Return a word's vectors: (count, D), or (n, count, D) if they depend on the timesteps."""
        if isinstance(vectors, TimedVectors):
            assert t is not None  # `TextReader.encode` refuses that
            return vectors.at(t.expand(len(self)) if t.ndim == 0 else t)
        assert isinstance(vectors, Tensor)  # `encode_by_block` has asked those that differ by block
        return vectors

    def chunks(self, length: int) -> TokenBatch:
        """Return the chunks as a batch (n k, length), for an encoder that reads `length` tokens."""
        k = self.ids.shape[1] // length
        if k == 1:
            return self
        rows, positions = self.rows * k + self.positions // length, self.positions % length
        return dataclasses.replace(self, ids=self.ids.reshape(-1, length), rows=rows, positions=positions)

    def part(self, numbers: slice) -> TokenBatch:
        """Return the prompts from one number to another."""
        start, stop, _ = numbers.indices(len(self))
        counts = [sum(map(len, prompt.spans.values())) for prompt in self.tokens]  # of learned vectors
        learned = slice(sum(counts[:start]), sum(counts[:stop]))
        return TokenBatch(
            self.tokens[start:stop],
            self.ids[start:stop],
            self.rows[learned] - start,
            self.positions[learned],
            self.vectors[learned],
        )

    def repeat(self, count: int) -> TokenBatch:
        """Return the prompts repeated as a whole: 0, 1, 0, 1 for a count of 2."""
        n, m = len(self.tokens), len(self.vectors)
        rounds = torch.arange(count, device=self.rows.device).repeat_interleave(m)
        return TokenBatch(
            self.tokens * count,
            self.ids.repeat(count, 1),
            self.rows.repeat(count) + n * rounds,
            self.positions.repeat(count),
            self.vectors * count,
        )


@dataclass(frozen=True)
class Words:
    """Encoded prompts. Opaque above `studio.models`, except for `hidden` of single tokens.

    Args:
        hidden (n, L, D): the encoding of every token.
        tokens: how each prompt was tokenized.
        pooled (n, P): one encoding for the whole prompt, where the family has one (SDXL).
        present (n, L) bool: which positions count; None where all do, padding too.
        by_site: for projections that read encodings of their own, these (n, L, D) by the projection's path;
            `hidden` is then their mean, for all that takes one encoding.
    """

    hidden: Tensor
    tokens: tuple[Tokens, ...]
    pooled: Tensor | None = None
    present: Tensor | None = None
    by_site: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.hidden)

    @classmethod
    def joined(cls, parts: Sequence[Words]) -> Words:
        """Return the prompts of all parts in a row."""
        sites = dict.fromkeys(site for words in parts for site in words.by_site)
        by_site = {site: torch.cat([words.at(site) for words in parts]) for site in sites}
        pooled = [words.pooled for words in parts if words.pooled is not None]
        present = [words.present for words in parts if words.present is not None]
        return cls(
            torch.cat([words.hidden for words in parts]),
            tuple(tokens for words in parts for tokens in words.tokens),
            torch.cat(pooled) if pooled else None,
            torch.cat(present) if present else None,
            by_site,
        )

    def rows(self, numbers: slice) -> Words:
        """Return the prompts with these numbers."""
        return self._map(lambda tensor: tensor[numbers], self.tokens[numbers])

    def at(self, site: str) -> Tensor:
        """Return the encodings (n, L, D) that the projection at a site reads."""
        return self.by_site.get(site, self.hidden)

    def repeat(self, count: int) -> Words:
        """Return the prompts repeated as a whole: 0, 1, 0, 1 for a count of 2."""

        def repeated(tensor: Tensor) -> Tensor:
            return tensor.repeat(count, *[1] * (tensor.ndim - 1))

        return self._map(repeated, self.tokens * count)

    def repeat_each(self, count: int) -> Words:
        """Return each prompt repeated in a row: 0, 0, 1, 1 for a count of 2."""
        tokens = tuple(tokens for tokens in self.tokens for _ in range(count))
        return self._map(lambda tensor: tensor.repeat_interleave(count, dim=0), tokens)

    def beside(self, others: Sequence[Words]) -> Words:
        """Return these encodings and those of `others` (same n) joined along the token axis, (n, J L, D).

        The pooled encoding stays the first's.
        """
        parts = [self, *others]
        hidden = torch.cat([words.hidden for words in parts], dim=1)
        masks = [words.present for words in parts]
        present = torch.cat(masks, dim=1) if all(mask is not None for mask in masks) else None
        sites = dict.fromkeys(site for words in parts for site in words.by_site)
        by_site = {site: torch.cat([words.at(site) for words in parts], dim=1) for site in sites}
        return dataclasses.replace(self, hidden=hidden, present=present, by_site=by_site)

    def to(self, dtype: torch.dtype) -> Words:
        """Return the encodings in another precision."""
        pooled = None if self.pooled is None else self.pooled.to(dtype)
        by_site = {site: hidden.to(dtype) for site, hidden in self.by_site.items()}
        return dataclasses.replace(self, hidden=self.hidden.to(dtype), pooled=pooled, by_site=by_site)

    def _map(self, change: Callable[[Tensor], Tensor], tokens: tuple[Tokens, ...]) -> Words:
        pooled, present = (
            None if tensor is None else change(tensor) for tensor in (self.pooled, self.present)
        )
        by_site = {site: change(hidden) for site, hidden in self.by_site.items()}
        return Words(change(self.hidden), tokens, pooled, present, by_site)
