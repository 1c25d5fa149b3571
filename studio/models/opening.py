"""Open a base model: choose the family, the device and the precision."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from studio.errors import StudioError
from studio.models.backbone import Backbone
from studio.models.families import FAMILIES

DEFAULT_FAMILY = "stable_diffusion"


def open_backbone(base: str | Path, device: str | None = None, dtype: torch.dtype | None = None) -> Backbone:
    """Load a diffusers folder, a single .safetensors checkpoint, or a hub name already on this machine.

    Args:
        device: None for a CUDA card if there is one, else the CPU.
        dtype: the precision of its frozen weights; None for `running_dtype`.

    Raises StudioError when there is no such model or the studio cannot use it.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        # torch slows down greatly when its threads outnumber the free cores; one is left to the page
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    torch.set_flush_denormal(True)  # many CPUs are slow at numbers that are almost zero
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    path = Path(base).expanduser()
    family = FAMILIES[family_of(path)]
    backbone = family.load(
        path if path.exists() else str(base), torch.device(device), dtype or running_dtype(device)
    )
    backbone.folder = path if path.is_dir() else None
    return backbone


def family_of(path: Path) -> str:
    """Return the family of the model at `path`; Stable Diffusion where nothing says so."""
    try:
        index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return DEFAULT_FAMILY
    if not isinstance(index, dict):
        return DEFAULT_FAMILY  # whose loader says what is wrong with the folder
    for name, family in FAMILIES.items():
        if family.recognises(index):
            return name
    known = ", ".join(FAMILIES).replace("_", " ")
    hint = f"Likeness works on these families: {known}."
    raise StudioError(f"{path.name} is a {index.get('_class_name', 'model of another kind')}.", hint)


def running_dtype(device: str) -> torch.dtype:
    """Return the precision of frozen weights: bfloat16 on CUDA, float32 elsewhere.

    On cards without bfloat16 it is float16.
    """
    if torch.device(device).type != "cuda":
        return torch.float32
    # Current torch counts emulated bfloat16 as supported; there, float16 is many times faster.
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
