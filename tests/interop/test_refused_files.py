"""Files that are no concept, are damaged, or have more than any file has: refused by what they are."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch

from studio.concepts import tensor_table
from studio.errors import StudioError
from studio.importing import foreign_concept
from studio.interop.foreign_file import look_at
from studio.limits import MAX_FOREIGN_BYTES, MAX_TABLE_BYTES, MAX_TENSORS
from studio.models.backbone import Backbone
from tests import tiny
from tests.interop.foreign_files import QUERY, edit_of, factors, kohya, opened, saved


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ["lora_unet_x.dora_scale", "lora_unet_x.lora_up.weight"],
            "is a DoRA, which Likeness cannot use yet",
        ),
        (["unet.x.lora_A.weight", "unet.x.lora_B.weight", "unet.x.lora_magnitude_vector"], "is a DoRA"),
        (["lora_unet_x.hada_w1_a"], "is a LoHa"),
        (["lycoris_x.lokr_w1"], "is a LoKr"),
        (["first_stage_model.decoder.a", "decoder.b"], "is a VAE alone, not a concept"),
        (["what", "ever"], "is a file that Likeness does not know, not a concept"),
        (
            ["unet.mid_block.attentions.0.proj_in.lora_A.weight", "x.y"],
            "is a LoRA of which no layer is whole",
        ),
        (["lora_unet_x.weight", "lora_unet_x.on_input"], "is an IA3, which Likeness cannot use yet"),
        (["lora_unet_x.a1.weight", "lora_unet_x.b1.weight"], "is a GLoRA"),
        (["lora_unet_x.diff", "lora_unet_x.diff_b"], "is the change of whole weights .LyCORIS Full."),
    ],
)
def test_other_files_are_refused_by_what_they_are(names: list[str], words: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.safetensors", {name: torch.zeros(2, 2) for name in names})
    with pytest.raises(StudioError, match=words):
        look_at(path)


def test_damaged_files_and_pickles_are_refused(backbone: Backbone, tmp_path: Path) -> None:
    down, up = factors(backbone, QUERY, 2)
    tensors = {f"{kohya(QUERY)}.lora_down.weight": down, f"{kohya(QUERY)}.lora_up.weight": up}
    whole = saved(tmp_path / "a.safetensors", tensors)
    (tmp_path / "cut.safetensors").write_bytes(whole.read_bytes()[:-10])
    with pytest.raises(StudioError, match="damaged, cut short"):
        look_at(tmp_path / "cut.safetensors")
    torch.save({"*": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(StudioError, match="is a pickle, which is not opened"):
        look_at(tmp_path / "a.pt")
    down[0, 0] = torch.nan
    with pytest.raises(StudioError, match="no numbers"):
        opened(saved(tmp_path / "b.safetensors", tensors), backbone)


def test_more_than_any_file_has_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor_table, "safe_open", lambda *_, **__: pytest.fail("it was opened"))
    empty = torch.zeros(0)
    path = saved(tmp_path / "a.safetensors", {f"lora_unet_{n}.alpha": empty for n in range(MAX_TENSORS + 1)})
    with pytest.raises(StudioError, match=r"a\.safetensors is not imported: it has more than 5000 tensors"):
        look_at(path)
    path = saved(tmp_path / "b.safetensors", {"emb_params": empty}, tags="x" * MAX_TABLE_BYTES)
    with pytest.raises(StudioError, match=r"b\.safetensors is not imported: its table is larger than 4 MB"):
        look_at(path)
    with path.open("ab") as file:
        file.truncate(MAX_FOREIGN_BYTES + 1)
    with pytest.raises(StudioError, match=r"b\.safetensors is not imported: it is larger than 1024 MB"):
        look_at(path)


def test_a_file_of_32_bits_may_be_larger_than_its_concept(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down, up = factors(backbone, QUERY, 64)
    tensors = {f"{kohya(QUERY)}.lora_down.weight": down, f"{kohya(QUERY)}.lora_up.weight": up}
    path = saved(tmp_path / "a.safetensors", tensors)
    monkeypatch.setattr(tensor_table, "MAX_CONCEPT_BYTES", path.stat().st_size - 100)
    assert edit_of(opened(path, backbone)).A[QUERY].shape == down.shape
    monkeypatch.setattr(foreign_concept, "MAX_CONCEPT_BYTES", 1000)
    with pytest.raises(StudioError, match="as a concept") as raised:
        opened(path, backbone)
    assert raised.value.hint == "Choose a LoRA of a lower rank."


@pytest.mark.parametrize("table", ["null", "5", "[]", '{"__metadata__": null}'])
def test_a_table_that_is_none_is_refused(table: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(table)) + table.encode())
    with pytest.raises(StudioError, match="damaged, cut short"):
        look_at(path)
