"""The contract of an edit: what was learned, and how it is put on a base model."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor

from studio.models.attention import cells_of
from studio.models.backbone import Backbone
from studio.settings import Knob

E = TypeVar("E", bound="Edit")
Attachment = Callable[[], AbstractContextManager[None]]


class Edit(ABC):
    """A small change of one kind, belonging to the concept `handle` (noun `noun`).

    Tensors are named `site/tensor` by module path; trainable ones are float32 whatever the base runs in.

    Attributes:
        kind: the name of the kind in files.
        common: whether all handles of a concept share one edit of this kind.
    """

    kind: ClassVar[str]
    common: ClassVar[bool] = False

    def __init__(self, handle: str, noun: str) -> None:
        self.handle = handle
        self.noun = noun

    @property
    def word_vectors(self) -> Tensor | None:
        """Return the learned vectors (n, D) of a word, None where the edit is no word."""
        return None

    def with_word_vectors(self, vectors: Tensor) -> Self:
        """Return this edit with other vectors for its word. Only words have any."""
        raise TypeError(f"{self.kind} edits have no word")

    def knobs(self) -> dict[str, Knob]:
        """Return what can be changed while painting, by the name of the attribute that holds it."""
        return {}

    def with_knobs(self, values: Mapping[str, float]) -> Self:
        """Return this edit with its knobs at `values`; the tensors are shared, not copied."""
        changed = copy.copy(self)
        for name in self.knobs():
            setattr(changed, name, float(values.get(name, getattr(self, name))))
        return changed

    def while_tuning_words(self) -> Self:
        """Return this edit as it is attached during test-time optimisation of a prompt's words."""
        return self.with_knobs({})

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that a concept file stores, by name."""

    def file_dtype(self, name: str) -> torch.dtype:
        """Return the precision in which a concept file stores the tensor `name`."""
        return torch.float32

    @classmethod
    @abstractmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """Return the edit that `tensors` came from. Raises ValueError when names or shapes do not fit.

        `settings` are those that the concept was learned with, as its header has them.
        """

    @abstractmethod
    def is_compatible(self, backbone: Backbone) -> bool:
        """Return whether every tensor fits the shapes of this backbone."""

    def on_prompts(self, backbone: Backbone, columns: Sequence[Sequence[str]]) -> None:
        """Receive the prompts of a picture before it is sampled. By default, do nothing.

        `columns` is one (negative prompt, prompt) pair per text reading; their encodings are joined along the
        token axis in this order. Override it when the edit needs its own encoding of the prompts, as
        Perfusion's global key lock does.
        """
        return

    @classmethod
    @abstractmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """Return a function that makes a context with all active edits of this kind on, summed."""

    @abstractmethod
    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Replace the tensors that `tensors` returns, by the same names."""

    def to(self, backbone: Backbone) -> Self:
        """Move the tensors to the backbone's device, before painting.

        Those that are on it already stay the same objects.
        """
        self.set_tensors({name: tensor.to(backbone.device) for name, tensor in self.tensors().items()})
        return self


@dataclass(frozen=True, eq=False)
class EditMask:
    """A soft mask for an edit, all weights 0..1.

    Args:
        tokens (2, L): the weight of each token of the negative prompt and of the prompt.
        area (h, w): the weight of each latent cell; None means the whole picture.
    """

    tokens: Tensor
    area: Tensor | None = None
    _cells: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    def masks(self, backbone: Backbone, site: str) -> bool:
        """Return whether the mask leaves anything out at a layer."""
        return self.area is not None or backbone.reads_text(site) or backbone.reads_both(site)

    def rows(self, backbone: Backbone, site: str, prompts: int, positions: int) -> Tensor:
        """Return the weights at a layer with input (prompts, positions, D): (prompts or 1, positions).

        A text encoder reads the chunks of a long prompt as prompts of their own.
        """
        own = backbone.mask_rows(site, self.tokens, self.area, prompts, positions)
        if own is not None:
            return own
        if backbone.reads_text(site):
            return self.tokens.reshape(-1, positions)[-prompts:]
        if self.area is None:
            return self.tokens.new_ones(1, positions)
        if positions not in self._cells:
            self._cells[positions] = cells_of(self.area[None], positions)
        return self._cells[positions]


@dataclass(frozen=True)
class ActiveEdit(Generic[E]):
    """An edit that is put on for a picture.

    Args:
        strength: 1 is as learned.
        handles: those it acts for; of a `common` edit, all of its concept.
        mask: where it acts; None means everywhere.
    """

    edit: E
    strength: float = 1.0
    handles: tuple[str, ...] = ()
    mask: EditMask | None = None
