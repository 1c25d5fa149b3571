"""What any trainer must offer.

A method is one class in one file of `trainers/`. The page, the command line and the docs know it by its
`MethodCard`, which is derived from it and from its `Settings` (`studio.settings`).

The page reads cards without importing torch, so this file must not need it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from studio.errors import StudioError
from studio.events import Event, Insight
from studio.settings import Field, fields_of
from studio.subject import Subject

if TYPE_CHECKING:
    import torch

    from studio.edits import Edit
    from studio.models.backbone import Backbone
    from studio.photos.photo_set import PhotoSet


@dataclass(frozen=True)
class Needs:
    """What a method asks of the user before it can start."""

    min_photos: int = 1
    max_photos: int = 30
    max_subjects: int = 1  # different things learned together from the same photos
    masks: bool = False  # every subject needs a mask in at least one of the photos


@dataclass(frozen=True)
class MethodCard:
    """A method as the page and the command line see it."""

    id: str
    title: str
    summary: str
    paper: str
    needs: Needs
    fields: tuple[Field, ...]

    def check(self, photos: int) -> None:
        """Raises StudioError when this is no number of photos for the method."""
        low, high = self.needs.min_photos, self.needs.max_photos
        if not low <= photos <= high:
            raise StudioError(
                f"{self.title} needs {low} to {high} photos; there are {photos}.", "Add or remove some."
            )

    def parse(self, values: dict[str, Any]) -> dict[str, Any]:
        """Every setting, checked; a missing one takes its default. Raises StudioError on a bad value."""
        known = {field.name for field in self.fields}
        for name in values:
            if name not in known:
                raise StudioError(
                    f"{self.title} has no setting called {name!r}.", f"It has {', '.join(sorted(known))}."
                )
        return {field.name: field.parse(values.get(field.name, field.default)) for field in self.fields}

    def tuned(self, defaults: dict[str, Any], base: str) -> MethodCard:
        """This card with the defaults that suit a base model better than the paper's."""
        source = f"tuned for {base}"
        fields = tuple(
            dataclasses.replace(field, default=field.parse(defaults[field.name]), source=source)
            if field.name in defaults
            else field
            for field in self.fields
        )
        return dataclasses.replace(self, fields=fields)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, card: dict[str, Any]) -> MethodCard:
        """The card that `to_json` wrote."""
        fields = tuple(Field(**{**field, "choices": tuple(field["choices"])}) for field in card["fields"])
        return cls(**{**card, "needs": Needs(**card["needs"]), "fields": fields})


@dataclass(frozen=True)
class Stage:
    """One optimisation: `groups` are (parameters, learning rate) pairs, each stage with a fresh optimiser.
    `after_step` is called after each of its steps."""

    name: str
    steps: int
    groups: tuple[tuple[list[torch.Tensor], float], ...]
    weight_decay: float = 1e-2
    after_step: Callable[[], None] | None = None


class Method(ABC):
    """One way to learn a subject from photos.

    The loop in `trainers/kit/loop.py` owns optimiser, precision, seeds, previews, progress and stopping.
    If a method needs the loop to change, the loop gains a field of `Stage`, never a flag named after it.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    Settings: ClassVar[type]

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Any, generator: torch.Generator
    ) -> None:
        """`settings` is an instance of `Settings`; `generator` draws whatever the edits start from."""
        self.backbone = backbone
        self.subject = subject
        self.settings = settings

    @abstractmethod
    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        """Work before the first step: encode the photos, paint class pictures. What is kept in the folder
        `cache` outlives the task. Runs with nothing attached."""

    @abstractmethod
    def stages(self) -> list[Stage]:
        """What to optimise, in order."""

    @abstractmethod
    def loss(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """One step's named loss terms, already weighted; their sum is minimised.

        Called with the method's own edits attached. All randomness comes from `generator` (on the CPU,
        so that a seed means the same on every device).
        """

    @abstractmethod
    def edits(self) -> list[Edit]:
        """What is being learned: after `finish`, the very edits that the concept file will keep."""

    def finish(self) -> Iterator[Event]:
        """Work after the last step, before what was learned is kept: make it small, for instance. Runs with
        nothing attached, to its end even when the training was told to stop."""
        yield from ()

    @property
    def closing_prompts(self) -> list[str]:
        """What else is painted once when all is learned, beside `preview_prompt`."""
        return []

    def insights(self) -> list[Insight]:
        """Pictures about what was learned: where a word looks, for instance."""
        return []

    def report(self) -> dict[str, float]:
        """Named numbers about what was learned, worth a note at the end."""
        return {}

    def dependencies(self) -> dict[str, str]:
        """By name, the hash of what concepts of one picture have to have in common."""
        return {}

    @property
    def preview_prompt(self) -> str:
        """What is painted while the subject is being learned."""
        return f"a photo of {self.subject.handle}"

    @classmethod
    def card(cls) -> MethodCard:
        """This method as the page sees it."""
        return MethodCard(cls.id, cls.title, cls.summary, cls.paper, cls.needs, fields_of(cls.Settings))
