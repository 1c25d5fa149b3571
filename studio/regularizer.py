"""The contract of a regularizer: a loss term on top of any method's.

A regularizer is one class in one file of `trainers/regularizers/`. Its settings appear by themselves in the
form, the flags and the header of every method it applies to.

The page reads cards without importing torch, so this file must not need it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from studio.settings import Field, fields_of

if TYPE_CHECKING:
    import torch

    from studio.method import Method


class Regularizer(ABC):
    """Adds named terms to a method's loss.

    Attributes:
        settings_class: a dataclass of `setting(...)` fields, whose names must be unlike those of any method.
            The defaults turn the regularizer off.
        weights: the names of the settings that weigh its terms; all 0 turn it off.
        tunes: it applies to methods that learn at least one of these: "words", "weights".
    """

    id: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    settings_class: ClassVar[type]
    weights: ClassVar[tuple[str, ...]]
    tunes: ClassVar[frozenset[str]] = frozenset({"words", "weights"})

    def __init__(self, method: Method, settings: Any) -> None:
        """Called once the method is prepared."""
        self.method = method
        self.settings = settings

    def is_active(self) -> bool:
        """Return whether it adds anything in the stage that runs now."""
        return True

    @abstractmethod
    def draw(self, batch: Any, generator: torch.Generator) -> Any:
        """Return what a step needs besides the method's own batch: everything random or made in Python."""

    @abstractmethod
    def terms(self, batch: Any, own: Any) -> dict[str, torch.Tensor]:
        """Return the weighted terms of a step, by name; `own` is what `draw` returned."""

    @property
    def is_divisible(self) -> bool:
        """Return whether the photos of a step can be shared out by `part`."""
        return True

    def part(self, own: Any, numbers: slice) -> Any:
        """Return what `terms` needs for some photos of the batch, out of what `draw` returned for all.

        The terms of all photos are to be the mean of those of its parts, each counted by its photos.
        """
        return own

    def report(self) -> dict[str, float]:
        """Return named numbers about the whole training, for the concept's header."""
        return {}

    @classmethod
    def is_on(cls, values: Mapping[str, Any]) -> bool:
        """Return whether these settings of a training use it."""
        return any(values.get(name, 0) for name in cls.weights)

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """Return its settings as a form or a flag sees them."""
        return fields_of(cls.settings_class)

    @classmethod
    def own(cls, values: Mapping[str, Any]) -> Any:
        """Return its Settings, out of all settings of a training."""
        return cls.settings_class(
            **{field.name: values[field.name] for field in cls.fields() if field.name in values}
        )
