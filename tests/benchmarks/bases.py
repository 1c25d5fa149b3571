"""The bases that are measured on: the starter, random weights at real shapes, and the tests' tiny one."""

from __future__ import annotations

import inspect
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import logging

from studio.models import opening
from studio.models.unet_backbone import UNetBackbone
from studio.starter import STARTER
from tests import tiny
from tests.shapes import SHAPES, real

BASES = ("starter", *SHAPES, "tiny")
SIDES = {"sd-1.5": 512, "sd-2.1": 768, "sdxl": 1024}  # of pictures, in pixels
CELL = 8  # pixels of a side of a cell of real latents


def open_base(
    name: str, device: str | None = None, pixels: int = 0, dtype: str = "", plain: bool = False
) -> UNetBackbone:
    """Return a base on a device.

    Args:
        name: one of `BASES`, or the path of another.
        device: None for a GPU if there is one, else the CPU.
        pixels: the side of pictures at real shapes; 0 for that of the published model.
        dtype: a type of torch by name, such as "bfloat16"; empty for what the studio takes on this device.
        plain: without what makes it faster (`Backbone.is_plain`).
    """
    backbone = _opened(name, device, pixels, dtype)
    backbone.is_plain = plain
    return backbone


def _opened(name: str, device: str | None, pixels: int, dtype: str) -> UNetBackbone:
    torch.set_flush_denormal(True)  # as `open_backbone` does
    logging.set_verbosity_error()
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = getattr(torch, dtype) if dtype else opening.running_dtype(chosen)
    if name == "tiny":
        return tiny.backbone(dtype=kind)
    if name in SHAPES:
        return real(name, (pixels or SIDES[name]) // CELL, chosen, kind)
    return opening.open_backbone(STARTER if name == "starter" else name, chosen, kind)


def pipeline_of(backbone: UNetBackbone) -> StableDiffusionPipeline:
    """Return diffusers' own pipeline over the very modules of a base with one text encoder."""
    own = {"vae": backbone.vae, "text_encoder": backbone.text_encoder, "unet": backbone.unet}
    schedule = type(backbone.schedule).from_config(backbone.schedule.config)  # pipelines change its config
    rest = {"tokenizer": backbone.tokenizer, "scheduler": schedule}
    rest |= dict.fromkeys(("safety_checker", "feature_extractor", "image_encoder"))
    known = inspect.signature(StableDiffusionPipeline).parameters
    given = {name: part for name, part in (own | rest).items() if name in known}
    return StableDiffusionPipeline(**given, requires_safety_checker=False)


def folder_of(name: str, folder: Path, pixels: int = 0) -> Path:
    """Return a diffusers folder of a base, for programs that read one; made in `folder` if there is none."""
    if name not in (*SHAPES, "tiny"):
        return Path(STARTER if name == "starter" else name)
    if not (folder / "model_index.json").exists():
        pipeline_of(open_base(name, "cpu", pixels, "float32")).save_pretrained(folder)
    return folder
