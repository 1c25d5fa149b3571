"""Open a base model: look what it is, choose the family, the device and the precision, and load it."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from studio.bases.base_files import PREDICTIONS, BaseFiles, look_at
from studio.bases.file_hash import FileHash
from studio.errors import StudioError
from studio.models import hub
from studio.models.backbone import Backbone
from studio.models.families import FAMILIES
from studio.models.memory_plan import AUTO
from studio.models.settling import settle
from studio.models.threads import threads_to_use


def open_backbone(
    base: str | Path,
    device: str | None = None,
    dtype: torch.dtype | None = None,
    prediction: str = "",
    report: hub.Report = lambda sentence: None,
    memory: str = AUTO,
    cache: Path | None = None,
    is_plain: bool = False,
) -> Backbone:
    """Load a diffusers folder, a checkpoint in a single .safetensors file, or a model of the hub.

    Args:
        base: a path, or a name on the hub; the hub is asked only when nothing lies at such a path.
        device: None for a CUDA card if there is one, else the CPU.
        dtype: the precision of its frozen weights; None for `running_dtype`.
        prediction: what it predicts, "epsilon" or "v_prediction", where its files do not say so.
        report: gets sentences about a download.
        memory: how it is fitted to the device: see `settle`.
        cache: where the hash of its file is remembered, for pictures; None where none are kept.
        is_plain: see `Backbone`.

    Raises StudioError when there is no such model or the studio cannot use it.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads_to_use())
    torch.set_flush_denormal(True)  # many CPUs are slow at numbers that are almost zero
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    files = find_base(base, prediction, report)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    family = FAMILIES[family_of(files)]
    try:
        backbone = family.load(files, torch.device("cpu"), dtype or running_dtype(device))
        settle(backbone, torch.device(device), memory)
    except (torch.OutOfMemoryError, MemoryError) as error:
        hint = "Close other programs that use it, or choose a smaller base."
        raise StudioError("{base} needs more memory than the device has.", hint, base=files.name) from error
    path = Path(base).expanduser()
    backbone.file_hash = FileHash(files.path, cache) if cache else None
    backbone.folder = path if path.is_dir() else None
    backbone.is_distilled, backbone.is_plain = files.is_distilled, is_plain
    return backbone


def find_base(
    base: str | Path, prediction: str = "", report: hub.Report = lambda sentence: None
) -> BaseFiles:
    """Return the files of a base model, fetched from the hub if it is not on this machine.

    Raises StudioError when there is no such model, or it is no base model.
    """
    if prediction and prediction not in PREDICTIONS:
        raise StudioError(
            "No base predicts {prediction!r}.", "Write epsilon or v_prediction.", prediction=prediction
        )
    path = Path(base).expanduser()
    if path.exists():
        return look_at(path, PREDICTIONS.get(prediction, ""))
    if path.is_absolute() or str(base).startswith((".", "~")) or path.suffix == ".safetensors":
        hint = "Give --base a diffusers folder, a .safetensors checkpoint, or a name on the hub."
        raise StudioError("There is no base model at {base}.", hint, base=base)
    return look_at(hub.fetch(str(base), report), PREDICTIONS.get(prediction, ""), str(base))


def family_of(files: BaseFiles) -> str:
    """Return the family of a base model. Raises StudioError, with what it is, for one of no known family."""
    for name, family in FAMILIES.items():
        if files.kind in family.kinds:
            return name
    known = ", ".join(FAMILIES).replace("_", " ")
    checkpoint = "{base} is a checkpoint of a model that reads text {width} wide."
    raise StudioError(
        "{base} is a {kind}." if files.pipeline else checkpoint,
        "Likeness works on these families: {known}.",
        base=files.name,
        kind=files.pipeline,
        width=files.text_width,
        known=known,
    )


def running_dtype(device: str) -> torch.dtype:
    """Return the precision of frozen weights: bfloat16 on CUDA, float32 elsewhere.

    On cards without bfloat16 it is float16.
    """
    if torch.device(device).type != "cuda":
        return torch.float32
    # Current torch counts emulated bfloat16 as supported; there, float16 is many times faster.
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
