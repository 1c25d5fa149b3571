"""The contract of an edit: exactly what was learned, and how its kind goes on a Backbone."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from studio.backbone import Backbone
from studio.header import Knob
from studio.recipe import Recipe


class Edit(ABC):
    """A small change of one kind, belonging to the concept `handle` (noun `noun`).

    Tensors are named `site/tensor` by module path. Trainable ones are float32 whatever the base runs in.
    """

    kind: ClassVar[str]

    def __init__(self, handle: str, noun: str) -> None:
        self.handle = handle
        self.noun = noun

    def knobs(self) -> dict[str, Knob]:
        """What can be moved while painting, by the name of the attribute that holds it."""
        return {}

    def strength(self, recipe: Recipe, handles: Sequence[str]) -> float:
        """How strongly a recipe wants this edit of a concept with these handles: as strongly as its own."""
        return recipe.strength(self.handle)

    def turned(self, values: Mapping[str, float]) -> Self:
        """This edit with its knobs at `values`; the tensors are shared, not copied."""
        turned = copy.copy(self)
        for name in self.knobs():
            setattr(turned, name, float(values.get(name, getattr(self, name))))
        return turned

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What a concept file keeps, by name."""

    def kept(self, name: str) -> torch.dtype:
        """The precision in which a concept file keeps the tensor `name`."""
        return torch.float32

    @classmethod
    @abstractmethod
    def from_tensors(cls, handle: str, noun: str, tensors: Mapping[str, Tensor]) -> Self:
        """The edit that `tensors` came from. Raises ValueError when names or shapes do not fit."""

    @abstractmethod
    def fits(self, backbone: Backbone) -> bool:
        """Whether every tensor has a place of its shape in this backbone."""

    def listen(self, backbone: Backbone, prompts: Sequence[str]) -> None:
        """Told, before a picture is begun, the prompts it will be painted from, with all edits attached."""
        return None

    @classmethod
    @abstractmethod
    def attach(cls, backbone: Backbone, actives: Sequence[Active]) -> AbstractContextManager[None]:
        """Put all active edits of this kind on, summed in the order given."""

    def to(self, backbone: Backbone) -> Self:
        """Move the tensors to the backbone's device, once, before painting."""
        for tensor in self.tensors().values():
            tensor.data = tensor.data.to(backbone.device)
        return self


@dataclass(frozen=True)
class Active:
    """An edit at a strength: 1 as learned."""

    edit: Edit
    strength: float = 1.0
