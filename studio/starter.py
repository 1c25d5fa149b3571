"""Where the files lie that come with the studio: the starter, the demo photos, pictures of methods."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
STARTER = ASSETS / "starter"
DEMO = ASSETS / "demo"
METHOD_PICTURES = ASSETS / "methods"  # ID.webp, by `python -m trainers gallery`
