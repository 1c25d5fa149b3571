"""The tokenizer of CLIP, for checkpoints that come without one."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from transformers import CLIPTokenizer

WORDS = 49_408  # of the vocabulary that every Stable Diffusion was trained with
LENGTH = 77  # tokens that are read, with start and end
START, END = "<|startoftext|>", "<|endoftext|>"


@cache
def _vocabulary() -> tuple[dict[str, int], tuple[tuple[str, ...], ...]]:
    """Return CLIP's ids by piece and its merges, from the list of merges that open_clip brings."""
    # imported here, since most bases bring a tokenizer: see studio.models.clip
    import open_clip
    from open_clip.tokenizer import bytes_to_unicode

    file = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    letters = list(bytes_to_unicode().values())
    count = WORDS - 2 * len(letters) - 2
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")[1 : 1 + count]
    merges = tuple(tuple(line.split()) for line in lines)
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges), START, END]
    return {piece: number for number, piece in enumerate(pieces)}, merges


def clip_tokenizer() -> CLIPTokenizer:
    """Return CLIP's tokenizer, which fills prompts up with the end token."""
    ids, merges = _vocabulary()
    tokenizer = CLIPTokenizer(vocab=dict(ids), merges=list(merges))
    tokenizer.model_max_length = LENGTH
    return tokenizer
