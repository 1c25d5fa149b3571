"""Scores that a trial keeps as JSON, so that what was measured once is not measured again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from studio.files import write_atomic

SCORE = "score.json"  # the last file of a task: where it is, the others are
Score = TypeVar("Score")


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON, whole or not at all."""
    write_atomic(path, json.dumps(value).encode("utf-8"))


def read_scores(path: Path, make: Callable[[Any], Score]) -> Score | None:
    """Return what `make` makes of the JSON in a file.

    None means that it has to be measured anew: there is no such file, it is damaged, or another version of
    the trial wrote it, with other fields.
    """
    try:
        return make(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
