"""Handles: the names by which prompts call concepts, such as <lily>."""

from __future__ import annotations

import re

from studio.errors import StudioError

HANDLE = re.compile(r"<[a-z0-9][a-z0-9_-]{0,30}>", re.IGNORECASE)


def to_handle(name: str) -> str:
    """Return a typed name as a handle: "Lily", "<Lily>" and " lily " all become "<lily>".

    Raises StudioError when the name has other characters than letters, digits, "-" and "_".
    """
    handle = "<" + name.strip().strip("<>").strip().lower().replace(" ", "-") + ">"
    if not HANDLE.fullmatch(handle):
        hint = "Use 1 to 31 letters, digits, - or _, starting with a letter or digit, such as lily."
        raise StudioError("{name!r} cannot be the name of a concept.", hint, name=name.strip())
    return handle


def handles_in(prompt: str) -> list[str]:
    """Return the handles in a prompt, each once, in order: "<lily> and <tom>" gives ["<lily>", "<tom>"]."""
    return list(dict.fromkeys(match.group().lower() for match in HANDLE.finditer(prompt)))
