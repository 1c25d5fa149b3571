"""The contract of a refinement: a change, with settings, of how a picture is painted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from studio.events import Event
from studio.generation.painting import Painting
from studio.recipes.refinement_card import RefinementCard
from studio.settings import fields_of


class Refinement(ABC):
    """Changes a painting before it is sampled: its words, its edits, its prompts.

    Attributes:
        settings_class: a dataclass of `setting(...)` fields. Their names must be unlike those of every other
            refinement, since they are names in recipes and flags too. With all defaults, it does nothing.
            Texts may name concepts; those that the prompts do not name are `Painting.lent`.
        action, undo: labels of the buttons that paint a finished picture again with `action_values`, and
            without; empty for none.
        needs_concept: whether it does nothing where no concept acts; the page then leaves it out.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    action: ClassVar[str] = ""
    undo: ClassVar[str] = ""
    needs_concept: ClassVar[bool] = False
    action_values: ClassVar[Mapping[str, Any]] = {}
    settings_class: ClassVar[type]

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def check(self, painting: Painting) -> None:
        """Raise StudioError when the picture cannot be refined. Called before the first picture."""
        return

    def notes(self, painting: Painting) -> Sequence[str]:
        """Return sentences that the user should read before the first picture."""
        return ()

    def steps(self, painting: Painting) -> int:
        """Return how many Steps `refine` will yield, for the progress bar."""
        return 0

    @abstractmethod
    def refine(self, painting: Painting) -> Generator[Event, None, Painting]:
        """Return the changed painting; yields a Step for each step that takes time.

        Nothing may be attached across a yield, and no concept may be changed: copy what is changed.
        """

    @classmethod
    def card(cls) -> RefinementCard:
        """Return the refinement as the page and the command line see it."""
        values = dict(cls.action_values)
        return RefinementCard(
            id=cls.id,
            title=cls.title,
            summary=cls.summary,
            paper=cls.paper,
            fields=fields_of(cls.settings_class),
            action=cls.action,
            undo=cls.undo,
            needs_concept=cls.needs_concept,
            action_values=values,
        )

    @classmethod
    def from_recipe(cls, refinements: Mapping[str, Any]) -> Refinement | None:
        """Return the refinement with the settings of a recipe; None if all of them are at their defaults."""
        card = cls.card()
        if not card.is_on(refinements):
            return None
        given = {field.name: refinements[field.name] for field in card.fields if field.name in refinements}
        return cls(cls.settings_class(**given))
