"""The contract of an edit: exactly what was learned, and how its kind goes on a Backbone."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.backbone import Backbone
from studio.header import Knob

READS_TEXT = ("attn2.to_k", "attn2.to_v")
Attaching = Callable[[], AbstractContextManager[None]]


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

    def listen(self, backbone: Backbone, columns: Sequence[Sequence[str]]) -> None:
        """Told, before a picture is begun, what it will be painted from: in each of the columns, whose
        encodings stand side by side, a negative prompt and a prompt."""
        return None

    @classmethod
    @abstractmethod
    def fit(cls, backbone: Backbone, actives: Sequence[Active]) -> Attaching:
        """Work out, once, how all active edits of this kind go on, summed in the order given; the answer
        puts them on and takes them off again, as often as it is called."""

    def to(self, backbone: Backbone) -> Self:
        """Move the tensors to the backbone's device, once, before painting."""
        for tensor in self.tensors().values():
            tensor.data = tensor.data.to(backbone.device)
        return self


def adding(change: Callable[[nn.Module, Tensor, Tensor], Tensor], steady: bool) -> Callable[..., Tensor]:
    """A forward hook that adds `change` (layer, input, output) to a layer's output.

    A `steady` layer reads the text, which is the same at every step of a picture: without gradients, the
    change for one input is worked out once.
    """
    change = remembered(change, key=1) if steady else change

    def add(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + change(layer, arguments[0], output)

    return add


def remembered(function: Callable[..., Tensor], key: int = 0) -> Callable[..., Tensor]:
    """`function`, worked out anew only when its argument number `key` is another tensor than the last time,
    or when gradients are wanted."""
    known: dict[str, Tensor] = {}

    def recall(*arguments: Any) -> Tensor:
        if torch.is_grad_enabled():
            return function(*arguments)
        if known.get("key") is not arguments[key]:
            known.update(key=arguments[key], value=function(*arguments))
        return known["value"]

    return recall


def reading_once(backbone: Backbone) -> Attaching:
    """While it is put on, the U-Net's keys and values of one and the same text are worked out a single time:
    what several concepts add to the text then costs a picture no more than a step."""
    layers = backbone.linear_sites(*READS_TEXT)
    return partial(forwarding, backbone, {site: remembered(layer.forward) for site, layer in layers.items()})


@contextmanager
def hooked(backbone: Backbone, hooks: Mapping[str, Callable[..., Tensor]]) -> Iterator[None]:
    """Forward hooks on the layers at these sites, for the length of a block."""
    handles = []
    try:
        for site, hook in hooks.items():
            handles.append(backbone.sites[site].register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def forwarding(backbone: Backbone, forwards: Mapping[str, Callable[..., Tensor]]) -> Iterator[None]:
    """Other forward functions in the place of the layers' own, for the length of a block; hooks still act."""
    own = {site: vars(backbone.sites[site]).get("forward") for site in forwards}
    try:
        for site, forward in forwards.items():
            backbone.sites[site].forward = forward
        yield
    finally:
        for site, forward in own.items():
            if forward is None:
                vars(backbone.sites[site]).pop("forward", None)
            else:
                backbone.sites[site].forward = forward


@contextmanager
def swapped(backbone: Backbone, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Other weights, by their paths such as `unet.conv_in.weight`, in the place of the base's own, for the
    length of a block; then the very parameters that were there."""
    places = {path: path.rpartition(".")[::2] for path in weights}
    own = {}
    try:
        for path, weight in weights.items():
            site, leaf = places[path]
            own[path] = backbone.sites[site]._parameters[leaf]
            backbone.sites[site]._parameters[leaf] = weight
        yield
    finally:
        for path, weight in own.items():
            site, leaf = places[path]
            backbone.sites[site]._parameters[leaf] = weight


@dataclass(frozen=True, eq=False)
class Reach:
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
class Active:
    """An edit at a strength, 1 as learned; on behalf of which handles, and where, if not everywhere."""

    edit: Edit
    strength: float = 1.0
    handles: tuple[str, ...] = ()
    reach: Reach | None = None
