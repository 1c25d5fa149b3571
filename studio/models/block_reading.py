"""Reads prompts for each block of a denoiser apart, where a word differs from block to block.

Shapes: n prompts, S blocks, L tokens of a prompt, m positions of words in S n prompts, D text width.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.models.words import LayeredVectors, TokenBatch, Vectors, Words, count_of

if TYPE_CHECKING:
    from studio.models.text_reader import TextReader


def encode_by_block(reader: TextReader, batch: TokenBatch, named: Mapping[str, Vectors], t: Tensor) -> Words:
    """Return the encodings of n prompts as the projections of each block read them.

    All are read in one pass of the encoder, over S n prompts: block by block, in each all prompts. Values
    read states that are moved at the words; keys read them as they are.

    Args:
        named: by handle, the vectors of the words in the prompts, `LayeredVectors` among them.
        t (n,) or (): timesteps.
    """
    blocks = next(each.blocks for each in named.values() if isinstance(each, LayeredVectors))
    n, S = len(batch), len(blocks)
    whole, t_whole = batch.repeat(S), t.expand(n).repeat(S)
    numbers = torch.arange(S, device=t.device).repeat_interleave(n)
    vectors: dict[str, Vectors] = {}
    moves: dict[str, Tensor] = {}
    for handle, each in named.items():
        if isinstance(each, LayeredVectors):
            vectors[handle], moves[handle] = each.at(t_whole, numbers)
        else:
            vectors[handle], moves[handle] = each, torch.zeros(count_of(each), reader.width, device=t.device)
    with reader.on_device():
        keys = reader.states(whole, whole.gather(vectors, t_whole))
        places = whole.rows, whole.positions
        states = keys.hidden[places]  # (m, D)
        lengths = states.float().norm(dim=1, keepdim=True)
        moved = states + (lengths * whole.gather(moves, None)).to(states)
        values = dataclasses.replace(keys, hidden=keys.hidden.index_put(places, moved))
        keys, values = reader.normalised(keys), reader.normalised(values)
    by_site: dict[str, Tensor] = {}
    read_by_keys = []
    for number, block in enumerate(blocks):
        own = slice(number * n, (number + 1) * n)
        words = reader.amended(keys.rows(own), t)
        by_site |= dict.fromkeys(block.keys, words.hidden)
        by_site |= dict.fromkeys(block.values, reader.amended(values.rows(own), t).hidden)
        read_by_keys.append(words)
    hidden = torch.stack([words.hidden for words in read_by_keys]).mean(0)
    pooled = [words.pooled for words in read_by_keys if words.pooled is not None]
    return Words(hidden, batch.tokens, torch.stack(pooled).mean(0) if pooled else None, by_site=by_site)
