"""Messages can be shown anywhere, whatever they quote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import studio.__main__
import trainers.__main__
from studio.concepts.concept_library import Library
from studio.errors import StudioError, shortened
from studio.handles import to_handle
from studio.limits import MAX_MESSAGE_LETTERS
from studio.photos.photo_files import files_in
from studio.settings import Field


def test_a_long_quote_loses_its_middle() -> None:
    error = StudioError(f"{'x' * 1_000_000!r} is not a number.", "y" * 1_000_000)
    assert error.message.startswith("'xxx") and error.message.endswith("xxx' is not a number.")
    assert max(len(error.message), len(error.hint)) <= MAX_MESSAGE_LETTERS + 3
    assert shortened("short") == "short"


def test_half_of_a_character_becomes_an_escape() -> None:
    assert StudioError("bad\udcff.png cannot be read.").message == "bad\\udcff.png cannot be read."


@pytest.mark.parametrize("command", [studio.__main__, trainers.__main__], ids=["studio", "trainers"])
def test_a_device_without_memory_is_a_sentence_in_a_terminal(
    command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: object) -> None:
        raise raised

    monkeypatch.setattr(studio.__main__, "run_merge", run)
    monkeypatch.setattr(trainers.__main__, "train_method", run)
    flags = {
        studio.__main__: ["merge", "lily", "--out", "a"],
        trainers.__main__: ["dreambooth", "photos", "--name", "lily", "--noun", "cat"],
    }
    raised: Exception = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    assert command.main(flags[command]) == 2
    said = capsys.readouterr().err
    assert said.startswith("The device ran out of memory. Close other programs") and "CUDA" not in said
    raised = ValueError("a fault of the program")
    with pytest.raises(ValueError, match="a fault"):
        command.main(flags[command])


@pytest.mark.parametrize("value", ["inf", "nan", 10**400, "1e999", [], None, "x" * 1_000_000])
def test_a_number_that_is_none_is_refused_in_a_sentence(value: object) -> None:
    for kind in ("int", "float"):
        with pytest.raises(StudioError, match=r"Steps must be a number, not .*\.") as refusal:
            Field("steps", kind, 1, "", 1, 10).parse(value)
        assert len(str(refusal.value)) < 700


def test_the_longest_name_is_refused_in_a_short_sentence() -> None:
    with pytest.raises(StudioError) as refusal:
        to_handle("x" * 50_000_000)
    assert len(str(refusal.value)) < 700


def test_a_name_that_no_file_can_have_is_one_that_there_is_not(tmp_path: Path) -> None:
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(StudioError, match="There is no"):
            files_in([Path(name)])
        with pytest.raises(StudioError, match="cannot be the name of a concept"):
            Library(tmp_path / "concepts", tmp_path / "trash").resolve(name)
