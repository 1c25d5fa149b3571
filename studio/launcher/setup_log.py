"""The short lines that set-up prints, and what of pip's own output is worth one.

Needs nothing but the standard library.
"""

from __future__ import annotations

import re
import sys
import time

from studio.words import tr

LARGE_MEGABYTES = 10.0  # downloads from here on are worth a line
QUIET_SECONDS = 20.0  # after which a line shows that set-up is still running


class SetupLog:
    """Prints short lines with the time since the start; on a terminal the last one is kept up to date."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.last_line = self.began
        self.is_terminal = sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self.last_line = time.monotonic()
        print(self._line(text), flush=True)

    def tick(self, text: str) -> None:
        """Show that work goes on: redraw the line on a terminal, else print one every `QUIET_SECONDS`."""
        if self.is_terminal:
            print(self._line(text), end="", flush=True)
        elif time.monotonic() - self.last_line >= QUIET_SECONDS:
            self.say(text)

    def _line(self, text: str) -> str:
        seconds = int(time.monotonic() - self.began)
        clear = "\r\033[K" if self.is_terminal else ""
        return f"{clear}{seconds // 60:3d}:{seconds % 60:02d}  {text}"


def news(line: str) -> str | None:
    """Return what a line of pip's output means to a person: a large download, or trouble with the network."""
    found = re.match(r"\s*(Downloading|Using cached) (\S+) \(([\d.]+) MB\)", line)
    if found and float(found[3]) >= LARGE_MEGABYTES:
        parts = [*found[2].rsplit("/", 1)[-1].split("-"), ""]
        name, version = parts[0], parts[1]
        return f"{name} {version} ({float(found[3]):.0f} MB)"
    if "Retrying (Retry(total=4" in line:
        return tr("no answer from the package index yet")
    return None


def last_line(text: str) -> str:
    """Return the last line that a program printed."""
    return (text.strip().splitlines() or [tr("no reason was given")])[-1].rstrip(".")
