"""The bases that are measured on: their folders are those of diffusers, and random weights learn too."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CLIPTextModelWithProjection

from studio.models import opening
from studio.models.families.stable_diffusion_xl import StableDiffusionXL
from tests import shapes, tiny
from tests.benchmarks.bases import folder_of, open_base
from tests.benchmarks.step_case import Steps, prepared, time_stage

NARROW = {"intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}
SMALLER = {  # the same architecture with narrow layers
    "unet": {
        **{"block_out_channels": [32, 64, 64], "attention_head_dim": [2, 4, 4], "cross_attention_dim": 96},
        **{"transformer_layers_per_block": [1, 1, 2], "addition_time_embed_dim": 8},
        "projection_class_embeddings_input_dim": 6 * 8 + 64,
    },
    "text_encoder": {"hidden_size": 32, **NARROW},
    "text_encoder_2": {"hidden_size": 64, "projection_dim": 64, **NARROW},
    "vae": {"block_out_channels": [32, 32, 32, 32], "layers_per_block": 1},
}


def test_a_base_becomes_a_folder_that_others_read(tmp_path: Path) -> None:
    folder = folder_of("tiny", tmp_path / "base")
    assert opening.open_backbone(folder).fingerprint == tiny.backbone().fingerprint
    written = (folder / "model_index.json").stat().st_mtime_ns
    assert folder_of("tiny", folder) == folder
    assert (folder / "model_index.json").stat().st_mtime_ns == written


def test_a_base_that_is_a_folder_already_stays_where_it_is(tmp_path: Path) -> None:
    assert (folder_of("starter", tmp_path) / "model_index.json").is_file()
    assert folder_of(str(tmp_path / "mine"), tmp_path) == tmp_path / "mine"


def test_shapes_of_xl_make_a_base_that_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    published = shapes.config
    monkeypatch.setattr(
        shapes, "config", lambda name, part: {**published(name, part), **SMALLER.get(part, {})}
    )
    backbone = open_base("sdxl", "cpu", pixels=128)
    assert isinstance(backbone, StableDiffusionXL) and backbone.resolution == 128
    assert isinstance(backbone.text_encoders["text_encoder_2"], CLIPTextModelWithProjection)
    assert len(backbone.text.tokenize("a backpack").ids) == 77
    steps = Steps(0, 1, 60.0)
    optimization = prepared("dreambooth", backbone, 1, 1, steps, {"prior_weight": 0.0})
    assert len(time_stage(optimization, 0, steps)) == 1
    assert torch.isfinite(torch.tensor(optimization.losses)).all()


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_published_configs_say_what_a_text_encoder_is(name: str) -> None:
    with torch.device("meta"):
        encoder = shapes.encoder(name, "text_encoder")
    wide = shapes.config(name, "unet")["cross_attention_dim"]
    own = encoder.config.hidden_size
    assert own == (768 if name == "sdxl" else wide)
