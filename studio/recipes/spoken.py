"""Prompts for image encoders that know no concept: nouns in place of handles."""

from __future__ import annotations

from collections.abc import Mapping

from studio.handles import HANDLE

JOINING = ("of", "with", "and", "or", "from", "by", "near", "beside", "behind", "like")


def with_noun(pattern: str, noun: str) -> str:
    """Return `pattern` with the noun for "{}", and an article where it needs one.

    "cat" makes "a photo of {}" into "a photo of a cat", and "a red {}" into "a red cat". Other braces stay.
    """
    before, place, after = pattern.partition("{}")
    return f"{before}{_after(before, noun)}{after}" if place else pattern


def spoken_prompt(prompt: str, nouns: Mapping[str, str]) -> str:
    """Return `prompt` with the noun of each handle in its place, with an article where there is none."""
    parts = HANDLE.split(prompt)
    read = parts[0]
    for handle, rest in zip(HANDLE.findall(prompt), parts[1:], strict=True):
        read += _after(read, nouns.get(handle.lower(), handle)) + rest
    return read


def _after(before: str, noun: str) -> str:
    """Return a noun with the article that it needs after the text `before`."""
    words = before.split()
    article = "an" if noun[:1].lower() in "aeiou" else "a"
    bare = bool(words) and words[-1].lower() not in JOINING
    return noun if bare else f"{article} {noun}"
