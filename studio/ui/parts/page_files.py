"""The styles and scripts of the page, in `assets/styles` and `assets/scripts`: one file a part of it."""

from __future__ import annotations

from pathlib import Path

from studio.starter import ASSETS

SCRIPTS = ASSETS / "scripts"
# in the order of the cascade: where two rules are equally particular, the later file has its way
STYLES = (
    "colours",
    "page",
    "cards",
    "forms",
    "photos",
    "photo_editor",
    "masks",
    "subjects",
    "dialogs",
    "running",
    "prompt",
    "places_board",
    "picture",
    "gallery",
    "lightbox",
    "compare",
    "library",
    "narrow",
    "access",
)


def page_styles() -> list[Path]:
    """Return the files of all styles, in their order."""
    return [ASSETS / "styles" / f"{name}.css" for name in STYLES]


def page_script(*names: str) -> str:
    """Return the text of scripts by the names of their files, one after the other."""
    return "\n".join((SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in names)
