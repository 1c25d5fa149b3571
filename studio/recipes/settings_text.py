"""Settings of refinements as one line of text: 'prompt_tuning_steps=10 leave_out="red sky"'.

Reading takes time in proportion to the length of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from studio.errors import StudioError

SETTING = re.compile(r"\s*(?P<name>[^\s=]{1,100})=")
QUOTED = json.JSONDecoder()
TO_SPACE = re.compile(r"\S*")


def read_refinements(text: str) -> dict[str, Any]:
    """Return settings of refinements from 'prompt_tuning_steps=10 leave_out="red sky"'.

    Values are numbers where they are numbers, and texts where they are not or stand in quotes, as in JSON.
    Raises StudioError for anything else.
    """
    values: dict[str, Any] = {}
    position = 0
    while match := SETTING.match(text, position):
        position = match.end()
        try:
            if text.startswith('"', position):
                values[match["name"]], position = QUOTED.raw_decode(text, position)
            elif plain := TO_SPACE.match(text, position):
                values[match["name"]], position = _number_or_text(plain.group()), plain.end()
        except ValueError:
            raise StudioError(
                "The setting {name!r} cannot be read.", "Close its quotes.", name=match["name"]
            ) from None
    if rest := text[position:].split(maxsplit=1):
        hint = "Write name=value, such as prompt_tuning_steps=10."
        raise StudioError("{word!r} is no setting.", hint, word=rest[0])
    return values


def write_refinements(refinements: Mapping[str, Any]) -> str:
    """Return the text that `read_refinements` reads."""
    return " ".join(f"{name}={_written(value)}" for name, value in refinements.items())


def _written(value: Any) -> str:
    """Return a value; a text in quotes where it would be read otherwise without them."""
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, str) or (value.isidentifier() and _number_or_text(value) == value):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _number_or_text(value: str) -> int | float | str:
    try:
        return int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        return value
