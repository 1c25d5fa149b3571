"""The concept file: what it keeps, and that a stranger's file can do no harm."""

from __future__ import annotations

import dataclasses
import errno
import json
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from studio.concepts.header import METADATA_KEY, Header, read_header, rename_handle
from studio.concepts.verdict import Verdict
from studio.edits import LowRank, NewWord
from studio.edits.concept import Concept
from studio.errors import DiskError, StudioError

HEADER = Header(
    handles={"<lily>": "cat"},
    method="textual_inversion",
    method_title="Textual Inversion",
    paper="arXiv 2208.01618",
    settings={"steps": 3},
    seed=5,
    base="tiny",
    fingerprint="0123",
    photos=2,
    steps=3,
    final_loss=0.25,
    created="2026-01-01T00:00:00+00:00",
    program="likeness",
    preview=b"\x89PNG",
)


def concept() -> Concept:
    site = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    low_rank = LowRank("<lily>", "cat", {site: torch.randn(2, 8)}, {site: torch.randn(4, 2)})
    return Concept(HEADER, (NewWord("<lily>", "cat", torch.randn(2, 8)), low_rank)).round_to_file()


def written(
    tmp_path: Path, tensors: dict[str, torch.Tensor] | None = None, header: str | None = None
) -> Path:
    path = tmp_path / "stranger.safetensors"
    text = HEADER.to_text() if header is None else header
    save_file(
        {"tokens/<lily>/vectors": torch.ones(1, 8)} if tensors is None else tensors,
        path,
        {METADATA_KEY: text},
    )
    return path


def test_a_saved_concept_opens_as_it_was(tmp_path: Path) -> None:
    made = concept()
    made.save(tmp_path / "lily.safetensors")
    opened = Concept.open(tmp_path / "lily.safetensors")
    assert opened.header == made.header
    kinds = {edit.kind: edit for edit in opened.edits}
    for edit in made.edits:
        for name, tensor in edit.tensors().items():
            assert torch.equal(kinds[edit.kind].tensors()[name], tensor)


def test_the_header_is_read_without_the_tensors(tmp_path: Path) -> None:
    concept().save(tmp_path / "lily.safetensors")
    assert read_header(tmp_path / "lily.safetensors") == HEADER


def test_renaming_changes_the_handle_and_no_number(tmp_path: Path) -> None:
    verdict = Verdict(likeness=0.9, noise=0.2, seeds=3, encoder="U-Net", obeyed=0.7)
    made = concept()
    with_verdict = dataclasses.replace(HEADER, verdicts={"<lily>": verdict})
    Concept(with_verdict, made.edits).save(tmp_path / "lily.safetensors")
    rename_handle(tmp_path / "lily.safetensors", "<lily>", "<tom>", tmp_path / "tom.safetensors")
    renamed = Concept.open(tmp_path / "tom.safetensors")
    assert renamed.header == dataclasses.replace(
        HEADER, handles={"<tom>": "cat"}, verdicts={"<tom>": verdict}
    )
    word = next(edit for edit in renamed.edits if isinstance(edit, NewWord))
    assert word.handle == "<tom>" and torch.equal(word.vectors, made.edits[0].vectors)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"a": 1}))
    torch.save({"a": torch.ones(1)}, tmp_path / "zip.safetensors")
    for file in tmp_path.iterdir():
        with pytest.raises(StudioError, match="pickle"):
            Concept.open(file)


def test_a_table_whose_length_begins_like_a_pickle_is_opened(tmp_path: Path) -> None:
    concept().save(tmp_path / "lily.safetensors")
    whole = (tmp_path / "lily.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    for start in (b"\x80", b"PK"):
        wanted = int.from_bytes(start, "little")
        padding = (wanted - length) % 256 ** len(start)
        table = whole[8 : 8 + length] + b" " * padding
        path = tmp_path / "padded.safetensors"
        path.write_bytes(struct.pack("<Q", len(table)) + table + whole[8 + length :])
        assert path.read_bytes()[: len(start)] == start
        assert Concept.open(path).header == HEADER


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"{\xff\xfe}",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 37) + b'{"__metadata__":{},"__metadata__":{}}',
    ],
)
def test_broken_files_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(StudioError, match="broken.safetensors is not a concept file"):
        Concept.open(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    concept().save(tmp_path / "lily.safetensors")
    content = (tmp_path / "lily.safetensors").read_bytes()
    for length in (5, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.safetensors").write_bytes(content[:length])
        with pytest.raises(StudioError, match="cut.safetensors is not a concept file"):
            Concept.open(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    "tensors",
    [
        {"tokens/<lily>/vectors": torch.full((1, 8), float("nan"))},
        {"tokens/<lily>/vectors": torch.ones(1, 8, dtype=torch.int32)},
        {"tokens/<lily>/vectors": torch.ones(8)},
        {"tokens/<lily>/vectors": torch.ones(1, 8), "tokens/<lily>/more": torch.ones(1)},
        {"tokens/<tom>/vectors": torch.ones(1, 8)},
        {"magic/<lily>/vectors": torch.ones(1, 8)},
        {"low_rank/unet.a/A": torch.ones(2, 8)},
        {"low_rank/unet.a/A": torch.ones(2, 8), "low_rank/unet.a/B": torch.ones(4, 3)},
    ],
)
def test_tensors_that_fit_nothing_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(StudioError, match="not a concept file"):
        Concept.open(written(tmp_path, tensors))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"handles": {}},
        {"handles": {"../../etc": "cat"}},
        {"handles": {"<lily>": 3}},
        {"handles": "<lily>"},
        {"settings": []},
        {"preview": "not base64!"},
        {"method": "x" * 1000},
    ],
)
def test_headers_that_make_no_sense_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    values = json.loads(HEADER.to_text()) | change
    with pytest.raises(StudioError, match="header cannot be read"):
        read_header(written(tmp_path, header=json.dumps(values)))


def test_a_plain_safetensors_file_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(StudioError, match="no Likeness header"):
        read_header(tmp_path / "plain.safetensors")


def test_an_interrupted_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lily.safetensors"
    concept().save(path)
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DiskError, match="no room left on the disk"):
        concept().save(path)
    assert path.read_bytes() == before
