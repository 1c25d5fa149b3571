"""What other programs call the layers of real models, against what they are known to be called."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from studio.bases.base_files import CONFIGS
from studio.interop.module_names import diffusers_name, kohya_name, names_of, original_path

TRAINED = re.compile(r"\.attentions\.\d+\.(proj_in|proj_out|transformer_blocks\..*)")  # by kohya's scripts


@cache
def unet(name: str) -> UNet2DConditionModel:
    """Return the U-Net of a real model, without weights."""
    config = json.loads((CONFIGS / name / "unet" / "config.json").read_text())
    with torch.device("meta"):
        return UNet2DConditionModel.from_config(config)


def layers(name: str) -> list[str]:
    """Return the linear layers and convolutions of a U-Net."""
    found = unet(name).named_modules()
    return [f"unet.{path}" for path, layer in found if isinstance(layer, (nn.Linear, nn.Conv2d))]


def sites(name: str) -> list[str]:
    """Return the layers that kohya's scripts train."""
    return [site for site in layers(name) if TRAINED.search(site)]


@pytest.mark.parametrize(
    ("name", "count"),
    [("stable_diffusion_1", 192), ("stable_diffusion_2", 192), ("stable_diffusion_xl", 722)],
)
def test_every_layer_has_a_name_of_its_own(name: str, count: int) -> None:
    names = {kohya_name(site, name.endswith("xl")) for site in sites(name)}
    assert len(names) == len(sites(name)) == count
    assert all(re.fullmatch(r"lora_unet_[a-z0-9_]+", one) for one in names)


@pytest.mark.parametrize("name", ["stable_diffusion_1", "stable_diffusion_xl"])
def test_no_name_means_two_layers(name: str) -> None:
    owners: dict[str, str] = {}
    for site in layers(name):
        for one in names_of(site):
            assert owners.setdefault(one, site) == site


@pytest.mark.parametrize(
    ("path", "original"),
    [
        ("conv_in", "input_blocks.0.0"),
        ("down_blocks.0.resnets.1.conv1", "input_blocks.2.0.in_layers.2"),
        ("down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op"),
        ("down_blocks.1.attentions.0.proj_in", "input_blocks.4.1.proj_in"),
        (
            "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k",
            "input_blocks.4.1.transformer_blocks.0.attn1.to_k",
        ),
        ("down_blocks.2.attentions.1.proj_out", "input_blocks.8.1.proj_out"),
        ("mid_block.attentions.0.proj_in", "middle_block.1.proj_in"),
        ("mid_block.resnets.1.time_emb_proj", "middle_block.2.emb_layers.1"),
        ("up_blocks.0.attentions.2.proj_in", "output_blocks.2.1.proj_in"),
        ("up_blocks.1.resnets.0.conv_shortcut", "output_blocks.3.0.skip_connection"),
        ("up_blocks.0.upsamplers.0.conv", "output_blocks.2.2.conv"),
        ("add_embedding.linear_2", "label_emb.0.2"),
        ("time_embedding.linear_1", "time_embed.0"),
        ("conv_out", "out.2"),
    ],
)
def test_the_original_code_of_stable_diffusion_xl(path: str, original: str) -> None:
    """Written down from its checkpoint's names, `model.diffusion_model.` left out."""
    dict(unet("stable_diffusion_xl").named_modules())[path]
    assert original_path(path) == original


def test_names_of_text_encoders() -> None:
    first, second = (f"text_encoder{end}.encoder.layers.3.self_attn.q_proj" for end in ("", "_2"))
    tail = "text_model_encoder_layers_3_self_attn_q_proj"
    assert kohya_name(first, False) == f"lora_te_{tail}"
    assert kohya_name(first, True) == f"lora_te1_{tail}"
    assert kohya_name(second, True) == f"lora_te2_{tail}"
    assert diffusers_name(first) == "text_encoder.text_model.encoder.layers.3.self_attn.q_proj"
    assert "text_encoder.text_model.encoder.layers.3.self_attn.to_q_lora" in names_of(first)
