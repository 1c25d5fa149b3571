"""Documents on disk: read strictly, within limits, and refused in one sentence that names the field."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from studio.documents import (
    Count,
    Date,
    DocumentError,
    FileName,
    Handle,
    Measured,
    Scalar,
    ShortText,
    read_document,
)
from studio.limits import MAX_ENTRIES, MAX_TEXT_LETTERS


@dataclass(frozen=True)
class Inner:
    """A part of a document."""

    share: float


@dataclass(frozen=True)
class Sample:
    """A document with a field of every kind."""

    seed: Count = 0
    guidance: float = 4.0
    title: ShortText = ""
    is_done: bool = False
    box: tuple[float, float] = (0.0, 1.0)
    handles: dict[Handle, str] = field(default_factory=dict)
    settings: dict[str, Scalar] = field(default_factory=dict)
    parts: tuple[Inner, ...] = ()
    mode: Literal["sum", "words"] = "sum"
    created: Date = ""
    file: FileName = "a.png"
    change: Measured = 0.0


def test_what_is_written_is_read_again_and_unknown_names_are_ignored() -> None:
    text = '{"seed": 3, "guidance": 2, "box": [0, 0.5], "parts": [{"share": 1}], "from the future": [1]}'
    assert read_document(Sample, text, "It") == Sample(3, 2.0, box=(0.0, 0.5), parts=(Inner(1.0),))
    assert read_document(Sample, text.encode(), "It") == read_document(Sample, json.loads(text), "It")


def test_a_whole_number_stays_whole() -> None:
    settings = read_document(Sample, {"settings": {"a": 1, "b": 1.0, "c": True, "d": "1"}}, "It").settings
    assert [type(value) for value in settings.values()] == [int, float, bool, str]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"seed": 1.5}, "its `seed` should be a whole number"),
        ({"seed": True}, "its `seed` should be a whole number"),
        ({"seed": -1}, "its `seed` is too small"),
        ({"seed": None}, "its `seed` should be a whole number"),
        ({"guidance": "4"}, "its `guidance` should be a number"),
        ({"title": 5}, "its `title` should be a text"),
        ({"title": "x" * 1000}, "its `title` is too long"),
        ({"is_done": 1}, "its `is_done` should be true or false"),
        ({"box": [1]}, "its `box`, at 1, is missing"),
        ({"box": 1}, "its `box` should be a list"),
        ({"handles": []}, "its `handles` should be a table of names and values"),
        ({"handles": {"../etc": "cat"}}, "its `handles`, at ../etc, should be a name such as <lily>"),
        ({"settings": {"a": [1]}}, "its `settings`, at a, should be true or false or a whole number or"),
        ({"parts": [{}]}, "its `parts`, at 0, share, is missing"),
        ({"mode": "mix"}, "its `mode` should be 'sum' or 'words'"),
        ({"created": "0001-01-01"}, "its `created` should be a date and time"),
        ({"file": "../a.png"}, "its `file` should be the name of a file"),
        ({"change": 1e300}, "its `change` is too large"),
    ],
)
def test_a_wrong_field_is_named(values: dict, reason: str) -> None:
    with pytest.raises(DocumentError, match="The sample cannot be read: its") as refusal:
        read_document(Sample, json.dumps(values), "The sample")
    assert refusal.value.reason.startswith(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is damaged"),
        ("[]", "it should be a table of names and values"),
        ("[" * 100_000, "it is damaged"),
        ('{"a":' * 50 + "1" + "}" * 50, "it is nested too deeply"),
        ('{"seed": 1e999}', "it holds a number that is not finite"),
        ('{"seed": NaN}', "it holds a number that is not finite"),
        ('{"seed": 1' + "0" * 400 + "}", "it holds a number that is too large"),
        ('{"seed": 1' + "0" * 9000 + "}", "it is damaged"),
        (json.dumps({"a": "x" * (MAX_TEXT_LETTERS + 1)}), "it holds a text that is too long"),
        (json.dumps({"a": [0] * (MAX_ENTRIES + 1)}), "it has too many entries"),
        (" " * 5_000_000, "it is larger than 4 MB"),
        (b"\xff", "it is damaged"),
        ('{"title": "\\ud800"}', "it holds half of a character"),
    ],
)
def test_what_is_no_document_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        read_document(Sample, text, "The sample")
    assert refusal.value.reason == reason


def test_values_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(DocumentError, match="no text, number, list or table"):
        read_document(Sample, {"title": b"x"}, "The sample")
