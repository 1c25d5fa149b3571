"""Scores that a trial keeps as JSON, so that what was measured once is not measured again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from studio.files import write_atomic

MADE_WITH = "made_with"  # the field that says what scores were measured with
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


def write_made(path: Path, fields: Mapping[str, Any], made_with: Mapping[str, Any]) -> None:
    """Write fields as JSON, and beside them what they were measured with: base, sampling, prompts."""
    write_json(path, {**fields, MADE_WITH: made_with})


def read_made(path: Path, make: Callable[[Any], Score], made_with: Mapping[str, Any]) -> Score | None:
    """Return what `make` makes of the fields in a file.

    None as in `read_scores`, and for those that were measured with something else, or with what nobody noted.
    """
    wanted = json.loads(json.dumps(made_with))

    def checked(fields: Any) -> Score:
        if fields.pop(MADE_WITH) != wanted:
            raise LookupError
        return make(fields)

    return read_scores(path, checked)
