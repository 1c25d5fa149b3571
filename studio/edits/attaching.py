"""Hooks that put edits on a model and take them off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from studio.edits.edit import Attachment
from studio.models.backbone import Backbone


def additive_hook(
    change: Callable[[nn.Module, Tensor, Tensor], Tensor], steady: bool
) -> Callable[..., Tensor]:
    """Return a forward hook that adds change(layer, input, output) to a layer's output.

    With `steady`, the change is kept and reused for the same input while gradients are off: the layer reads
    the prompt, which is the same in all steps of a picture.
    """
    change = cache_last(change, key=1) if steady else change

    def add(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + change(layer, arguments[0], output)

    return add


def cache_last(function: Callable[..., Tensor], key: int = 0) -> Callable[..., Tensor]:
    """Return `function` with its last result cached.

    It is computed again when argument number `key` is a different tensor object, and always while gradients
    are enabled.
    """
    known: dict[str, Tensor] = {}

    def recall(*arguments: Any) -> Tensor:
        if torch.is_grad_enabled():
            return function(*arguments)
        if known.get("key") is not arguments[key]:
            known.update(key=arguments[key], value=function(*arguments))
        return known["value"]

    return recall


def cached_text_projections(backbone: Backbone) -> Attachment:
    """Return an attachment that caches the cross-attention keys and values.

    The prompt does not change between sampling steps, so they are computed in the first step and reused.
    """
    layers = {site: backbone.sites[site] for site in (*backbone.key_sites, *backbone.value_sites)}
    return partial(
        forward_replaced, backbone, {site: cache_last(layer.forward) for site, layer in layers.items()}
    )


@contextmanager
def hooks_on(backbone: Backbone, hooks: Mapping[str, Callable[..., Tensor]]) -> Iterator[None]:
    """Context manager: put forward hooks on the layers at these sites."""
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
    """Context manager: replace the forward functions of the layers at these sites. Hooks still act."""
    before = {site: vars(backbone.sites[site]).get("forward") for site in forwards}
    try:
        for site, forward in forwards.items():
            backbone.sites[site].forward = forward
        yield
    finally:
        for site, forward in before.items():
            if forward is None:
                vars(backbone.sites[site]).pop("forward", None)
            else:
                backbone.sites[site].forward = forward


@contextmanager
def weights_replaced(backbone: Backbone, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Context manager: replace parameters of the base, by paths such as `unet.conv_in.weight`.

    Afterwards the original parameter objects are back. A text encoder does not move meanwhile.
    """
    reads = any(backbone.in_text_encoder(path) for path in weights)
    with backbone.text.on_device() if reads else nullcontext():
        yield from _replaced(backbone, weights)


def _replaced(backbone: Backbone, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Yield once, with these parameters in place of the base's."""
    names = {path: path.rpartition(".")[::2] for path in weights}
    before = {}
    try:
        for path, weight in weights.items():
            site, leaf = names[path]
            before[path] = backbone.sites[site]._parameters[leaf]
            backbone.sites[site]._parameters[leaf] = weight
        yield
    finally:
        for path, weight in before.items():
            site, leaf = names[path]
            backbone.sites[site]._parameters[leaf] = weight
