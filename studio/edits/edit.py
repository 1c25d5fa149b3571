"""The contract of an edit: exactly what was learned, and how its kind goes on a Backbone."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.models.backbone import Backbone
from studio.settings import Knob

READS_TEXT = ("attn2.to_k", "attn2.to_v")
Attachment = Callable[[], AbstractContextManager[None]]


class Edit(ABC):
    """A small change of one kind, belonging to the concept `handle` (noun `noun`).

    Tensors are named `site/tensor` by module path. Trainable ones are float32 whatever the base runs in.
    Of a kind that is `common`, all handles of a concept have one edit together.
    """

    kind: ClassVar[str]
    common: ClassVar[bool] = False

    def __init__(self, handle: str, noun: str) -> None:
        self.handle = handle
        self.noun = noun

    def knobs(self) -> dict[str, Knob]:
        """What can be moved while painting, by the name of the attribute that holds it."""
        return {}

    def with_knobs(self, values: Mapping[str, float]) -> Self:
        """This edit with its knobs at `values`; the tensors are shared, not copied."""
        turned = copy.copy(self)
        for name in self.knobs():
            setattr(turned, name, float(values.get(name, getattr(self, name))))
        return turned

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What a concept file keeps, by name."""

    def file_dtype(self, name: str) -> torch.dtype:
        """The precision in which a concept file keeps the tensor `name`."""
        return torch.float32

    @classmethod
    @abstractmethod
    def from_tensors(cls, handle: str, noun: str, tensors: Mapping[str, Tensor]) -> Self:
        """The edit that `tensors` came from. Raises ValueError when names or shapes do not fit."""

    @abstractmethod
    def is_compatible(self, backbone: Backbone) -> bool:
        """Whether every tensor has a place of its shape in this backbone."""

    def on_prompts(self, backbone: Backbone, columns: Sequence[Sequence[str]]) -> None:
        """Told, before a picture is begun, what it will be painted from: in each of the columns, whose
        encodings stand side by side, a negative prompt and a prompt."""
        return None

    @classmethod
    @abstractmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit]) -> Attachment:
        """Work out, once, how all active edits of this kind go on, summed in the order given; the answer
        puts them on and takes them off again, as often as it is called."""

    def to(self, backbone: Backbone) -> Self:
        """Move the tensors to the backbone's device, once, before painting."""
        for tensor in self.tensors().values():
            tensor.data = tensor.data.to(backbone.device)
        return self


@dataclass(frozen=True, eq=False)
class EditMask:
    """Where an edit acts, all between 0 and 1: at which tokens (2, L) of the encoded negative prompt and
    prompt, and on how much of each cell of the picture, (h, w) as in the latents, or everywhere."""

    tokens: Tensor
    area: Tensor | None = None
    _cells: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    def cells(self, count: int) -> Tensor:
        """The area as a layer with `count` cells, square as the latents, has it: (1, count)."""
        if count not in self._cells:
            side = round(count**0.5)
            self._cells[count] = F.adaptive_avg_pool2d(self.area[None], side).flatten(1)
        return self._cells[count]


@dataclass(frozen=True)
class ActiveEdit:
    """An edit at a strength, 1 as learned; on behalf of which handles, and where, if not everywhere."""

    edit: Edit
    strength: float = 1.0
    handles: tuple[str, ...] = ()
    mask: EditMask | None = None
