"""Buttons that write handles into a prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.ui.parts.prompt_buttons import with_handle, with_handles
from studio.workspace.workspace import Workspace


def workspace_on(folder: Path, *examples: str) -> Workspace:
    base = folder / "base"
    base.mkdir()
    (base / "likeness.json").write_text(json.dumps({"prompts": examples}))
    return Workspace(folder / "work", base)


@pytest.mark.parametrize(
    ("examples", "first"),
    [
        (
            ("a tree on red", "<a> and <b> on red", "<satchel> on a red background"),
            "<lily> on a red background",
        ),
        (("a tree on red", "<a> and <b> on red"), "a photo of <lily>"),
        ((), "a photo of <lily>"),
    ],
)
def test_an_empty_prompt_says_what_suits_the_base(
    tmp_path: Path, examples: tuple[str, ...], first: str
) -> None:
    assert with_handle(workspace_on(tmp_path, *examples), " ", "<lily>") == first


def test_a_handle_joins_what_is_written_once(tmp_path: Path) -> None:
    workspace = workspace_on(tmp_path, "<satchel> on a red background")
    assert with_handle(workspace, "a cat and ", "<lily>") == "a cat and <lily>"
    assert with_handle(workspace, "<lily> asleep", "<lily>") == "<lily> asleep"


def test_examples_are_about_the_concepts_that_are_here() -> None:
    single, both = "<sunny> on red", "<Sunny> and <lily> on red, <lily> first"
    assert with_handles(single, ["<tom>", "<ada>"]) == "<tom> on red"
    assert with_handles(both, ["<tom>", "<ada>"]) == "<tom> and <ada> on red, <ada> first"
    assert with_handles(both, ["<lily>", "<sunny>"]) == "<lily> and <sunny> on red, <sunny> first"
    assert with_handles(both, ["<tom>"]) == "" and with_handles(single, []) == ""
    assert with_handles("a tree on red", []) == "a tree on red"
