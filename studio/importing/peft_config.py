"""The alphas of a LoRA as PEFT keeps them: in a configuration, not beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from studio.interop.foreign_file import ForeignFile

OF_DIFFUSERS = "lora_adapter_metadata"  # where diffusers keeps it; there names begin with their network's


def alphas_of(file: ForeignFile) -> dict[str, float]:
    """Return by layer the alpha that scales it by alpha / rank, where a configuration says it.

    The configuration is in the file's metadata, as diffusers writes it, or in the `adapter_config.json`
    beside the file, as PEFT writes it. What is in it and cannot be understood counts for nothing.
    """
    try:
        inside = json.loads(file.metadata.get(OF_DIFFUSERS) or "{}")
        found: dict[str, float] = {}
        for name in file.layers:
            if file.adapter_config:
                alpha = _alpha(name, "", file.adapter_config)
            else:
                network, _, path = name.partition(".")
                alpha = _alpha(path, f"{network}.", inside)
            if alpha is not None:
                found[name] = alpha
        return found
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _alpha(path: str, prefix: str, config: Mapping[str, Any]) -> float | None:
    """Return the alpha of a layer, None where nothing is said.

    With use_rslora the scale is alpha / sqrt(rank) (Kalajdzievski 2023, arXiv 2312.03732).
    """
    alpha = _matched(path, config.get(f"{prefix}alpha_pattern"), config.get(f"{prefix}lora_alpha"))
    if alpha is None:
        return None
    if not config.get(f"{prefix}use_rslora"):
        return float(alpha)
    rank = _matched(path, config.get(f"{prefix}rank_pattern"), config.get(f"{prefix}r")) or 1
    return float(alpha) * abs(float(rank)) ** 0.5


def _matched(path: str, pattern: Mapping[str, Any] | None, otherwise: Any) -> Any:
    """Return the value of the first key of a pattern that a layer's path is, or ends with after a dot.

    PEFT takes keys for regular expressions. A file may come from a stranger, and such an expression can
    take for ever: of its signs only `^`, `$` and `\\.` are understood, which PEFT and diffusers write.
    """
    for key, value in (pattern or {}).items():
        name = key.removeprefix("^").removesuffix("$").replace("\\.", ".")
        if path == name or (not key.startswith("^") and path.endswith(f".{name}")):
            return value
    return otherwise
