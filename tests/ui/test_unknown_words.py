"""The words of a prompt that the base does not know, and what else the page says and marks of a prompt."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from studio.recipes.known_words import unknown_words
from studio.starter import STARTER
from studio.ui.create.prompt_field import (
    handle_options,
    known_words,
    marked_prompt,
    prompt_field,
    prompt_notes,
)
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

KNOWN = frozenset("a cat cats on the beach".split())


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a Cat on the beach", []),
        ("a skyscraper on the bench, at 5", ["skyscraper", "bench", "at"]),
        ("the cat's beach, the cats’ beach", []),
        ("<lily> and <lora:foo:1> on (the beach:1.3)", ["and"]),
        ("a cat, embedding:foo, (embedding:Foo.pt:1.2) on", []),
        ("Käse 猫_cat", ["Käse", "猫"]),
        ("", []),
    ],
)
def test_words_that_are_not_on_the_list_are_found(prompt: str, words: list[str]) -> None:
    assert [prompt[start:end] for start, end in unknown_words(prompt, KNOWN)] == words
    assert unknown_words(prompt, ()) == []


def workspace_with(folder: Path, **said: object) -> Workspace:
    (folder / "likeness.json").write_text(json.dumps(said))
    return Workspace(folder / "work", folder)


def noted(workspace: Workspace, prompt: str) -> list[str]:
    return prompt_notes(workspace, prompt, known_words(workspace))


def marked(workspace: Workspace, prompt: str) -> str:
    return marked_prompt(workspace, prompt, known_words(workspace))


def test_handles_become_chips_and_what_means_nothing_is_underlined_with_its_reason(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, words=" ".join(KNOWN))
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "dog", 1, 5, 40))
    prompt = "a <Lily> & <b>cat</b> on a tower, <nobody>"
    assert marked(workspace, prompt) == (
        "a <mark>&lt;Lily&gt;</mark> &amp; <u>&lt;b&gt;</u>cat&lt;/b&gt; "
        "on a <u>tower</u>, <u>&lt;nobody&gt;</u>"
    )
    notes = noted(workspace, prompt)
    assert notes[0] == "<b>&lt;b&gt;</b>: the Library has no concept of this name."
    assert "<b>tower</b>: the base was not taught this word, so it changes little or nothing." in notes
    assert noted(workspace, "a <lily> on the beach") == []
    assert "<b>dune, sea</b>: the base was not taught these words" in noted(workspace, "dune sea Sea")[0]
    for call in ("<lora:lily:0.8>", "embedding:lily", "(embedding:lily:0.8)"):
        assert noted(workspace, f"a {call} on the beach") == []
    assert noted(workspace, "embedding:rose")[0].endswith("the Library has no rose.")
    weights = "Likeness reads (cat:1.2) as plain words; weights have no effect."
    assert noted(workspace, "a (cat:1.2)") == [weights]


def test_a_handle_that_is_being_typed_is_not_called_unknown(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, words=" ".join(KNOWN))
    assert marked(workspace, "a cat <li") == "a cat &lt;li" and noted(workspace, "a cat <li") == []
    assert "<u>li</u>" in marked(workspace, "a cat <li on")


def test_a_concept_of_another_kind_of_base_is_said_to_be_of_no_use(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    header = dataclasses.replace(header_of("<lily>", "dog", 1, 5, 40, "other"), base_kind="sdxl 2048")
    save_concept(workspace.concepts.path("<lily>"), header)
    assert noted(workspace, "<lily>") == []  # as long as no base is loaded
    workspace.write_worker_state(WorkerState("ready", {"name": "ours", "fingerprint": "x", "kind": "sd 1"}))
    assert noted(workspace, "<lily>") == [
        "<b>&lt;lily&gt;</b>: Made for some other base; it cannot be painted with ours."
    ]


def test_a_base_that_says_nothing_of_its_words_underlines_none(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"nouns": {"cat": {}}}')
    workspace = Workspace(tmp_path / "work", tmp_path)
    assert marked(workspace, "a skyscraper") == "a skyscraper" and noted(workspace, "a skyscraper") == []
    assert 'class="notes"></ul>' in prompt_field(workspace, "a skyscraper")


def test_concepts_that_suit_what_is_typed_are_offered_in_order(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for age, (handle, noun) in enumerate(
        (("<dora>", "cat"), ("<catkin>", "fox"), ("<bobcat>", "dog"), ("<x>", "y"))
    ):
        path = workspace.concepts.path(handle)
        save_concept(path, header_of(handle, noun, 1, 5, 40))
        os.utime(path, (1000 - age, 1000 - age))

    def offered(typed: str) -> list[str]:
        return re.findall('data-handle="&lt;(.*?)&gt;"', handle_options(workspace, typed))

    assert offered("Cat") == ["catkin", "dora", "bobcat"] and offered("zz") == []
    assert offered("") == ["dora", "catkin", "bobcat", "x"]
    for number in range(20):
        handle = f"<n{number}>"
        save_concept(workspace.concepts.path(handle), header_of(handle, "fox", 1, 5, 40))
    assert len(offered("")) == 8


def test_the_starter_knows_its_own_examples() -> None:
    said = json.loads((STARTER / "likeness.json").read_text(encoding="utf-8"))
    known = said["words"].split()
    unknown = [text[start:end] for text in said["prompts"] for start, end in unknown_words(text, known)]
    assert unknown == []
    assert "skyscraper" not in known and {"teacup", "penguins", "sunset"} <= set(known)
