"""Placeholder words: they stand for plain nouns in a prompt, so that the tokens of a noun can be found.

A noun may be several tokens, and the same word may be elsewhere in the prompt. A placeholder such as <noun-0>
is read as the noun's own embeddings, and its positions are known as those of a handle are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from studio.handles import HANDLE
from studio.models.backbone import Backbone


def placeholders(nouns: Mapping[str, str]) -> dict[str, str]:
    """Return a placeholder for each handle of `nouns` (handle -> noun), as placeholder -> handle."""
    return {f"<noun-{number}>": handle for number, handle in enumerate(nouns)}


def noun_words(backbone: Backbone, nouns: Mapping[str, str]) -> AbstractContextManager[None]:
    """Context manager: prompts may use the placeholders of `nouns`, each read as its noun."""
    text = backbone.text
    vectors = {word: text.embeddings_of(nouns[handle]) for word, handle in placeholders(nouns).items()}
    return text.new_words(vectors)


def with_placeholder_nouns(prompts: Sequence[str], nouns: Mapping[str, str], keep: str = "") -> list[str]:
    """Return the prompts with a placeholder for every handle of `nouns`, except the handle `keep`."""
    words = {handle: word for word, handle in placeholders(nouns).items() if handle != keep}

    def replacement(match: re.Match[str]) -> str:
        return words.get(match.group().lower(), match.group())

    return [HANDLE.sub(replacement, prompt) for prompt in prompts]
