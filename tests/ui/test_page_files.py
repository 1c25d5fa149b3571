"""Every style and script that lies in the assets is a part of the page."""

from __future__ import annotations

import re

from studio.starter import ASSETS, ROOT
from studio.ui.parts.page_files import SCRIPTS, STYLES, page_script, page_styles

CALL = re.compile(r"page_script\(([^)]*)\)|for name in \(([^)]*)\)")
NAME = re.compile(r'"([a-z_]+)"')


def test_the_styles_are_those_of_the_folder() -> None:
    assert sorted(page_styles()) == sorted((ASSETS / "styles").iterdir())
    assert len(set(STYLES)) == len(STYLES)


def test_every_script_is_asked_for_by_a_part_of_the_page() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "studio" / "ui").rglob("*.py"))
    calls = (found for source in sources if "page_script" in source for found in CALL.findall(source))
    asked_for = {name for call in calls for part in call for name in NAME.findall(part)}
    assert {path.stem for path in SCRIPTS.iterdir()} <= asked_for


def test_scripts_come_one_after_the_other() -> None:
    both = page_script("selection", "lightbox")
    assert both == f"{page_script('selection')}\n{page_script('lightbox')}"
