"""The contract of a method: one way to learn a subject from photos.

A method is one class in one file of `trainers/`. The page and the command line know it by its
`MethodCard`, which is derived from it and from its `Settings` (`studio.settings`).

The page reads cards without importing torch, so this file must not need it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from studio.events import Event, Insight
from studio.method_card import MethodCard, Needs, with_defaults
from studio.method_example import Example
from studio.regularizer import Regularizer
from studio.settings import fields_of
from studio.subject import Subject
from studio.words import marked, tr

if TYPE_CHECKING:
    import torch

    from studio.edits import Edit
    from studio.models.backbone import Backbone
    from studio.photos.photo_set import PhotoSet


@dataclass(frozen=True)
class Stage:
    """One optimisation of a training, with a fresh optimizer.

    Args:
        groups: pairs of (parameters, learning rate).
        after_step: called after each step.
        accumulate: how many batches make up one step; their gradients are averaged.
        averaged_share: of the steps before the end, over which what is kept is averaged; 0 for the last step
            as it is (`trainers.kit.weight_average`).
    """

    name: str
    steps: int
    groups: tuple[tuple[list[torch.Tensor], float], ...]
    weight_decay: float = 1e-2
    after_step: Callable[[], None] | None = None
    accumulate: int = 1
    averaged_share: float = 0.0


class Method(ABC):
    """One way to learn a subject from photos.

    The loop in `trainers/kit/loop.py` owns optimizer, precision, seeds, previews, progress and stopping. If a
    method needs the loop to change, the loop gains a field of `Stage`, never a flag named after it.

    Attributes:
        quick_settings: settings that make a training take a moment; the tests train with them.
        light_preparation: settings that make `prepare` short and a step take as long as with the others: a
            trial before the training uses them.
        max_file_bytes: the largest file that a training with `quick_settings` on the tests' tiny base may
        write.
        tunes: "words", "weights" or both: which regularizers apply.
        suits: what it is for, among `SUITS`.
        recommended: its place among the few that are shown first, from 1; the first is what the page begins
            with. 0 for none of them.
        indivisible: why processes cannot share the photos of a step, where they cannot; nor are they taken a
            few at a time to save memory. Else the loss of a batch is the mean over its photos, and batches
            have the `part` of `DenoisingBatch`.
        example: what it is good at, in pictures that the page shows; None for no picture.
        reads_prompts: whether its steps encode prompts. Where not, the text encoder may wait off the device.
        regularizer_defaults: defaults for the settings of regularizers that the paper uses.
        regularizers: those that apply, filled in when methods are collected.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    settings_class: ClassVar[type]
    quick_settings: ClassVar[Mapping[str, Any]] = {"steps": 4}
    light_preparation: ClassVar[Mapping[str, Any]] = {}
    max_file_bytes: ClassVar[int] = 200_000
    tunes: ClassVar[frozenset[str]] = frozenset({"words"})
    suits: ClassVar[tuple[str, ...]] = ("thing",)
    recommended: ClassVar[int] = 0
    indivisible: ClassVar[str] = ""
    example: ClassVar[Example | None] = None
    reads_prompts: ClassVar[bool] = True
    regularizer_defaults: ClassVar[Mapping[str, Any]] = {}
    regularizers: ClassVar[tuple[type[Regularizer], ...]] = ()

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Any, generator: torch.Generator
    ) -> None:
        """`settings` is an instance of `Settings`; `generator` draws whatever the edits start from."""
        self.backbone = backbone
        self.subject = subject
        self.settings = settings

    @classmethod
    def works_on(cls, family: type[Backbone]) -> str:
        """Return an empty text when the method works on bases of a family, else why it does not, in English.

        The page asks before any is loaded.
        """
        return ""

    @classmethod
    def refusal(cls, backbone: Backbone) -> str:
        """Return why nothing can be learned with this method on a base: the base's reason or its own."""
        return backbone.untrainable or tr(cls.works_on(type(backbone)))

    @classmethod
    def resolve_settings(cls, values: dict[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the settings with those filled in that depend on other concepts.

        `others` are the settings of all concepts of the workspace, queued trainings included. They are read
        as they are asked for: who needs none does not wait for them.
        """
        return values

    @abstractmethod
    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        """Do the work before the first step: encode the photos, paint class pictures.

        What is kept in the folder `cache` outlives the task. Runs with nothing attached.
        """

    def work_ahead(self, photos: PhotoSet, cache: Path) -> int:
        """Return how much work `prepare` has that grows with the settings, in any unit; 0 for none.

        Pictures or statistics that are in the folder `cache` already are none.
        """
        return 0

    @abstractmethod
    def stages(self) -> list[Stage]:
        """Return what to optimise, in order."""

    @abstractmethod
    def draw(self, generator: torch.Generator) -> Any:
        """Return the batch of one step: everything random or made in Python.

        It holds at least what `trainers.kit.batches.DenoisingBatch` does: chosen photos, noise, timesteps and
        tokenized prompts. All randomness comes from `generator` (on the CPU, so that a seed means the same on
        every device): its state before a step is the whole state of the data. Called with the method's own
        edits attached.
        """

    @abstractmethod
    def loss(self, batch: Any) -> dict[str, torch.Tensor]:
        """Return one step's named loss terms, already weighted; their sum is minimised.

        Called with the method's own edits attached. Tensors in, tensors out: nothing random, no `.item()`, no
        Python branching on values, so that a step can be captured.
        """

    @abstractmethod
    def edits(self) -> list[Edit]:
        """Return what is being learned: after `finish`, the very edits that the concept file will keep."""

    def state(self) -> dict[str, Any]:
        """Return what a training needs to go on, besides its parameters: tensors and numbers by name."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Set the method to a state that `state` returned."""
        return

    def finish(self) -> Iterator[Event]:
        """Do the work after the last step, before what was learned is kept, such as making it small.

        Runs with nothing attached, to its end even when the training was told to stop.
        """
        yield from ()

    @property
    def closing_prompts(self) -> list[str]:
        """Return what else is painted once when all is learned, beside `preview_prompt`."""
        return []

    @property
    def closing_choices(self) -> Mapping[str, Mapping[str, float]]:
        """Return, by caption, values of its knobs with which `preview_prompt` is painted once more."""
        return {}

    def insights(self) -> list[Insight]:
        """Return pictures about what was learned: the attention of a word, for instance."""
        return []

    def report(self) -> dict[str, float]:
        """Return named numbers about what was learned, for the concept's header."""
        return {}

    def dependencies(self) -> dict[str, str]:
        """Return hashes of external data that the concept depends on (Perfusion: the text moments), by name.

        Two concepts are refused in one picture when they name the same data with different hashes.
        """
        return {}

    @property
    def preview_prompt(self) -> str:
        """Return what is painted while the subject is being learned."""
        return f"a photo of {self.subject.handle}"

    @classmethod
    def card(cls) -> MethodCard:
        """Return this method as the page sees it."""
        more = tuple(
            dataclasses.replace(field, group="regularizers")
            for regularizer in cls.regularizers
            for field in regularizer.fields()
        )
        more = with_defaults(more, cls.regularizer_defaults, marked("paper"))
        fields = (*fields_of(cls.settings_class), *more)
        texts = cls.id, cls.title, cls.summary, cls.paper
        quick = dict(cls.quick_settings)
        return MethodCard(*texts, cls.needs, fields, quick, cls.suits, cls.recommended, cls.example)

    @classmethod
    def own(cls, values: Mapping[str, Any]) -> Any:
        """Return its Settings, out of all settings of a training."""
        return cls.settings_class(
            **{field.name: values[field.name] for field in fields_of(cls.settings_class)}
        )
