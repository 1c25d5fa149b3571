"""What programs print: commands to paste, and never an error for a letter that the console cannot show."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

from studio.words import tr


def allow_any_letter() -> None:
    """Let stdout and stderr print letters that their encoding does not have, as escapes such as \\u5b50."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # not in every place that replaces them
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def command_line(words: Sequence[str]) -> str:
    """Return the command of these words as the system's own shell takes it, for a person to paste."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def be_brief_when_interrupted() -> None:
    """End with a word instead of a traceback when Ctrl-C comes before a command has begun."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(tr("Stopped."), file=sys.stderr)
        else:
            show(kind, error, trace)

    sys.excepthook = hook
