"""The line that underlines the words of a prompt that the base does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.recipes.known_words import unknown_words
from studio.starter import STARTER
from studio.ui.parts.unknown_words import underlined_prompt
from studio.workspace.workspace import Workspace

KNOWN = frozenset("a cat cats on the beach".split())


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a Cat on the beach", []),
        ("a skyscraper on the bench, at 5", ["skyscraper", "bench", "at"]),
        ("the cat's beach, the cats’ beach", []),
        ("<lily> and <lora:foo:1> on (the beach:1.3)", ["and"]),
        ("Käse 猫_cat", ["Käse", "猫"]),
        ("", []),
    ],
)
def test_words_that_are_not_on_the_list_are_found(prompt: str, words: list[str]) -> None:
    assert [prompt[start:end] for start, end in unknown_words(prompt, KNOWN)] == words
    assert unknown_words(prompt, ()) == []


def test_the_prompt_is_repeated_with_its_unknown_words_underlined(tmp_path: Path) -> None:
    (tmp_path / "likeness.json").write_text(json.dumps({"words": " ".join(KNOWN)}))
    workspace = Workspace(tmp_path / "work", tmp_path)
    line = underlined_prompt(workspace, "a <b>cat</b> & a skyscraper")
    assert "&amp; a <u title=" in line and ">skyscraper</u>" in line and "<b>" not in line
    assert underlined_prompt(workspace, "a cat on the beach") == ""


def test_a_base_that_says_nothing_of_its_words_underlines_none(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"nouns": {"cat": {}}}')
    assert underlined_prompt(Workspace(tmp_path / "work", tmp_path), "a skyscraper") == ""


def test_the_starter_knows_its_own_examples() -> None:
    said = json.loads((STARTER / "likeness.json").read_text(encoding="utf-8"))
    known = said["words"].split()
    unknown = [text[start:end] for text in said["prompts"] for start, end in unknown_words(text, known)]
    assert unknown == []
    assert "skyscraper" not in known and {"teacup", "penguins", "sunset"} <= set(known)
