"""Alphas and ranks that PEFT keeps in a configuration, in a file or beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from studio.importing.peft_config import alphas_of
from studio.interop.foreign_file import look_at
from studio.models.backbone import Backbone
from tests import tiny
from tests.interop.foreign_files import KEY, QUERY, change, edit_of, factors, opened, saved


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_alphas_beside_the_weights_count(backbone: Backbone, tmp_path: Path) -> None:
    tensors = {}
    for site in (QUERY, KEY):
        down, up = factors(backbone, site, 4)
        tensors |= {f"{site}.lora_A.weight": down, f"{site}.lora_B.weight": up}
    config = {"unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {KEY.removeprefix("unet."): 2}}
    path = saved(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=json.dumps(config))
    edit = edit_of(opened(path, backbone))
    for site, scale in ((QUERY, 2.0), (KEY, 0.5)):
        down, up = factors(backbone, site, 4)
        torch.testing.assert_close(change(edit, site), scale * up @ down, atol=2e-2, rtol=2e-3)


@pytest.mark.parametrize("key", ["to_q", "^{path}", "{path}", "attn2.to_q$", "^{escaped}$"])
def test_alphas_are_found_as_peft_finds_them(key: str, backbone: Backbone, tmp_path: Path) -> None:
    """Its keys match the end of a layer's name; diffusers writes whole ones after a ^."""
    path = QUERY.removeprefix("unet.")
    key = key.format(path=path, escaped=path.replace(".", "\\."))
    tensors = {}
    for site, rank in ((QUERY, 16), (KEY, 4)):
        down, up = factors(backbone, site, rank)
        tensors |= {f"{site}.lora_A.weight": down, f"{site}.lora_B.weight": up}
    config = {
        "unet.r": 4,
        "unet.lora_alpha": 4,
        "unet.rank_pattern": {key: 16},
        "unet.alpha_pattern": {key: 16},
    }
    file = saved(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=json.dumps(config))
    edit = edit_of(opened(file, backbone))
    for site, rank in ((QUERY, 16), (KEY, 4)):
        down, up = factors(backbone, site, rank)
        torch.testing.assert_close(change(edit, site), up @ down, atol=5e-2, rtol=5e-3)


def test_an_expression_that_takes_for_ever_is_never_tried(tmp_path: Path) -> None:
    tensors = {f"unet.{'a' * 60}!.lora_{part}.weight": torch.zeros(2, 2) for part in "AB"}
    config = {"unet.lora_alpha": 4, "unet.alpha_pattern": {"(a+)+$": 1}}
    file = saved(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=json.dumps(config))
    assert list(alphas_of(look_at(file)).values()) == [4.0]


def test_peft_keeps_alphas_in_a_file_beside_the_weights(backbone: Backbone, tmp_path: Path) -> None:
    tensors = {}
    for site in (QUERY, KEY):
        down, up = factors(backbone, site, 8)
        named = f"base_model.model.{site}"
        tensors |= {f"{named}.lora_A.weight": down, f"{named}.lora_B.weight": up}
    path = saved(tmp_path / "adapter_model.safetensors", tensors)
    notes = opened(path, backbone).notes
    assert "How strongly adapter_model.safetensors acts is said by the adapter_config.json" in notes[-1]
    config = {"r": 8, "lora_alpha": 16, "alpha_pattern": {"attn2.to_k": 4}, "rank_pattern": {}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    imported = opened(path, backbone)
    assert len(imported.notes) == 1
    for site, scale in ((QUERY, 2.0), (KEY, 0.5)):
        down, up = factors(backbone, site, 8)
        torch.testing.assert_close(change(edit_of(imported), site), scale * up @ down, atol=5e-2, rtol=5e-3)
    (tmp_path / "adapter_config.json").write_text("[]")
    assert len(opened(path, backbone).notes) == 2


def test_rank_stabilised_scales(backbone: Backbone, tmp_path: Path) -> None:
    down, up = factors(backbone, QUERY, 4)
    tensors = {f"{QUERY}.lora_A.weight": down, f"{QUERY}.lora_B.weight": up}
    config = {"unet.r": 4, "unet.lora_alpha": 8, "unet.use_rslora": True}
    path = saved(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=json.dumps(config))
    torch.testing.assert_close(
        change(edit_of(opened(path, backbone)), QUERY), 4 * up @ down, atol=0.1, rtol=2e-3
    )
