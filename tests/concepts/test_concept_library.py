"""The folder of concept files: in which order they are listed, and which file a handle means."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import torch

from studio.concepts.concept_library import Library
from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from tests.edits.test_concept import HEADER


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "concepts", tmp_path / "trash")


def save(path: Path, handle: str, number: float = 1.0) -> Path:
    header = dataclasses.replace(HEADER, handles={handle: "cat"})
    Concept(header, (NewWord(handle, "cat", torch.full((1, 8), number)),)).save(path)
    return path


def test_the_newest_concept_is_listed_first(library: Library) -> None:
    for age, handle in ((30, "<b>"), (10, "<c>"), (20, "<a>")):
        path = save(library.path(handle), handle)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert [entry.header.handle for entry in library.entries()] == ["<c>", "<a>", "<b>"]


def test_a_name_is_taken_in_any_case(library: Library) -> None:
    save(library.path("<lily>"), "<lily>")
    assert library.has("<LILY>") and library.find("<Lily>").header.handle == "<lily>"
    assert not library.has("<lil>")


def test_the_hash_follows_the_file(library: Library) -> None:
    path = save(library.path("<lily>"), "<lily>")
    before = library.hash(library.find("<lily>"))
    assert library.hash(library.find("<lily>")) == before
    save(path, "<lily>", 2.0)
    os.utime(path, (1_000_000, 1_000_000))
    assert library.hash(library.find("<lily>")) != before


def test_a_file_from_anywhere_goes_before_the_one_of_its_name(library: Library, tmp_path: Path) -> None:
    save(library.path("<lily>"), "<lily>")
    own = library.find("<lily>").path
    borrowed = library.resolve(str(save(tmp_path / "other.safetensors", "<lily>", 2.0)))
    assert library.find("<lily>").path == borrowed.path != own
    assert library.headers()["<lily>"] == borrowed.header
    assert [entry.path for entry in library.entries()] == [own]


def test_a_deleted_concept_can_be_brought_back_as_it_was(library: Library) -> None:
    content = save(library.path("<lily>"), "<lily>").read_bytes()
    trashed = library.delete("<lily>")
    assert trashed.parent == library.trash and trashed.read_bytes() == content
    assert not library.entries()
    with pytest.raises(StudioError, match="no concept called <lily>"):
        library.find("<lily>")
    assert library.restore(trashed).path.read_bytes() == content
