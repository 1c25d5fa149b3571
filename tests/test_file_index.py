"""What the files of a folder say is read once, also across starts, and never believed over the files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from studio import file_index
from studio.errors import StudioError
from studio.file_index import FileIndex
from studio.folder_listing import FolderListing


@dataclass(frozen=True)
class Text:
    words: str


@dataclass
class Reader:
    """Reads texts, and remembers which."""

    opened: list[str]

    def __call__(self, path: Path) -> Text:
        self.opened.append(path.name)
        if path.read_text() == "bad":
            raise StudioError("It is bad.")
        return Text(path.read_text())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(file_index, "MAX_UNSAVED", 0)
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("a", "b", "bad"):
        (folder / f"{name}.txt").write_text(name)
    return folder


def index_of(folder: Path) -> tuple[FileIndex[Text], FolderListing, list[str]]:
    read = Reader([])
    return FileIndex(folder, Text, read, folder.parent / "index.json"), FolderListing(folder, ""), read.opened


def said(index: FileIndex[Text], listing: FolderListing) -> dict[str, str]:
    found = index.read(listing.files())
    return {file.name: it.words if isinstance(it, Text) else it.message for file, it in found.items()}


ALL = {"a.txt": "a", "b.txt": "b", "bad.txt": "It is bad."}


def test_a_file_is_opened_once_and_again_when_it_has_changed(folder: Path) -> None:
    index, listing, opened = index_of(folder)
    assert said(index, listing) == said(index, listing) == ALL
    assert sorted(opened) == ["a.txt", "b.txt", "bad.txt"]
    (folder / "a.txt").write_text("another")
    listing.forget()
    assert said(index, listing)["a.txt"] == "another" and opened.count("b.txt") == 1


def test_the_next_start_opens_only_what_cannot_be_used(folder: Path) -> None:
    index, listing, _ = index_of(folder)
    said(index, listing)
    again, listing, opened = index_of(folder)
    assert said(again, listing) == ALL and opened == ["bad.txt"]


@pytest.mark.parametrize("damage", [b"", b"[{]", b'[{"name": "a.txt"}]', b"\xff"])
def test_a_damaged_copy_is_read_anew_and_mended(folder: Path, damage: bytes) -> None:
    (folder.parent / "index.json").write_bytes(damage)
    index, listing, opened = index_of(folder)
    assert said(index, listing) == ALL and len(opened) == 3
    again, listing, opened = index_of(folder)
    assert said(again, listing) == ALL and opened == ["bad.txt"]


def test_a_copy_of_other_files_says_nothing_about_these(folder: Path) -> None:
    index, listing, _ = index_of(folder)
    said(index, listing)
    (folder / "a.txt").write_text("c")
    os.utime(folder / "a.txt", (1000, 1000))
    again, listing, _ = index_of(folder)
    assert said(again, listing)["a.txt"] == "c"


def test_some_files_are_read_without_forgetting_others(folder: Path) -> None:
    index, listing, opened = index_of(folder)
    said(index, listing)
    first = listing.files()[0]
    assert list(index.some([first]).values()) == [Text("a")]
    assert said(index, listing) == ALL and len(opened) == 3
    (folder / "a.txt").unlink()
    listing.forget()
    (folder / "c.txt").write_text("c")
    listing.forget()
    assert "a.txt" not in said(index, listing)
    kept = (folder.parent / "index.json").read_bytes()
    assert b"c.txt" in kept and b"a.txt" not in kept
    (folder / "c.txt").unlink()
    (folder / "a.txt").write_text("a")
    listing.forget()
    assert said(index, listing) == ALL


def test_a_disk_that_takes_nothing_costs_time_only(folder: Path) -> None:
    (folder.parent / "index.json").mkdir()
    index, listing, _ = index_of(folder)
    assert said(index, listing) == ALL
