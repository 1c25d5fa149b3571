"""The visible words: all of them are listed and translated, and the page says nothing but them."""

from __future__ import annotations

import ast
import json
import re
import string
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from studio import words
from studio.errors import StudioError
from studio.ui import page_words
from studio.words import ENGLISH, mid_sentence, read_words, tr, trn, wanted_language
from tests.words import CALLS, all_texts, read, sources, studio_texts

OTHERS = [language for language in words.languages() if language != ENGLISH]
RUN_IT = "run `python -m tests.words` and translate what it lists"


def places(text: str) -> Counter[str]:
    """Return the places for values of a text, with their formats."""
    parts = string.Formatter().parse(text)
    return Counter(f"{name}!{kind}:{spec}" for _, name, spec, kind in parts if name is not None)


def elements(text: str) -> Counter[str]:
    """Return the HTML elements of a text."""
    return Counter(re.findall(r"</?[a-z]+[ >]", text))


def test_every_text_of_the_studio_is_listed() -> None:
    listed = set(json.loads((words.FOLDER / "en.json").read_text(encoding="utf-8")))
    assert studio_texts() <= listed <= all_texts(), RUN_IT


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_every_text_with_the_same_places_for_values(language: str) -> None:
    said = read(language)
    assert studio_texts() <= set(said) <= all_texts(), RUN_IT
    assert {text for text in said if not said[text].strip()} == set()
    assert {text for text in said if "{" in text and places(text) != places(said[text])} == set()
    assert {text for text in said if elements(text) != elements(said[text])} == set()


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_texts_are_templates_and_get_the_values_that_they_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in CALLS or name == "Knob":
            continue
        texts = [node.args[at] for at in CALLS[name] if at < len(node.args)]
        assert not any(isinstance(text, ast.JoinedStr) for text in texts), f"line {node.lineno}: no f-string"
        given = {key.arg for key in node.keywords} | ({"count"} if name == "trn" else set())
        if name == "setting" or None in given:
            continue
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and (given or name == "trn"):
                named = {field for _, field, _, _ in string.Formatter().parse(text.value) if field}
                assert {field.split(".")[0].split("[")[0] for field in named} <= given, f"line {node.lineno}"


def test_a_text_is_said_in_the_language_with_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    german = {"{count} photo": "{count} Foto", "{name} is gone.": "Weg ist {name}."}
    monkeypatch.setattr(words, "WORDS", german)
    assert tr("{name} is gone.", name="{x}") == "Weg ist {x}."
    assert [trn("{count} photo", "{count} photos", count) for count in (1, 2)] == ["1 Foto", "2 photos"]
    assert tr("not {ours}") == "not {ours}"
    error = StudioError("{name} is gone.", "Look for {name}.", name="lily.png")
    assert str(error) == "Weg ist lily.png. Look for lily.png."


@pytest.mark.parametrize(
    ("environment", "system", "language"),
    [
        ({}, "", "en"),
        ({}, "de_AT", "de"),
        ({"LANG": "de_DE.UTF-8"}, "", "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "de_DE", "en"),
        ({"LANG": "en_GB.UTF-8", "LIKENESS_LANGUAGE": "de"}, "", "de"),
        ({"LANG": "de_DE.UTF-8", "LIKENESS_LANGUAGE": "en"}, "", "en"),
        ({"LANG": "fr_FR.UTF-8"}, "de_DE", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_that_of_the_system(
    environment: dict[str, str], system: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "system_language", lambda: system)
    assert wanted_language(environment) == language


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{"])
def test_an_unreadable_file_of_words_leaves_english(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    (tmp_path / "xx.json").write_bytes(content)
    assert read_words("xx") == {} == read_words("yy")


def test_only_english_goes_on_with_a_small_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mid_sentence("Learning rate") == "learning rate"
    monkeypatch.setattr(words, "LANGUAGE", "de")
    assert mid_sentence("Lernrate") == "Lernrate"


def test_thousands_are_parted_as_the_language_parts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    say = "{count:,} of {most:,.1f}, {name!r}"
    assert words.tr(say, count=12345, most=1000.5, name="a, b") == "12,345 of 1,000.5, 'a, b'"
    monkeypatch.setattr(words, "LANGUAGE", "de")
    assert words.tr(say, count=12345, most=1000.5, name="a, b") == "12\u202f345 of 1\u202f000.5, 'a, b'"


def test_scripts_get_their_words_and_nothing_ends_their_element(monkeypatch: pytest.MonkeyPatch) -> None:
    said = sorted(page_words.script_texts())[0]
    monkeypatch.setattr(page_words, "WORDS", {said: "</script>", "elsewhere": "anders"})
    script = page_words.words_script()
    assert script.count("</script>") == 1 and "\\u003c/script>" in script and "elsewhere" not in script
    assert 'documentElement.lang = "en"' in script


def test_the_page_says_nothing_that_cannot_be_translated(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ui.marked_page", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
