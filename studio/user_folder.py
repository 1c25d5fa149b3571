"""Where concepts and pictures are kept if nobody says another place: the same for page and commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_folder() -> Path:
    """Return the folder in which this system keeps a program's data for one user."""
    home = Path.home()
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Likeness"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Likeness"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "likeness"
