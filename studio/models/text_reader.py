"""Reads prompts for a base model, with learned words that its vocabulary does not have.

Shapes: n prompts, L tokens of a prompt, D text width.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from studio.errors import StudioError
from studio.handles import HANDLE
from studio.models.block_reading import encode_by_block
from studio.models.fingerprint import fingerprint
from studio.models.placement import Placement, home_of
from studio.models.words import LayeredVectors, TokenBatch, Tokens, Vectors, Words, count_of

Amendment = Callable[[Words, Tensor | None], Words]
MAX_CHUNKS = 4  # parts of a long prompt that are read one by one


@contextmanager
def putting(embedding: nn.Embedding, batch: TokenBatch, learned: Tensor | None) -> Iterator[None]:
    """Context manager: the embedding table gives `learned` (m, D) at the places of new words."""

    def put(module: nn.Module, arguments: tuple[Any, ...], embedded: Tensor) -> Tensor:
        if learned is None:
            return embedded
        new = learned.to(embedded.device, embedded.dtype)
        return embedded.index_put((batch.rows, batch.positions), new)

    hook = embedding.register_forward_hook(put)
    try:
        yield
    finally:
        hook.remove()


class TextReader:
    """A tokenizer and a frozen CLIP text encoder.

    Neither is ever changed: learned vectors replace the embeddings of their tokens while the encoder runs.

    Args:
        pad_id: what prompts are filled up with, where the base was not trained with the tokenizer's own.
    """

    def __init__(self, tokenizer: Any, encoder: nn.Module, pad_id: int | None = None) -> None:
        self.tokenizer = tokenizer
        self.pad_id = tokenizer.pad_token_id if pad_id is None else pad_id
        self.encoder = encoder
        self.fingerprint = fingerprint([encoder])  # before the encoder is cast to another precision
        self._new_words: dict[str, Vectors] = {}
        self._amendments: tuple[tuple[Amendment, bool], ...] = ()
        self._chunks, self._clip_skip = 1, 1
        self.placement = Placement()

    @property
    def encoders(self) -> list[nn.Module]:
        """Return every network that reads."""
        return [self.encoder]

    def on_device(self) -> AbstractContextManager[None]:
        """Context manager: keep the encoder on the device, where a memory plan has it wait elsewhere.

        Hold it around many readings, and around a training: see `Placement.on_device`.
        """
        return self.placement.on_device()

    @property
    def embedding(self) -> nn.Embedding:
        """Return the embedding table of the vocabulary."""
        return self.encoder.get_input_embeddings()

    def rows_of(self, ids: list[int] | slice) -> Tensor:
        """Return the embeddings of these tokens of the vocabulary (n, D)."""
        return self.embedding.weight[ids]

    @property
    def width(self) -> int:
        """Return the width of a token's embedding."""
        return self.embedding.embedding_dim

    @property
    def encoded_width(self) -> int:
        """Return the width of an encoded token, which is that of its embedding in most families."""
        return self.width

    @property
    def max_tokens(self) -> int:
        """Return how many tokens of a prompt are read, starts and ends not counted."""
        return self._chunks * self._chunk_tokens

    @property
    def chunks(self) -> int:
        """Return how many chunks every prompt is read in: see `reading`."""
        return self._chunks

    @property
    def _chunk_tokens(self) -> int:
        return self.tokenizer.model_max_length - 2

    def chunks_for(self, count: int) -> int:
        """Return how many chunks a prompt of `count` tokens takes, at most `MAX_CHUNKS`."""
        return min(MAX_CHUNKS, max(1, -(-count // self._chunk_tokens)))

    @contextmanager
    def reading(self, chunks: int = 1, clip_skip: int = 1) -> Iterator[None]:
        """Context manager: how prompts are read.

        Args:
            chunks: every prompt is read as so many chunks, each by itself, and their encodings are joined.
                The chunks that it does not fill are empty, as other programs have them.
            clip_skip: which layer of the encoder gives the encoding, counted from the last, which is 1; its
                output is normalised as that of the last.
        """
        before = self._chunks, self._clip_skip
        self._chunks, self._clip_skip = chunks, clip_skip
        try:
            yield
        finally:
            self._chunks, self._clip_skip = before

    @property
    def is_timed(self) -> bool:
        """Return whether the words and amendments that are attached now depend on the timestep."""
        words = any(not isinstance(vectors, Tensor) for vectors in self._new_words.values())
        return words or any(timed for _, timed in self._amendments)

    @contextmanager
    def new_words(self, vectors: Mapping[str, Vectors]) -> Iterator[None]:
        """Context manager: prompts may name these handles, each read as its vectors (count, D).

        Raises StudioError when a handle is already a word of the tokenizer or of an enclosing block.
        """
        for handle in map(str.lower, vectors):
            if handle in self._new_words or len(self._pieces(handle)) == 1:
                raise StudioError(
                    "{handle} already means something.", "Choose another name for the concept.", handle=handle
                )
        before = self._new_words
        self._new_words = before | {handle.lower(): rows for handle, rows in vectors.items()}
        try:
            yield
        finally:
            self._new_words = before

    @contextmanager
    def amending(self, change: Amendment, timed: bool = False) -> Iterator[None]:
        """Context manager: apply `change` to everything that is encoded, after changes of enclosing blocks.

        Where words differ by block, it is applied to the prompts as each block's projections read them.

        Args:
            change: maps the encoded prompts and their timesteps (None where none were given) to new ones.
            timed: whether the result depends on the timesteps.
        """
        before = self._amendments
        self._amendments = (*before, (change, timed))
        try:
            yield
        finally:
            self._amendments = before

    def _pieces(self, text: str) -> list[int]:
        return (
            self.tokenizer(text, add_special_tokens=False, truncation=False).input_ids if text.strip() else []
        )

    def tokenize(self, prompt: str) -> Tokens:
        """Return a prompt as ids; a handle takes one position for each of its vectors."""
        ids: list[int] = []
        spans: dict[str, list[int]] = {}  # numbers of tokens at first, positions at the end
        start = 0
        for match in HANDLE.finditer(prompt):
            handle = match.group().lower()
            if handle not in self._new_words:
                continue
            ids += self._pieces(prompt[start : match.start()])
            count = count_of(self._new_words[handle])
            spans.setdefault(handle, []).extend(range(len(ids), len(ids) + count))
            # Any legal id would do, its embedding is replaced. An end id would move the pooled output of
            # larger encoders, which take it at the first end.
            ids += [self.tokenizer.bos_token_id] * count
            start = match.end()
        ids += self._pieces(prompt[start:])
        fitting = ids[: self.max_tokens]
        most = self._chunk_tokens
        all_ids: list[int] = []
        for first in range(0, self.max_tokens, most):
            part = fitting[first : first + most]
            padding = [self.pad_id] * (most - len(part))
            all_ids += [self.tokenizer.bos_token_id, *part, self.tokenizer.eos_token_id, *padding]
        # each token before the start of its own chunk adds a start, each chunk before it a start and an end
        spans = {
            handle: [number + 1 + 2 * (number // most) for number in span if number < len(fitting)]
            for handle, span in spans.items()
        }
        last = max(len(fitting) - 1, 0)
        end = len(fitting) + 1 + 2 * (last // most)
        return Tokens(all_ids, spans, len(ids) - len(fitting), range(1, end + 1))

    def tokenize_all(self, prompts: Sequence[str]) -> TokenBatch:
        """Return prompts as one batch for `encode`. The handles must be known (`new_words`)."""
        tokens = tuple(self.tokenize(prompt) for prompt in prompts)
        device = home_of(self.embedding)
        rows, positions, vectors = [], [], []
        for row, prompt in enumerate(tokens):
            for handle, span in prompt.spans.items():
                count = count_of(self._new_words[handle])
                rows += [row] * len(span)
                positions += span
                vectors += [(handle, index % count) for index in range(len(span))]
        ids = torch.tensor([prompt.ids for prompt in tokens]).to(device)
        indices = torch.tensor([rows, positions], dtype=torch.long).to(device)
        return TokenBatch(tokens, ids, indices[0], indices[1], tuple(vectors))

    def encode(self, batch: TokenBatch, t: Tensor | None = None) -> Words:
        """Return the encodings of tokenized prompts, padding included. Gradients reach learned vectors.

        Args:
            t (n,) or (): timesteps, for words and amendments that depend on them.

        Raises ValueError when `t` is missing and something depends on it.
        """
        if t is None and self.is_timed:
            raise ValueError("these words depend on the timestep, and none was given")
        named = {handle: self._new_words[handle] for handle, _ in batch.vectors}
        if any(isinstance(vectors, LayeredVectors) for vectors in named.values()):
            assert t is not None  # such words are timed
            return encode_by_block(self, batch, named, t)
        learned = batch.gather(named, t) if batch.vectors else None
        with self.on_device():
            words = self.normalised(self.states(batch, learned))
        return self.amended(words, t)

    def states(self, batch: TokenBatch, learned: Tensor | None) -> Words:
        """Return the encodings of prompts before the last normalisation.

        Args:
            learned (m, D): the vectors of new words.
        """
        parts = batch.chunks(self.tokenizer.model_max_length)
        with putting(self.embedding, parts, learned):
            read = self.encoder(input_ids=parts.ids, output_hidden_states=True).hidden_states
        hidden = read[max(-self._clip_skip, -len(read))]
        return Words(hidden.reshape(len(batch), -1, hidden.shape[-1]), batch.tokens)

    def normalised(self, states: Words) -> Words:
        """Return what `states` returned after the normalisation that follows the encoder's last layer."""
        norm = getattr(self.encoder, "text_model", self.encoder).final_layer_norm
        return dataclasses.replace(states, hidden=norm(states.hidden))

    def amended(self, words: Words, t: Tensor | None) -> Words:
        """Return encodings with all changes of `amending`."""
        for change, _ in self._amendments:
            words = change(words, t)
        return words

    def read(self, prompts: Sequence[str], t: Tensor | None = None) -> Words:
        """Tokenize and encode prompts: see `tokenize_all` and `encode`."""
        return self.encode(self.tokenize_all(prompts), t)

    def names_of(self, tokens: Tokens) -> list[str]:
        """Return the user's tokens of a prompt as readable text."""
        ids = [tokens.ids[position] for position in tokens.written[:-1]]
        names = self.tokenizer.convert_ids_to_tokens(ids)
        return [name.removesuffix("</w>") for name in names]

    def embeddings_of(self, text: str) -> Tensor:
        """Return the vocabulary's embeddings of a text's tokens (n, D), float32, n at least 1.

        Raises StudioError when the text has no token.
        """
        pieces = self._pieces(text)
        if not pieces:
            raise StudioError(
                "{written!r} has no token.", 'Say what it is in a word, such as "cat".', written=text
            )
        return self.rows_of(pieces).to(home_of(self.embedding), torch.float32)

    def embedding_of_piece(self, piece: str, ends_word: bool) -> Tensor | None:
        """Return the embedding (1, D) float32 of a piece of the vocabulary; None where there is none such.

        Of a piece that does not end a word, no text is read as the piece alone.
        """
        number = self.tokenizer.get_vocab().get(f"{piece}</w>" if ends_word else piece)
        return None if number is None else self.rows_of([number]).float().clone()

    def initial_vectors(self, noun: str, count: int) -> Tensor:
        """Return `count` copies of the noun's embedding (count, D), float32, to start a new word from.

        A noun of several tokens gives their mean. Raises StudioError when the noun has no token.
        """
        return self.embeddings_of(noun).mean(0, keepdim=True).repeat(count, 1)

    @cached_property
    def median_norm(self) -> float:
        """Return the median length of the vocabulary's embeddings.

        Rows of zeros, which no training met, are left out.
        """
        norms = self.rows_of(slice(None)).float().norm(dim=1)
        return norms[norms > 0].median().item()
