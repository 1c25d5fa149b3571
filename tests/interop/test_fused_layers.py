"""Files whose queries, keys and values are one layer, as in the code of Z-Image and FLUX.2."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.interop.module_names import fused_names
from studio.models.backbone import Backbone
from tests import tiny, tiny_flux2_klein, tiny_z_image
from tests.interop.test_importing import change, edit_of, opened, saved

BASES = {"z_image": tiny_z_image.backbone, "klein": tiny_flux2_klein.backbone}
Z, DOUBLE, SINGLE = "layers.0.attention", "transformer_blocks.0.attn", "single_transformer_blocks.0.attn"


@functools.cache
def base(kind: str) -> Backbone:
    return BASES[kind]()


def pair(rows: int, columns: int, rank: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows + columns)
    return torch.randn(rank, columns, generator=generator), torch.randn(rows, rank, generator=generator)


CASES = [
    (
        "z_image",
        f"diffusion_model.{Z}.qkv",
        "lora_A.weight",
        "lora_B.weight",
        (f"{Z}.to_q", f"{Z}.to_k", f"{Z}.to_v"),
    ),
    (
        "z_image",
        f"lora_unet_{Z}_qkv".replace(".", "_"),
        "lora_down.weight",
        "lora_up.weight",
        (f"{Z}.to_q", f"{Z}.to_k", f"{Z}.to_v"),
    ),
    ("z_image", f"diffusion_model.{Z}.out", "lora_A.weight", "lora_B.weight", (f"{Z}.to_out.0",)),
    (
        "klein",
        "diffusion_model.double_blocks.0.img_attn.qkv",
        "lora_A.weight",
        "lora_B.weight",
        (f"{DOUBLE}.to_q", f"{DOUBLE}.to_k", f"{DOUBLE}.to_v"),
    ),
    (
        "klein",
        "lora_unet_double_blocks_0_txt_attn_qkv",
        "lora_down.weight",
        "lora_up.weight",
        (f"{DOUBLE}.add_q_proj", f"{DOUBLE}.add_k_proj", f"{DOUBLE}.add_v_proj"),
    ),
    ("klein", "double_blocks.0.txt_attn.proj", "lora_A.weight", "lora_B.weight", (f"{DOUBLE}.to_add_out",)),
    (
        "klein",
        "diffusion_model.double_blocks.0.img_mlp.0",
        "lora_A.weight",
        "lora_B.weight",
        ("transformer_blocks.0.ff.linear_in",),
    ),
    (
        "klein",
        "diffusion_model.single_blocks.0.linear1",
        "lora_A.weight",
        "lora_B.weight",
        (f"{SINGLE}.to_qkv_mlp_proj",),
    ),
    (
        "klein",
        "diffusion_model.single_blocks.0.linear2",
        "lora_A.weight",
        "lora_B.weight",
        (f"{SINGLE}.to_out",),
    ),
]


@pytest.mark.parametrize(("kind", "name", "down_end", "up_end", "paths"), CASES)
def test_each_weight_changes_by_its_own_rows(
    kind: str, name: str, down_end: str, up_end: str, paths: tuple[str, ...], tmp_path: Path
) -> None:
    backbone = base(kind)
    sites = [f"transformer.{path}" for path in paths]
    rows = [len(backbone.sites[site].weight) for site in sites]
    down, up = pair(sum(rows), backbone.sites[sites[0]].weight.shape[1])
    tensors = {f"{name}.{down_end}": down, f"{name}.{up_end}": up, f"{name}.alpha": torch.tensor(1.0)}
    imported = opened(saved(tmp_path / "a.safetensors", tensors), backbone)
    edit = edit_of(imported)
    assert set(edit.A) == set(sites) and len(imported.notes) == 1
    start = 0
    for site, count in zip(
        sites, rows, strict=True
    ):  # row by row, so that no order of parts passes for another
        for row in range(count):
            by_hand = sum(0.5 * float(up[start + row, r]) * down[r] for r in range(2))
            torch.testing.assert_close(change(edit, site)[row], by_hand, atol=1e-2, rtol=2e-3)
        start += count


def test_where_a_file_has_both_the_single_layers_count_and_the_rest_is_listed(tmp_path: Path) -> None:
    backbone = base("z_image")
    down, up = pair(96, 32)
    own_down, own_up = pair(32, 32)
    whole, own = f"diffusion_model.{Z}.qkv", f"diffusion_model.{Z}.to_k"
    tensors = {f"{whole}.lora_A.weight": down, f"{whole}.lora_B.weight": up}
    tensors |= {f"{own}.lora_A.weight": own_down, f"{own}.lora_B.weight": own_up}
    imported = opened(saved(tmp_path / "a.safetensors", tensors), backbone)
    assert set(edit_of(imported).A) == {f"transformer.{Z}.to_k"}
    assert (
        "2 tensors of a.safetensors are not used: diffusion_model.layers.0.attention.qkv" in imported.notes[1]
    )


def test_rows_that_are_no_three_projections_are_refused(tmp_path: Path) -> None:
    down, up = pair(90, 32)
    tensors = {f"diffusion_model.{Z}.qkv.lora_A.weight": down, f"diffusion_model.{Z}.qkv.lora_B.weight": up}
    with pytest.raises(StudioError, match="does not fit this base at diffusion_model.layers.0.attention.qkv"):
        opened(saved(tmp_path / "a.safetensors", tensors), base("z_image"))


def test_a_unet_whose_text_enters_keys_only_has_no_such_layer() -> None:
    assert not list(fused_names(tiny.backbone().sites))
