"""The real Stable Diffusion architectures with random weights: sizes, and one step of everything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from studio.edits import Full, LowRank
from studio.edits.concept import Concept
from studio.events import Result
from studio.generation.generate import generate
from studio.models.memory_plan import MemoryPlan
from studio.models.unet_backbone import DENOISER_PROJECTIONS
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from tests.shapes import SHAPES, real, unet
from trainers import METHODS, train

SIDE = 16  # of a latent: every weight has its real shape, and a picture of 128 px is 16 times cheaper


@pytest.mark.parametrize("name", SHAPES)
def test_rank_four_has_the_published_size(name: str) -> None:
    with torch.device("meta"):
        model = unet(name, SIDE)
    sites = {
        f"unet.{path}": module
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and f".{path}".endswith(DENOISER_PROJECTIONS)
    }
    edit = LowRank.start("<lily>", "cat", sites, 4, torch.Generator())
    assert len(sites) == SHAPES[name]["sites"]
    assert sum(tensor.numel() for tensor in edit.parameters()) == SHAPES[name]["low_rank"]


@pytest.mark.parametrize("name", SHAPES)
def test_full_tuning_takes_every_published_weight(name: str) -> None:
    with torch.device("meta"):
        model = unet(name, SIDE)
    sites = {f"unet.{path}": module for path, module in model.named_modules() if path}
    base = SimpleNamespace(sites=sites, in_text_encoder=lambda site: False, memory_plan=MemoryPlan())
    full = Full.start("<lily>", "cat", base, text_encoder=False)
    assert sum(weight.numel() for weight in full.parameters()) == SHAPES[name]["weights"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_learns_saves_opens_and_paints(name: str, tmp_path: Path) -> None:
    backbone = real(name, SIDE)
    assert backbone.resolution == 8 * SIDE and len(backbone.linear_sites("attn2.to_k")) == 16
    sampling = Sampling(steps=1, guidance=1.0)
    quick = {
        "textual_inversion": {"batch": 1, "flips": False},
        "dreambooth": {"prior_weight": 0.0},
        "perfusion": {"batch": 1, "flips": False, "captions": 100},
        "context_regularized": {"batch": 1, "flips": False},
        "neti": {"batch": 1, "accumulate": 1, "flips": False},
        "cones": {"batch": 1, "flips": False},
        "break_a_scene": {"steps": 2, "prior_weight": 0.0, "flips": False},
    }
    for method_id, settings in quick.items():
        masked = "<lily>" if METHODS[method_id].needs.masks else ""
        photos = tiny.photos(1, side=8 * SIDE, masked=masked)
        settings = {"steps": 1, **settings}
        *_, last = train(
            METHODS[method_id], backbone, photos, Subject("<lily>", "cat"), settings, sampling, tmp_path
        )
        path = tmp_path / f"{method_id}.safetensors"
        last.value.save(path)
        print(f"{name} {method_id}: {path.stat().st_size:,} bytes")
        recipe = Recipe("a photo of <lily>", steps=1, guidance=1.0)
        *_, painted = generate(backbone, recipe, [Concept.open(path)])
        assert isinstance(painted, Result) and painted.value.image.size == (8 * SIDE, 8 * SIDE)
    sizes = {path.stem: path.stat().st_size for path in tmp_path.glob("*.safetensors")}
    assert sizes["textual_inversion"] < 40_000 and sizes["context_regularized"] < 40_000
    assert sizes["perfusion"] <= 110_000
    assert sizes["neti"] < 2_600_000 and sizes["cones"] < 40_000
    assert sizes["dreambooth"] < 1_800_000
    assert sizes["break_a_scene"] < 13_000_000  # rank 16, the text encoder included
