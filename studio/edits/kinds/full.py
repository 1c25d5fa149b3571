"""Full fine-tuning: every weight of denoiser and text encoder.

It exists only while a method learns, never in a file: a concept keeps the low-rank edit nearest to it
(`trainers/kit/svd_extraction.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn

from studio.edits.attaching import weights_replaced
from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.errors import StudioError
from studio.models.backbone import Backbone
from studio.models.memory_plan import Measure
from studio.models.placement import home_of


class Full(Edit):
    """Tuned copies of a base model's weights.

    `weights` are the copies W' of the base's weights W by their paths, such as
    `unet.conv_in.weight`, float32. At strength s the layers run with W + s (W' - W).

    The copies themselves are trained, not their difference from the base: weight decay pulls at W', as it
    would if the model itself were tuned. Attached, they replace the base's parameters,
    which are put back untouched.
    """

    kind = "full"

    def __init__(self, handle: str, noun: str, weights: Mapping[str, Tensor]) -> None:
        super().__init__(handle, noun)
        self.weights = dict(weights)

    @classmethod
    def start(
        cls,
        handle: str,
        noun: str,
        backbone: Backbone,
        text_encoder: bool,
        sites: Collection[str] | None = None,
    ) -> Full:
        """Return copies of all weights of the denoiser, and if asked of the text encoder, to be trained.

        Args:
            sites: only the weights of these layers; None for all.

        Raises StudioError for all weights where the denoiser is kept in 8 bits, since that has no room for
        copies of the whole of it.
        """
        if sites is None and backbone.memory_plan.takes(Measure.FLOAT8):
            hint = "Tune the weights by low rank, or start with --memory all if the device has room."
            raise StudioError(
                "{base} is kept in 8 bits, which full tuning cannot change.", hint, base=backbone.name
            )
        copies = {
            name: getattr(*parameter).detach().to(home_of(parameter[0]), torch.float32, copy=True)
            for name, parameter in parameters_by_path(backbone).items()
            if (text_encoder or not backbone.in_text_encoder(name))
            and (sites is None or name.rpartition(".")[0] in sites)
        }
        return cls(handle, noun, {name: copy.requires_grad_() for name, copy in copies.items()})

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        return {}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Do nothing: the copies are made on the base's own device."""

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        raise ValueError("it holds a whole model, which is no concept")

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        shapes = {name: getattr(*parameter).shape for name, parameter in parameters_by_path(backbone).items()}
        return all(shapes.get(name) == W.shape for name, W in self.weights.items())

    def parameters(self) -> list[Tensor]:
        """Return everything that is trained."""
        return list(self.weights.values())

    @torch.no_grad()
    def changes(self, backbone: Backbone) -> Iterator[tuple[str, Tensor]]:
        """Yield each path with its W' - W, float32. One at a time: all are as large as the model."""
        parameters = parameters_by_path(backbone)
        for name, tuned in self.weights.items():
            yield name, tuned - getattr(*parameters[name]).to(tuned.device, torch.float32)

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        parameters, weights = parameters_by_path(backbone), {}
        for name in dict.fromkeys(name for active in actives for name in active.edit.weights):
            mine = [active for active in actives if name in active.edit.weights]
            tuned = [(active.edit.weights[name], active.strength) for active in mine]
            W = getattr(*parameters[name])
            is_coarse = W.dtype.itemsize < 2  # in 8 bits, in which a small change would be lost
            weights[name] = _between(W, tuned, backbone.dtype if is_coarse else W.dtype)
        return partial(weights_replaced, backbone, weights)


def parameters_by_path(backbone: Backbone) -> dict[str, tuple[nn.Module, str]]:
    """Return, for the path of each weight, its layer and its name there."""
    return {
        f"{site}.{leaf}": (layer, leaf)
        for site, layer in backbone.sites.items()
        for leaf, _ in layer.named_parameters(recurse=False)
    }


def _between(W: Tensor, tuned: Sequence[tuple[Tensor, float]], dtype: torch.dtype) -> Tensor:
    """Return W + sum of s (W' - W) in a precision; exactly W' for one copy at strength 1."""
    if len(tuned) == 1 and tuned[0][1] == 1:
        return tuned[0][0].to(dtype)
    start = W.to(tuned[0][0].device, torch.float32)
    return (start + sum(strength * (weight - start) for weight, strength in tuned)).to(dtype)
