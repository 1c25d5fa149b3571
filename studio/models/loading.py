"""Loads the parts of a base model with diffusers, from this machine only, in the precision of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from studio.bases.base_files import BaseFiles
from studio.errors import StudioError

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
OF_MISSING_WEIGHTS = ("meta tensor", "missing in the checkpoint")  # what is said of weights no file has
LONGEST_REASON = 200  # letters of another library's message that are shown


def load_pipeline(files: BaseFiles, pipeline: Any, config: Path | None = None, **parts: Any) -> Any:
    """Return a diffusers pipeline of a folder, or of a single file, with its weights as they are stored.

    Nothing is asked of the network.

    Args:
        config: for a file, a folder with the configs of such a model; diffusers would fetch them.
        parts: components that the pipeline gets in place of its own, such as a tokenizer.

    Raises StudioError with the reason when it cannot be loaded.
    """
    if "safety_checker" in getattr(pipeline, "_optional_components", ()):
        parts |= {"safety_checker": None, "requires_safety_checker": False}
    try:
        if files.path.is_file():
            return pipeline.from_single_file(
                str(files.path),
                config=str(config),
                local_files_only=True,
                dtype=DTYPES[files.precisions[""]],
                **parts,
            )
        return pipeline.from_pretrained(
            str(files.path),
            local_files_only=True,
            use_safetensors=True,
            variant=files.variant or None,
            dtype={
                "default": torch.float32,
                **{part: DTYPES[name] for part, name in files.precisions.items()},
            },
            **parts,
        )
    except Exception as error:  # every library below has errors of its own
        hint = "See whether the download is complete, or choose another base with --base."
        if any(part in str(error) for part in OF_MISSING_WEIGHTS):
            message = "{base} is incomplete: it lacks some of the model's weights."
            raise StudioError(message, hint, base=files.name) from error
        raise StudioError(
            "{base} cannot be opened: {reason}.", hint, base=files.name, reason=_reason(error)
        ) from error


def _reason(error: Exception) -> str:
    """Return the first line of an error, cut between words, without a full stop."""
    line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    if len(line) > LONGEST_REASON:
        line = line[:LONGEST_REASON].rsplit(" ", 1)[0] + " ..."
    return line.rstrip(" .:")
