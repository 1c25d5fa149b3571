"""How long prompts are: in how many chunks they are read, and what of them is not."""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import torch

from studio.edits import ActiveEdit, attach
from studio.generation.conditions import Prompts
from studio.handles import handles_in
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.words import tr, trn

WORD = re.compile(r"\S+")
MAX_WORDS = 6  # of those that are not read


def unread_note(text: TextReader, prompt: str, name: str) -> str:
    """Return a sentence about the words and handles of a prompt that are not read, empty if all are.

    Call it while the edits are attached, and within `TextReader.reading`: a handle is as long as its vectors.

    Args:
        name: the prompt in a sentence, such as "negative prompt", translated.
    """
    dropped = text.tokenize(prompt).dropped
    if not dropped:
        return ""
    words = list(WORD.finditer(prompt))
    # tokens are counted from the beginning, so that a longer beginning never drops fewer
    first = bisect_left(words, True, key=lambda word: text.tokenize(prompt[: word.end()]).dropped > 0)
    unread = words[first:]
    shown = " ".join(word.group()[:40] for word in unread[:MAX_WORDS])
    unread_words = f"“{shown}”"
    if len(unread) > MAX_WORDS:
        unread_words = tr("{words} and {count} more", words=unread_words, count=len(unread) - MAX_WORDS)
    if handles := handles_in(prompt[unread[0].start() :]) if unread else []:
        unread_words = tr("{words}, {handles} among them", words=unread_words, handles=", ".join(handles))
    too_long = trn(
        "The {name} is {count} token too long: only its first {most} are read.",
        "The {name} is {count} tokens too long: only its first {most} are read.",
        dropped,
        name=name,
        most=text.max_tokens,
    )
    return f"{too_long} {tr('Not read: {words}.', words=unread_words)}"


def read_in_chunks(
    backbone: Backbone, prompts: Prompts, edits: Sequence[ActiveEdit], nouns: Mapping[str, str]
) -> Prompts:
    """Return the prompts with the number of chunks that the longer of them takes.

    A handle is counted by its vectors or its noun, whichever is longer: regions read both.
    """
    longest = 0
    text = backbone.text
    with torch.no_grad(), attach(backbone, edits):
        for prompt in prompts.texts:
            tokens = text.tokenize(prompt)
            count = tokens.dropped + text.max_tokens if tokens.dropped else tokens.end - 1
            for handle, span in tokens.spans.items():
                count += max(0, len(text.embeddings_of(nouns[handle])) - len(span))
            longest = max(longest, count)
    return dataclasses.replace(prompts, chunks=text.chunks_for(longest))
