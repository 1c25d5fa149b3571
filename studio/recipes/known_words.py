"""Which words of a prompt a base does not know, of those bases that say which words they were taught."""

from __future__ import annotations

import re
from collections.abc import Collection

NO_WORD = r"<[^<>\n]{1,400}>|\bembedding:[^\s,()]+"  # a handle, or a call of another program
WORD = re.compile(rf"{NO_WORD}|(?P<word>[^\W\d_]+)", re.IGNORECASE)


def unknown_words(prompt: str, known: Collection[str]) -> list[tuple[int, int]]:
    """Return the first and last position of every word of a prompt that is not among `known`, in order.

    Numbers, handles and single letters after an apostrophe, as in "cat's", are no words. A base that says
    nothing of its words knows all.

    Args:
        known: words in small letters; empty where the base does not say.
    """
    if not known:
        return []
    return [
        match.span()
        for match in WORD.finditer(prompt)
        if match["word"]
        and match.group().lower() not in known
        and not (match.start() and prompt[match.start() - 1] in "'’" and len(match.group()) < 3)
    ]
