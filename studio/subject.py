"""Subjects: what is learned from photos, a handle and a noun; checks of what a person types for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from studio.errors import StudioError
from studio.handles import handles_in, to_handle
from studio.words import tr


@dataclass(frozen=True)
class Subject:
    """What is learned.

    Args:
        handle: the name that prompts will use, such as "<lily>".
        noun: what it is, such as "cat".
        beside: other subjects of the same photos that are learned together with it.
    """

    handle: str
    noun: str
    beside: tuple[Subject, ...] = ()

    @property
    def handles(self) -> dict[str, str]:
        """Return every handle with its noun, this subject's first."""
        return {subject.handle: subject.noun for subject in (self, *self.beside)}


MAX_NOUN_LETTERS = 60


def parse_subject(name: str, noun: str, taken: Collection[str]) -> Subject:
    """Return a subject with this name and noun.

    Raises StudioError when its handle is in `taken`, or name or noun cannot be used.
    """
    handle, noun = to_handle(name), " ".join(noun.split()).lower()
    if not noun:
        raise StudioError("The noun is missing.", 'Say what it is in a word, such as "cat".')
    if len(noun) > MAX_NOUN_LETTERS or handles_in(noun):
        raise StudioError(
            "{noun!r} cannot be the noun.", 'Say what it is in a word or two, such as "cat".', noun=noun
        )
    if handle in taken:
        hint = "Choose another name, or rename or delete the old one in the Library."
        raise StudioError("{handle} is already the name of a concept.", hint, handle=handle)
    return Subject(handle, noun)


def parse_subjects(
    names: Sequence[tuple[str, str]], max_subjects: int, method_title: str, taken: Collection[str]
) -> Subject:
    """Return the first (name, noun) as a subject with the others beside it.

    Raises StudioError when one cannot be used, two have the same name, or there are more than the method
    learns together.
    """
    if len(names) > max_subjects:
        one = "{method} learns one thing at a time; there are {count}."
        several = "{method} learns {most} things at a time; there are {count}."
        raise StudioError(
            one if max_subjects == 1 else several,
            "Remove some, or choose another method.",
            method=tr(method_title),
            most=max_subjects,
            count=len(names),
        )
    first, *others = (parse_subject(name, noun, taken) for name, noun in names)
    handles = [first.handle, *(other.handle for other in others)]
    twice = next((handle for handle in handles if handles.count(handle) > 1), None)
    if twice:
        raise StudioError("Two things are called {name}.", "Give each its own name.", name=twice)
    return replace(first, beside=tuple(others))
