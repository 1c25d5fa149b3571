"""The line about what the base was taught: its figures are those of the base's own files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from studio.starter import STARTER
from studio.ui.base_limits import base_limits
from studio.workspace.workspace import Workspace


def test_the_line_has_the_figures_of_the_starter(tmp_path: Path) -> None:
    line = base_limits(Workspace(tmp_path))
    nouns = len(json.loads((STARTER / "world.json").read_text(encoding="utf-8"))["nouns"])
    assert f"The starter paints drawings of {nouns} nouns in 29 places, 128 pixels wide." in line
    assert 'data-action="bases"' in line


def test_the_places_are_those_that_the_starter_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STARTER))
    from recipe.sceneries import SCENERIES

    said = json.loads((STARTER / "likeness.json").read_text(encoding="utf-8"))["places"]
    assert said == list(SCENERIES)
    for name in [name for name in sys.modules if name.split(".")[0] == "recipe"]:
        del sys.modules[name]


def test_a_base_that_says_nothing_has_no_line(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    assert base_limits(Workspace(tmp_path / "work", str(tmp_path / "base"))) == ""
    (tmp_path / "base" / "likeness.json").write_text(json.dumps({"pictures": "<b>maps</b>"}))
    line = base_limits(Workspace(tmp_path / "work", str(tmp_path / "base")))
    assert "base paints &lt;b&gt;maps&lt;/b&gt;." in line
