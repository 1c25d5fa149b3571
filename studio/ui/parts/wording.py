"""Parts of sentences in the person's language: several names in one, and a title within a sentence."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from studio.words import ENGLISH, LANGUAGE, tr


def all_of(names: Iterable[str]) -> str:
    """Return one or more names as "a and b and c"."""

    def both(first: str, second: str) -> str:
        return tr("{first} and {second}", first=first, second=second)

    return functools.reduce(both, names)


def one_of(names: Iterable[str]) -> str:
    """Return one or more names as "a or b or c"."""

    def either(first: str, second: str) -> str:
        return tr("{first} or {second}", first=first, second=second)

    return functools.reduce(either, names)


def in_sentence(title: str) -> str:
    """Return a title as it stands within a sentence: without the capital letter that only English drops."""
    return title.lower() if LANGUAGE == ENGLISH else title
