"""Reads prompts with a language model, as a user's message in its chat template (Qwen3: Z-Image, FLUX.2).

Shapes: n prompts, L tokens of a prompt, D width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.handles import HANDLE
from studio.models.text_reader import TextReader, putting
from studio.models.words import TokenBatch, Tokens, Words, count_of

LAST_BUT_ONE = (-2,)
MARK = "\u0001"  # stands for the prompt in the template


class LanguageReader(TextReader):
    """A tokenizer with a chat template, and a frozen language model.

    Its words carry the space before them, so that a new word stands for " cat". Prompts have room enough that
    none is read in chunks, and no layer can be skipped. A new word's vectors are as wide as the model; the
    encoding of a token is as wide as the outputs of `layers` side by side.

    Args:
        length: how many tokens are read, those of the template among them.
        layers: whose outputs are read; 0 is the embedding, negative numbers count from the last.
        thinking: whether the template lets the model think before it answers.
        keeps_padding: whether the denoiser reads the padding too; else `Words.present` leaves it out. The
            model itself never attends to it.
    """

    def __init__(
        self,
        tokenizer: Any,
        encoder: nn.Module,
        length: int,
        layers: Sequence[int] = LAST_BUT_ONE,
        thinking: bool = True,
        keeps_padding: bool = False,
    ) -> None:
        super().__init__(tokenizer, encoder)
        self.length, self.layers, self.keeps_padding = length, tuple(layers), keeps_padding
        message = [{"role": "user", "content": MARK}]
        template = tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )
        before, _, after = template.partition(MARK)
        self._before, self._after = self._ids(before), self._ids(after)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, truncation=False).input_ids if text else []

    def _pieces(self, text: str) -> list[int]:
        """Return the ids of a word or phrase in the middle of a sentence."""
        return self._ids(f" {text.strip()}") if text.strip() else []

    @property
    def encoded_width(self) -> int:
        """See `TextReader.encoded_width`."""
        return self.width * len(self.layers)

    @property
    def layers_read(self) -> int:
        """Return how many layers of the model decide the encoding; nothing reads those after them."""
        outputs = self.encoder.config.num_hidden_layers + 1
        return max(layer % outputs for layer in self.layers)

    @property
    def max_tokens(self) -> int:
        """See `TextReader.max_tokens`."""
        return self.length - len(self._before) - len(self._after)

    def chunks_for(self, count: int) -> int:
        """Return 1: see the class."""
        return 1

    def tokenize(self, prompt: str) -> Tokens:
        """Return a prompt as ids within the template; a handle takes one position for each of its vectors."""
        ids: list[int] = []
        spans: dict[str, list[int]] = {}
        start = 0
        for match in HANDLE.finditer(prompt):
            handle = match.group().lower()
            if handle not in self._new_words:
                continue
            ids += self._ids(prompt[start : match.start()].rstrip(" "))  # the word brings its space
            count = count_of(self._new_words[handle])
            spans.setdefault(handle, []).extend(range(len(ids), len(ids) + count))
            ids += [self._after[0]] * count  # any legal id would do, its embedding is replaced
            start = match.end()
        ids += self._ids(prompt[start:])
        fitting = ids[: self.max_tokens]
        first = len(self._before)
        spans = {
            handle: [first + number for number in span if number < len(fitting)]
            for handle, span in spans.items()
        }
        said = [*self._before, *fitting, *self._after]
        padding = [self.pad_id] * (self.length - len(said))
        written = range(first, first + len(fitting) + 1)
        return Tokens([*said, *padding], spans, len(ids) - len(fitting), written)

    def normalised(self, states: Words) -> Words:
        """Return states as they are: outputs of layers in the middle are read."""
        return states

    def states(self, batch: TokenBatch, learned: Tensor | None) -> Words:
        """See `TextReader.states`."""
        present = batch.ids != self.pad_id
        model = self.encoder.base_model  # without the layer that would predict the next token
        with putting(self.embedding, batch, learned):
            read = model(
                input_ids=batch.ids, attention_mask=present, output_hidden_states=True, use_cache=False
            )
        hidden = torch.cat([read.hidden_states[layer] for layer in self.layers], dim=-1)
        return Words(hidden, batch.tokens, present=None if self.keeps_padding else present)

    def names_of(self, tokens: Tokens) -> list[str]:
        """See `TextReader.names_of`."""
        return [self.tokenizer.decode([tokens.ids[position]]).strip() for position in tokens.written[:-1]]
