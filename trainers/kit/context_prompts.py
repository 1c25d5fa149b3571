"""Prompts that have nothing to do with the photos, in which a learned word is tried (CoRe, arXiv 2408.15914).

There are two lists, since what lives can wear a hat. The paper lets the user choose; here the noun may. A
prompt with words that a base has never read says nothing about how well a learned word leaves it alone, so a
base may bring lists of its own.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from studio.starter import ASSETS

PROMPTS = ASSETS / "context"
KINDS = ("animate", "inanimate")
BY_NOUN = "by the noun"


@cache
def _living() -> frozenset[str]:
    """Return nouns of what lives, one word each."""
    return frozenset((PROMPTS / "living.txt").read_text(encoding="utf-8").split())


def is_living(noun: str) -> bool:
    """Return whether a noun such as "teddy bear" or "siamese cats" names something that lives.

    Its last word decides, except that toys and pictures of animals are none.
    """
    *before, last = noun.lower().split() or [""]
    if before and before[-1] in ("teddy", "toy", "plush", "stuffed", "toys"):
        return False
    singulars = last, last.removesuffix("s"), last.removesuffix("es"), f"{last.removesuffix('ies')}y"
    return any(word in _living() for word in singulars)


def context_prompts(kind: str, noun: str, base: Path | None) -> list[str]:
    """Return the prompts of a kind, each with one {} for the word.

    Args:
        kind: "animate", "inanimate", or "by the noun".
        base: the folder of the base model, which may hold lists of its own in `context`.
    """
    if kind == BY_NOUN:
        kind = "animate" if is_living(noun) else "inanimate"
    own = base / "context" / f"{kind}.txt" if base else None
    file = own if own and own.is_file() else PROMPTS / f"{kind}.txt"
    return file.read_text(encoding="utf-8").splitlines()
