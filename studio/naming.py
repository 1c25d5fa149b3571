"""Naming: which name and noun a person may give to what they want to learn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from studio.errors import StudioError
from studio.method import MethodCard, Subject
from studio.recipe import handles_in, normal_handle

NOUN_LETTERS_HIGH = 60


def subject(name: str, noun: str, taken: Collection[str]) -> Subject:
    """A subject with this name and noun. Raises StudioError when its handle is among those `taken`, or either
    cannot be used."""
    handle, noun = normal_handle(name), " ".join(noun.split()).lower()
    if not noun:
        raise StudioError("The noun is missing.", 'Say what it is in a word, such as "cat".')
    if len(noun) > NOUN_LETTERS_HIGH or handles_in(noun):
        raise StudioError(f"{noun!r} cannot be the noun.", 'Say what it is in a word or two, such as "cat".')
    if handle in taken:
        hint = "Choose another name, or rename or delete the old one in the Library."
        raise StudioError(f"{handle} is already the name of a concept.", hint)
    return Subject(handle, noun)


def subjects(names: Sequence[tuple[str, str]], method: MethodCard, taken: Collection[str]) -> Subject:
    """The first (name, noun) with the others beside it. Raises StudioError when one cannot be used, two have
    the same name, or there are more than the method learns together."""
    high = method.needs.subjects_high
    if len(names) > high:
        things = "one thing" if high == 1 else f"{high} things"
        raise StudioError(
            f"{method.title} learns {things} at a time; there are {len(names)}.",
            "Remove some, or choose another method.",
        )
    first, *others = (subject(name, noun, taken) for name, noun in names)
    handles = [first.handle, *(other.handle for other in others)]
    twice = next((handle for handle in handles if handles.count(handle) > 1), None)
    if twice:
        raise StudioError(f"Two things are called {twice}.", "Give each its own name.")
    return replace(first, beside=tuple(others))
