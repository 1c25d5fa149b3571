"""Where the files lie that come with the studio: the starter model and the demo photos."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
STARTER = ASSETS / "starter"
DEMO = ASSETS / "demo"
