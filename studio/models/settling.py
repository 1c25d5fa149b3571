"""Puts a base model on its device, with the measures of its memory plan.

A base is loaded into the computer's memory first; nothing of a part that will wait, or be made smaller, is
ever on the device before.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from studio.models.backbone import Backbone
from studio.models.float8 import can_float8, float8_layers, keep_in_float8
from studio.models.memory_plan import TILE, TILED_FROM, Measure, MemoryPlan, PartSizes, forced_plan
from studio.models.placement import Placement

# Estimates, not measured on a card, for each pixel of a picture. Predicting: Stable Diffusion XL at 1,024
# pixels is known to need about 1 GB besides its weights for two prompts in half precision. A training step
# whose activations are in the computer's memory has a layer's gradients beside that, and the edits.
PREDICTING, TRAINING = 1_000, 2_000
DECODING = 3_000  # eight pictures of 512 pixels need 6 GB in float32, encoding about half of it


def settle(backbone: Backbone, device: torch.device, memory: str) -> MemoryPlan:
    """Move a base, loaded on the CPU, to a device; returns the plan, which the base keeps.

    Args:
        memory: "auto" for the measures that it needs there, "all" for none, "least" for all.

    Raises StudioError for another word.
    """
    sizes = sizes_of(backbone)
    free = free_bytes(device)
    plan = forced_plan(memory, free, sizes, can_float8(backbone.denoiser, device))
    backbone.device, backbone.memory_plan = device, plan
    for name, value in list(vars(backbone).items()):  # such as its noise schedule
        if isinstance(value, Tensor):
            setattr(backbone, name, value.to(device))
    if plan.takes(Measure.FLOAT8):
        keep_in_float8(backbone.denoiser)
    turns: tuple[Placement, ...] = ()
    if plan.takes(Measure.TURNS):
        denoiser = Placement([backbone.denoiser], device)
        turns = (denoiser,)
        denoiser.arrive()
        backbone.denoiser.register_forward_pre_hook(lambda *_: denoiser.arrive())
    else:
        backbone.denoiser.to(device)
    if plan.takes(Measure.TEXT_WAITS):
        backbone.text.placement = Placement(backbone.text.encoders, device, turns)
    else:
        _move(backbone.text.encoders, device)
    if plan.takes(Measure.AUTOENCODER_WAITS):
        backbone.autoencoder_placement = Placement([backbone.autoencoder], device)
    else:
        backbone.autoencoder.to(device)
    return plan


def _move(modules: Iterable[nn.Module], device: torch.device) -> None:
    for module in modules:
        module.to(device)


def free_bytes(device: torch.device) -> int | None:
    """Return a card's free memory; None for anything else: the operating system swaps for a CPU."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def sizes_of(backbone: Backbone) -> PartSizes:
    """Return the sizes of a base's parts, and estimates for a picture of its resolution."""
    denoiser = bytes_of([backbone.denoiser])
    narrowed = sum(
        layer.weight.nbytes - layer.weight.numel() for layer in float8_layers(backbone.denoiser).values()
    )
    pixels = backbone.resolution**2
    tile = TILE**2 if backbone.resolution >= TILED_FROM else pixels
    return PartSizes(
        denoiser=denoiser,
        denoiser_8bit=denoiser - narrowed,
        text=bytes_of(backbone.text.encoders),
        autoencoder=bytes_of([backbone.autoencoder]),
        predicting=PREDICTING * pixels,
        decoding=DECODING * pixels,
        tile=DECODING * tile,
        training=TRAINING * pixels,
    )


def bytes_of(modules: Iterable[nn.Module]) -> int:
    """Return how many bytes the weights of modules take, each once."""
    tensors = {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}
    return sum(tensor.nbytes for tensor in tensors.values())
