"""The files of weights of a part of a diffusers folder, in the variants in which all of them are there."""

from __future__ import annotations

import json
from pathlib import Path

from studio.files import exists

HALF = "fp16"  # what files in half precision are called


def whole_variants(folder: Path) -> dict[str, list[Path]]:
    """Return the safetensors files of every variant of a part that is whole, "" or "fp16".

    Large weights are in several files, which an index names. A variant that lacks one is left out.
    """
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        if ".non_ema" not in file.name:
            found.setdefault(_variant_of(file), []).append(file)
    # named model.safetensors.index.json, and in half precision model.safetensors.index.fp16.json
    indices = [file for file in folder.glob("*.safetensors.*json") if ".non_ema" not in file.name]
    lacking = {_variant_of(index) for index in indices if not _has_all(index)}
    return {variant: files for variant, files in found.items() if variant not in lacking}


def _variant_of(file: Path) -> str:
    """Return the variant that a file of weights or an index belongs to."""
    return HALF if f".{HALF}" in file.name else ""


def _has_all(index: Path) -> bool:
    """Return whether all files that an index names are beside it; it may be damaged."""
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values())
        return all(exists(index.parent / file) for file in named)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
