"""What programs print: never an error for a letter that the console cannot show."""

from __future__ import annotations

import sys


def allow_any_letter() -> None:
    """Let stdout and stderr print letters that their encoding does not have, as escapes such as \\u5b50."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # not in every place that replaces them
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
