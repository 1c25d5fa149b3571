"""Headers of concept files: read strictly, also from earlier versions, and refused with the reason."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from studio.concepts.concept_library import Library
from studio.concepts.header import METADATA_KEY, Header, read_header, rename_handle
from studio.concepts.verdict import Verdict
from studio.errors import StudioError
from studio.settings import Knob
from studio.starter import DEMO

BIAS = Knob(0.25, 0.0, 0.5, "Low is faithful.")  # of one handle of several
VERDICT = {"likeness": 0.5, "noise": 0.1, "seeds": 4, "encoder": "U-Net"}
VALUES: dict[str, Any] = {
    "handles": {"<lily>": "cat"},
    "method": "perfusion",
    "method_title": "Perfusion",
    "paper": "arXiv 2305.01644",
    "settings": {"steps": 20, "word_rate": 0.004, "masks": True, "sentences": "photo"},
    "seed": 5,
    "base": "starter",
    "fingerprint": "0123",
    "photos": 3,
    "steps": 20,
    "final_loss": 0,
    "created": "2026-01-01T00:00:00+00:00",
    "program": "likeness 0.1.0",
    "format": 1,
    "report": {"gate": 1},
    "dependencies": {"text moments": "9b9a"},
    "knobs": {"bias": {"default": 0.6, "low": 0.0, "high": 1, "help": "Low is faithful."}},
    "verdicts": {"<lily>": VERDICT},
    "preview": "iVBORw==",
}
TENSOR = {"tokens/<lily>/vectors": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}


def file(folder: Path, table: Any, body: bytes = bytes(8), name: str = "lily") -> Path:
    """Write a safetensors file with this table, a text or the values."""
    head = table.encode() if isinstance(table, str) else json.dumps(table).encode()
    path = folder / f"{name}.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + body)
    return path


def concept(folder: Path, **changes: Any) -> Path:
    """Write a concept file with a header in which something is changed."""
    header = json.dumps({**VALUES, **changes})
    return file(folder, {"__metadata__": {METADATA_KEY: header}, **TENSOR})


def test_a_header_is_read_in_our_types(tmp_path: Path) -> None:
    header = read_header(concept(tmp_path))
    assert header.knobs == {"bias": Knob(0.6, 0.0, 1.0, "Low is faithful.")}
    assert header.verdicts == {"<lily>": Verdict(likeness=0.5, noise=0.1, seeds=4, encoder="U-Net")}
    assert header.preview == b"\x89PNG" and header.settings["masks"] is True
    assert Header.from_text(header.to_text()) == header


def test_the_names_of_earlier_versions_are_understood(tmp_path: Path) -> None:
    old = {"way": 0.5, "noise": 0.1, "change": 2.0, "seeds": 4, "eye": "U-Net"}
    header = read_header(concept(tmp_path, verdicts={"<lily>": old}, shared={"text moments": "9b9a"}))
    assert header == read_header(concept(tmp_path))
    for path in DEMO.glob("*.safetensors"):
        assert read_header(path).handles == {"<sunny>": "tractor"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "its format is 2, and this version knows 1"),
        ({"handles": {}}, "names nothing"),
        ({"handles": {"<Lily>": "cat"}}, "a name such as <lily>"),
        ({"report": None}, "its `report` should be a table"),
        ({"report": {"gate": "wide"}}, "its `report`, at gate, should be a number"),
        ({"settings": {"steps": [20]}}, "its `settings`, at steps,"),
        ({"verdicts": {"<lily>": {**VERDICT, "likeness": 1e80}}}, "is too large"),
        ({"verdicts": {"<lily>": {**VERDICT, "likeness": 10**400}}}, "a number that is too large"),
        ({"verdicts": {"<lily>": 3}}, "its `verdicts`"),
        ({"final_loss": 10**4000}, "a number that is too large"),
        ({"created": "0001-01-01"}, "its `created` should be a date"),
        ({"created": "soon"}, "its `created` should be a date"),
        ({"photos": 2.5}, "its `photos` should be a whole number"),
        ({"knobs": {"bias": {"default": 2, "low": 0, "high": 1, "help": ""}}}, "out of its range"),
        ({"knobs": {"bias": {"default": 2}}}, "is missing"),
        ({"preview": "no base64!"}, "its `preview` should be base64 text"),
        ({"paper": "x" * 1000}, "its `paper` is too long"),
    ],
)
def test_a_header_with_a_wrong_field_is_refused(tmp_path: Path, change: dict, reason: str) -> None:
    with pytest.raises(StudioError, match=r"lily\.safetensors is not a concept file") as refusal:
        read_header(concept(tmp_path, **change))
    assert reason in refusal.value.message


@pytest.mark.parametrize(
    ("table", "body", "reason"),
    [
        (
            {"__metadata__": {METADATA_KEY: "[" * 990 + "]" * 990}, **TENSOR},
            bytes(8),
            "header cannot be read",
        ),
        ({"__metadata__": {METADATA_KEY: json.dumps(VALUES)}, **TENSOR}, bytes(4), "cut short"),
        ({"__metadata__": {METADATA_KEY: json.dumps(VALUES)}, **TENSOR}, bytes(12), "damaged"),
        ({"__metadata__": {METADATA_KEY: 3}, **TENSOR}, bytes(8), "damaged"),
        ({"__metadata__": 3, **TENSOR}, bytes(8), "damaged"),
        ({"lora.weight": TENSOR["tokens/<lily>/vectors"]}, bytes(8), "carries no Likeness header"),
        ('{"a": {"dtype": "F32"}, "a": {"dtype": "F32"}}', b"", "damaged"),
        ("[" * 5000, b"", "damaged"),
        *((text, b"", "damaged") for text in ("[]", "null", "true", "5", '"a"', '{"__metadata__": null}')),
    ],
)
def test_a_file_with_a_wrong_table_is_refused(tmp_path: Path, table: Any, body: bytes, reason: str) -> None:
    with pytest.raises(StudioError, match=reason):
        read_header(file(tmp_path, table, body))


def test_a_table_that_is_no_table_leaves_the_library_usable(tmp_path: Path) -> None:
    library = Library(tmp_path / "concepts", tmp_path / "trash")
    concept(library.folder)
    file(library.folder, "null", b"", name="nothing")
    assert [entry.header.handle for entry in library.entries()] == ["<lily>"]
    assert len(library.unreadable()) == 1


def test_numbers_of_eight_bits_are_refused(tmp_path: Path) -> None:
    tensor = {"a": {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}}
    table = {"__metadata__": {METADATA_KEY: json.dumps(VALUES)}, **tensor}
    with pytest.raises(StudioError, match="numbers of the kind F8_E4M3"):
        read_header(file(tmp_path, table))


def test_what_is_listed_can_be_renamed_and_deleted(tmp_path: Path) -> None:
    library = Library(tmp_path / "concepts", tmp_path / "trash")
    concept(library.folder)
    file(library.folder, {"__metadata__": {METADATA_KEY: "{}"}, **TENSOR}, name="damaged")
    assert [entry.header.handle for entry in library.entries()] == ["<lily>"]
    assert len(library.unreadable()) == 1
    library.rename("<lily>", "rose")
    assert library.find("<rose>").header.verdicts.keys() == {"<rose>"}
    library.delete("<rose>")
    assert not library.entries()


def test_more_tensors_than_any_concept_has_are_refused(tmp_path: Path) -> None:
    entries = {f"a{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(5001)}
    table = {"__metadata__": {METADATA_KEY: json.dumps(VALUES)}, **entries}
    with pytest.raises(StudioError, match="more than 5000 tensors"):
        read_header(file(tmp_path, table, b""))


def test_renaming_moves_the_names_of_knobs_too(tmp_path: Path) -> None:
    own = {"<lily>": {"bias": dataclasses.asdict(BIAS)}, "<tom>": {}}
    path = concept(tmp_path, handles={"<lily>": "cat", "<tom>": "dog"}, own_knobs=own)
    rename_handle(path, "<lily>", "<rose>", tmp_path / "rose.safetensors")
    renamed = read_header(tmp_path / "rose.safetensors")
    assert renamed.own_knobs == {"<rose>": {"bias": BIAS}, "<tom>": {}}
    assert renamed.knobs_of("<rose>") == {"bias": BIAS} and renamed.knobs_of("<tom>") == {}
    assert set(read_header(concept(tmp_path)).knobs_of("<lily>")) == {"bias"}


def test_a_handles_own_knob_has_its_default_within_its_range(tmp_path: Path) -> None:
    header = read_header(concept(tmp_path, own_knobs={"<lily>": {"bias": dataclasses.asdict(BIAS)}}))
    assert header.knobs_of("<lily>")["bias"] == BIAS != header.knobs["bias"]
    wrong = dataclasses.asdict(BIAS) | {"default": 9.0}
    with pytest.raises(StudioError, match="the default of bias is out of its range"):
        read_header(concept(tmp_path, own_knobs={"<lily>": {"bias": wrong}}))


def test_a_merged_file_of_before_has_only_the_names_of_each_handles_knobs(tmp_path: Path) -> None:
    handles = {"<lily>": "cat", "<tom>": "dog"}
    header = read_header(concept(tmp_path, handles=handles, knob_names={"<lily>": ["bias"], "<tom>": []}))
    assert header.knobs_of("<lily>") == header.knobs and header.knobs_of("<tom>") == {}
    for strange in ({"<lily>": [["bias"], 7, "other"]}, {"<lily>": "bias"}, "bias", None):
        assert read_header(concept(tmp_path, knob_names=strange)).handles == {"<lily>": "cat"}


def test_renaming_moves_the_tensors_too(tmp_path: Path) -> None:
    rename_handle(concept(tmp_path), "<lily>", "<rose>", tmp_path / "rose.safetensors")
    assert b"tokens/<rose>/vectors" in (tmp_path / "rose.safetensors").read_bytes()
