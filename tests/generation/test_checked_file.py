"""Concepts are tried before their file counts; a full disk is no fault of the concept."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.concepts.header import read_header
from studio.edits import saving
from studio.edits.concept import Concept
from studio.errors import DiskError, StudioError
from studio.events import Event, Step
from studio.generation import checked_file
from studio.generation.checked_file import save_checked
from studio.recipes.recipe import Recipe, Sampling
from tests import by_hand, tiny


@pytest.fixture
def save() -> saving.Save:
    backbone = tiny.backbone()
    concept = by_hand.tuned(backbone, "<lily>")
    return lambda path: save_checked(backbone, concept, path, Sampling(steps=2))


def test_the_file_that_was_tried_is_the_file(tmp_path: Path, save: saving.Save) -> None:
    save(tmp_path / "lily.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["lily.safetensors"]
    assert read_header(tmp_path / "lily.safetensors").handle == "<lily>"


def test_a_full_disk_is_said_as_one_and_the_concept_goes_elsewhere(
    tmp_path: Path, save: saving.Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, other, replace = tmp_path / "full", tmp_path / "other", Path.replace
    full.mkdir()
    other.mkdir()

    def refuse(path: Path, target: Path) -> Path:
        if Path(target).parent == full and not target.name.endswith(".partial"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DiskError, match="no room left on the disk for lily.safetensors"):
        save(full / "lily.safetensors")
    assert not list(full.iterdir())
    kept = saving.save_anywhere("<lily>", save, full / "lily.safetensors", [other])
    assert kept == other / "lily.safetensors" and read_header(kept).handle == "<lily>"
    assert not list(full.iterdir()) and len(list(other.iterdir())) == 1


def test_a_concept_that_cannot_be_painted_with_is_kept_nowhere(
    tmp_path: Path, save: saving.Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> None:
        raise StudioError("It has values that are no numbers.")

    monkeypatch.setattr(checked_file, "generate", refuse)
    with pytest.raises(StudioError, match="This concept cannot be used: It has values"):
        saving.save_anywhere("<lily>", save, tmp_path / "lily.safetensors", [tmp_path / "other"])
    assert not list(tmp_path.iterdir())


def test_a_device_without_memory_for_the_trial_picture_does_not_lose_the_concept(
    tmp_path: Path, save: saving.Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the memory that the training needed to the last byte; the file was read all the same."""

    def fail(*given: Any) -> Iterator[Event]:
        yield Step(1, 2)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    freed: list[torch.device] = []
    monkeypatch.setattr(checked_file, "generate", fail)
    monkeypatch.setattr(checked_file, "forget_unused", freed.append)
    save(tmp_path / "lily.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["lily.safetensors"]
    assert read_header(tmp_path / "lily.safetensors").handle == "<lily>" and len(freed) == 1


def test_what_is_painted_with_is_what_the_file_holds(
    tmp_path: Path, save: saving.Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[tuple[str, list[Concept]]] = []

    def look(backbone: Any, recipe: Recipe, concepts: list[Concept]) -> list[Any]:
        painted.append((recipe.prompt, concepts))
        return []

    monkeypatch.setattr(checked_file, "generate", look)
    save(tmp_path / "lily.safetensors")
    ((prompt, (tried,)),) = painted
    assert prompt == "<lily>"
    for one, other in zip(tried.edits, Concept.open(tmp_path / "lily.safetensors").edits, strict=True):
        tensors = other.tensors()
        assert all(torch.equal(tensor, tensors[name]) for name, tensor in one.tensors().items())
