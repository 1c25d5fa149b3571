"""How a base model likes to be used, read without loading it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BaseDefaults:
    """How a base model likes to be used; a folder may say so in its `likeness.json`, and list the `nouns`
    that it was taught in a `world.json`. `settings` holds, by method, the defaults that suit this base
    better than the paper's; `prompts` are examples."""

    steps: int = 30
    guidance: float = 7.5
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    nouns: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()

    @classmethod
    def of(cls, base: str | Path) -> BaseDefaults:
        """What the folder of a base says, or else what suits any."""
        values: dict[str, Any] = {}
        for name in ("world.json", "likeness.json"):
            try:
                values |= json.loads((Path(base) / name).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
        known = {one.name for one in fields(cls)}
        lists = {name: tuple(values.get(name, ())) for name in ("nouns", "prompts")}
        return cls(**{**{name: value for name, value in values.items() if name in known}, **lists})
