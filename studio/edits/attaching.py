"""Hooks that put edits on a model and take them off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from studio.edits.edit import READS_TEXT, Attachment
from studio.models.backbone import Backbone


def additive_hook(
    change: Callable[[nn.Module, Tensor, Tensor], Tensor], steady: bool
) -> Callable[..., Tensor]:
    """A forward hook that adds `change` (layer, input, output) to a layer's output.

    A `steady` layer reads the text, which is the same at every step of a picture: without gradients, the
    change for one input is worked out once.
    """
    change = cache_last(change, key=1) if steady else change

    def add(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + change(layer, arguments[0], output)

    return add


def cache_last(function: Callable[..., Tensor], key: int = 0) -> Callable[..., Tensor]:
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


def cached_text_projections(backbone: Backbone) -> Attachment:
    """While it is put on, the U-Net's keys and values of one and the same text are worked out a single time:
    what several concepts add to the text then costs a picture no more than a step."""
    layers = backbone.linear_sites(*READS_TEXT)
    return partial(
        forward_replaced, backbone, {site: cache_last(layer.forward) for site, layer in layers.items()}
    )


@contextmanager
def hooks_on(backbone: Backbone, hooks: Mapping[str, Callable[..., Tensor]]) -> Iterator[None]:
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
def forward_replaced(backbone: Backbone, forwards: Mapping[str, Callable[..., Tensor]]) -> Iterator[None]:
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
def weights_replaced(backbone: Backbone, weights: Mapping[str, Tensor]) -> Iterator[None]:
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
