"""Opening a base: the family is found by the folder's index, and an unknown one is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from studio.errors import StudioError
from studio.models.families import FAMILIES
from studio.models.opening import family_of, open_backbone, running_dtype
from studio.starter import STARTER


def folder(path: Path, index: object) -> Path:
    (path / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return path


def test_every_family_is_found_by_its_name() -> None:
    assert all(family.family == name for name, family in FAMILIES.items())
    assert family_of(Path(STARTER)) == "stable_diffusion"


def test_a_family_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    made = folder(tmp_path, {"_class_name": "FluxPipeline"})
    with pytest.raises(StudioError, match="is a FluxPipeline") as refused:
        open_backbone(made)
    assert refused.value.message.startswith(tmp_path.name)
    assert "stable diffusion" in refused.value.hint
    with pytest.raises(StudioError, match="a model of another kind"):
        family_of(folder(tmp_path, {}))


@pytest.mark.parametrize("content", ["not json", "[]", '"text"', "null"])
def test_an_index_that_cannot_be_read_is_refused_in_words(tmp_path: Path, content: str) -> None:
    (tmp_path / "model_index.json").write_text(content, encoding="utf-8")
    with pytest.raises(StudioError):
        open_backbone(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="cannot be opened"):
        open_backbone(tmp_path)


def test_weights_on_the_cpu_run_in_full_precision() -> None:
    assert running_dtype("cpu") == torch.float32
