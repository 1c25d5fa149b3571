"""Files of other programs as concepts: every dialect, against the change of each weight by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import studio.__main__ as console
from studio.concepts.concept_library import Library
from studio.edits import NewWord
from studio.errors import StudioError
from studio.interop.exporting import export_concept
from studio.interop.foreign_file import look_at
from studio.models import opening
from studio.models.backbone import Backbone
from tests import tiny
from tests.interop.foreign_files import (
    CONV,
    KEY,
    OUT,
    PROJ,
    QUERY,
    TEXT,
    change,
    edit_of,
    factors,
    kohya,
    opened,
    saved,
)
from tests.interop.programs import diffusers_pipeline, our_prediction, their_prediction, tuned_concept


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


DIALECTS: dict[str, tuple[Callable[[str], str], str, str]] = {
    "kohya": (kohya, "lora_down.weight", "lora_up.weight"),
    "PEFT": (lambda site: site, "lora_A.weight", "lora_B.weight"),
    "PEFT with text_model": (
        lambda site: site.replace("text_encoder.", "text_encoder.text_model."),
        "lora_A.weight",
        "lora_B.weight",
    ),
    "PEFT alone": (lambda site: f"base_model.model.{site}", "lora_A.default.weight", "lora_B.default.weight"),
    "diffusers": (lambda site: site, "lora.down.weight", "lora.up.weight"),
    "diffusers, its text encoder": (
        lambda site: site,
        "lora_linear_layer.down.weight",
        "lora_linear_layer.up.weight",
    ),
}


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_changes_the_weights_as_it_says(
    dialect: str, backbone: Backbone, tmp_path: Path
) -> None:
    named, down_end, up_end = DIALECTS[dialect]
    tensors, expected = {}, {}
    for number, site in enumerate((QUERY, KEY, OUT, TEXT)):
        down, up = factors(backbone, site, 2 + number, number)
        tensors |= {f"{named(site)}.{down_end}": down, f"{named(site)}.{up_end}": up}
        expected[site] = up @ down
    edit = edit_of(opened(saved(tmp_path / "a.safetensors", tensors), backbone))
    assert set(edit.A) == set(expected)
    for site, matrix in expected.items():
        torch.testing.assert_close(change(edit, site), matrix, atol=2e-2, rtol=2e-3)  # files have 16 bits


def test_the_oldest_names_of_diffusers(backbone: Backbone, tmp_path: Path) -> None:
    path = QUERY.removeprefix("unet.").removesuffix(".to_q")
    out = OUT.removeprefix("unet.").removesuffix(".to_out.0")
    down, up = factors(backbone, QUERY, 2)
    down_out, up_out = factors(backbone, OUT, 2)
    tensors = {
        f"unet.{path}.processor.to_q_lora.down.weight": down,
        f"unet.{path}.processor.to_q_lora.up.weight": up,
        f"unet.{out}.processor.to_out_lora.down.weight": down_out,
        f"unet.{out}.processor.to_out_lora.up.weight": up_out,
    }
    assert set(edit_of(opened(saved(tmp_path / "a.safetensors", tensors), backbone)).A) == {QUERY, OUT}


def test_mixed_ranks_and_alphas_are_folded_in_layer_by_layer(backbone: Backbone, tmp_path: Path) -> None:
    """diffusers gives every attention layer the alpha that most of them have."""
    tensors, expected = {}, {}
    for site, rank, alpha in ((QUERY, 4, 1.0), (KEY, 2, 4.0), (OUT, 3, None), (TEXT, 8, 0.0)):
        down, up = factors(backbone, site, rank)
        tensors |= {f"{kohya(site)}.lora_down.weight": down, f"{kohya(site)}.lora_up.weight": up}
        if alpha is not None:
            tensors[f"{kohya(site)}.alpha"] = torch.tensor(alpha)
        expected[site] = (alpha / rank if alpha else 1.0) * up @ down
    edit = edit_of(opened(saved(tmp_path / "a.safetensors", tensors), backbone))
    for site, matrix in expected.items():
        torch.testing.assert_close(change(edit, site), matrix, atol=2e-2, rtol=2e-3)


@pytest.mark.parametrize("flat", [False, True], ids=["four dimensions", "two dimensions"])
def test_convolutions_come_in(backbone: Backbone, flat: bool, tmp_path: Path) -> None:
    tensors = {}
    for site in (CONV, PROJ):
        down, up = factors(backbone, site, 2)
        tensors[f"{kohya(site)}.lora_down.weight"] = down.flatten(1) if flat and site == PROJ else down
        tensors[f"{kohya(site)}.lora_up.weight"] = up.flatten(1) if flat else up
    edit = edit_of(opened(saved(tmp_path / "a.safetensors", tensors), backbone))
    for site in (CONV, PROJ):
        down, up = factors(backbone, site, 2)
        expected = up.flatten(1) @ down.flatten(1)
        torch.testing.assert_close(change(edit, site), expected, atol=2e-2, rtol=2e-3)
    assert edit.is_compatible(backbone)


def test_a_kernel_in_three_factors(backbone: Backbone, tmp_path: Path) -> None:
    out, into, height, width = backbone.sites[CONV].weight.shape
    down, mid, up = torch.randn(2, into, 1, 1), torch.randn(2, 2, height, width), torch.randn(out, 2, 1, 1)
    names = {"lora_down": down, "lora_mid": mid, "lora_up": up}
    tensors = {f"{kohya(CONV)}.{name}.weight": tensor for name, tensor in names.items()}
    edit = edit_of(opened(saved(tmp_path / "a.safetensors", tensors), backbone))
    expected = torch.einsum("or,rsij,sc->ocij", up[..., 0, 0], mid, down[..., 0, 0])
    torch.testing.assert_close(change(edit, CONV), expected.flatten(1), atol=5e-2, rtol=5e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float64])
def test_every_precision_is_read(backbone: Backbone, dtype: torch.dtype, tmp_path: Path) -> None:
    down, up = (tensor.to(dtype) for tensor in factors(backbone, QUERY, 2))
    tensors = {f"{kohya(QUERY)}.lora_down.weight": down, f"{kohya(QUERY)}.lora_up.weight": up}
    edit = edit_of(opened(saved(tmp_path / "a.safetensors", tensors), backbone))
    torch.testing.assert_close(edit.A[QUERY], down.float().half().float())


def test_a_lora_that_diffusers_reads_predicts_as_it_does_there(tmp_path: Path) -> None:
    """Out, loaded by diffusers, and in again."""
    backbone = tiny.backbone(dtype=torch.float64)
    concept = tuned_concept(backbone)
    concept.save(tmp_path / "own.safetensors")
    export_concept(tmp_path / "own.safetensors", "diffusers").write(tmp_path)
    pipeline = diffusers_pipeline(backbone, tmp_path)
    pipeline.load_lora_weights(str(tmp_path), weight_name="lily_lora.safetensors")
    theirs = their_prediction(pipeline, backbone, "cat")
    imported = opened(tmp_path / "lily_lora.safetensors", backbone, trigger="cat")
    ours = our_prediction(backbone, imported.concept)
    assert (ours - theirs).abs().max() < 1e-5


def test_a_lora_that_diffusers_wrote_predicts_as_it_does_there(tmp_path: Path) -> None:
    """Loaded by diffusers with two ranks, saved by diffusers with what it says of them, and in again."""
    from peft import get_peft_model_state_dict

    backbone = tiny.backbone(dtype=torch.float64)
    tensors: dict[str, Tensor] = {}
    for site, rank, alpha in ((QUERY, 4, 8.0), (KEY, 2, 1.0), (OUT, 4, 8.0)):
        down, up = (0.3 * factor for factor in factors(backbone, site, rank))
        tensors |= {f"{kohya(site)}.lora_down.weight": down, f"{kohya(site)}.lora_up.weight": up}
        tensors[f"{kohya(site)}.alpha"] = torch.tensor(alpha)
    first = saved(tmp_path / "first.safetensors", tensors)
    pipeline = diffusers_pipeline(backbone, tmp_path)
    pipeline.load_lora_weights(str(tmp_path), weight_name=first.name)
    theirs = their_prediction(pipeline, backbone, "cat")
    pipeline.save_lora_weights(
        str(tmp_path),
        get_peft_model_state_dict(pipeline.unet, adapter_name="default_0"),
        weight_name="second.safetensors",
        unet_lora_adapter_metadata=pipeline.unet.peft_config["default_0"].to_dict(),
    )
    imported = opened(tmp_path / "second.safetensors", backbone, trigger="cat")
    assert (our_prediction(backbone, imported.concept) - theirs).abs().max() < 1e-2


def test_the_name_of_a_lora_is_read_as_its_trigger_words(backbone: Backbone, tmp_path: Path) -> None:
    down, up = factors(backbone, QUERY, 2)
    tensors = {f"{kohya(QUERY)}.lora_down.weight": down, f"{kohya(QUERY)}.lora_up.weight": up}
    tags = json.dumps({"10_x": {"a cat on a chair": 5, "dog": 9}})
    path = saved(
        tmp_path / "a.safetensors", tensors, ss_tag_frequency=tags, ss_sd_model_name="C:\\\\m\\\\any.ckpt"
    )
    for trigger, read in ((None, "dog"), ("a cat", "a cat"), ("", "cat"), (" ", "cat")):
        imported = opened(path, backbone, trigger=trigger)
        word = imported.concept.edits[0]
        assert isinstance(word, NewWord)
        assert torch.equal(word.vectors, backbone.text.embeddings_of(read))
        assert f"<lily> is read as: {read}." in imported.notes
    assert imported.concept.header.base == "any.ckpt"
    assert "another base" in imported.concept.note_on(backbone)


def test_a_whole_caption_is_no_trigger(backbone: Backbone, tmp_path: Path) -> None:
    down, up = factors(backbone, QUERY, 2)
    tensors = {f"{kohya(QUERY)}.lora_down.weight": down, f"{kohya(QUERY)}.lora_up.weight": up}
    path = saved(tmp_path / "a.safetensors", tensors)
    with pytest.raises(StudioError, match="trigger words are .* tokens long"):
        opened(path, backbone, trigger="a cat " * 40)
    long = saved(tmp_path / "b.safetensors", tensors, **{"modelspec.trigger_phrase": "a cat " * 40})
    assert opened(long, backbone).notes == ("<lily> is read as: cat.",)  # nobody asked for the phrase


@pytest.mark.parametrize(
    ("folders", "trigger"),
    [
        ({"10_lily girl": {"1girl": 30, "lily": 30, "solo": 30, "smile": 4}}, "lily"),
        ({"10_x": {"1girl": 30, "lily": 30, "solo": 30}}, ""),  # a guess would be as good as any
        ({"5_a": {"ink ": 3, "tree": 4}, "5_b": {"ink": 3}}, "ink"),  # in all folders together
        ({"10_x": {"a cat on a chair": 1, "a zebra": 1}}, ""),  # captions, each of one photo
        ({"10_x": {"cat": "many"}}, ""),
        ({}, ""),
    ],
)
def test_trigger_words_are_the_tag_of_most_photos(
    folders: dict[str, Any], trigger: str, tmp_path: Path
) -> None:
    tensors = {f"{kohya(QUERY)}.lora_{part}.weight": torch.zeros(2, 2) for part in ("down", "up")}
    path = saved(tmp_path / "a.safetensors", tensors, ss_tag_frequency=json.dumps(folders))
    assert look_at(path).trigger == trigger
    named = {"ss_tag_frequency": json.dumps(folders), "modelspec.trigger_phrase": " in ink "}
    assert look_at(saved(tmp_path / "b.safetensors", tensors, **named)).trigger == "in ink"


@pytest.mark.parametrize("name", ["emb_params", "*", "<anything>"])
def test_embeddings_of_one_tensor(backbone: Backbone, name: str, tmp_path: Path) -> None:
    vectors = torch.randn(2, tiny.WIDTH)
    imported = opened(saved(tmp_path / "a.safetensors", {name: vectors}), backbone)
    (word,) = imported.concept.edits
    assert torch.equal(word.vectors, vectors) and not imported.notes
    flat = opened(saved(tmp_path / "b.safetensors", {name: vectors[0]}), backbone)
    assert torch.equal(flat.concept.edits[0].vectors, vectors[:1])


def test_a_word_may_have_as_many_tokens_as_a_prompt(backbone: Backbone, tmp_path: Path) -> None:
    longest = saved(tmp_path / "a.safetensors", {"emb_params": torch.randn(75, tiny.WIDTH)})
    assert len(opened(longest, backbone).concept.edits[0].vectors) == 75
    with pytest.raises(StudioError, match="is a word of 76 tokens; a prompt has room for 75"):
        opened(saved(tmp_path / "b.safetensors", {"emb_params": torch.randn(76, tiny.WIDTH)}), backbone)


def test_the_pair_of_stable_diffusion_xl(tmp_path: Path) -> None:
    first, second = torch.randn(2, tiny.WIDTH), torch.randn(2, 2 * tiny.WIDTH)
    path = saved(tmp_path / "a.safetensors", {"clip_g": second, "clip_l": first})
    (word,) = opened(path, tiny.backbone_xl()).concept.edits
    assert torch.equal(word.vectors, torch.cat([first, second], 1))
    with pytest.raises(StudioError, match="vectors of 32 \\+ 64 numbers; this base reads 32"):
        opened(path, tiny.backbone())


def test_what_fits_nothing_is_listed_or_refused(backbone: Backbone, tmp_path: Path) -> None:
    down, up = factors(backbone, QUERY, 2)
    tensors = {f"{kohya(QUERY)}.lora_down.weight": down, f"{kohya(QUERY)}.lora_up.weight": up}
    more = {f"lora_unet_unknown_{n}.lora_down.weight": down.clone() for n in range(9)}
    path = saved(tmp_path / "a.safetensors", {**tensors, **more, "bundle_emb.x": torch.zeros(2)})
    note = opened(path, backbone).notes[1]
    assert note.startswith("10 tensors of a.safetensors are not used: bundle_emb.x, lora_unet_unknown_0")
    assert note.endswith(" and 4 more.")
    with pytest.raises(StudioError, match="does not fit this base at lora_unet"):
        wide = {f"{kohya(QUERY)}.lora_down.weight": torch.zeros(2, 999), f"{kohya(QUERY)}.lora_up.weight": up}
        opened(saved(tmp_path / "b.safetensors", wide), backbone)
    with pytest.raises(StudioError, match="Only 1 of the 4 layers of d.safetensors are layers of tiny"):
        others = {f"lora_unet_{n}.lora_{part}.weight": down.clone() for n in "xyz" for part in ("down", "up")}
        opened(saved(tmp_path / "d.safetensors", {**tensors, **others}), backbone)
    with pytest.raises(StudioError, match="No layer of c.safetensors is one of tiny"):
        other = {"lora_unet_x.lora_down.weight": down, "lora_unet_x.lora_up.weight": up}
        opened(saved(tmp_path / "c.safetensors", other), backbone)


def test_the_command_puts_it_into_the_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())
    vectors = torch.randn(2, tiny.WIDTH)
    path = saved(tmp_path / "style.safetensors", {"emb_params": vectors})
    space = ["--workspace", str(tmp_path / "space")]
    assert console.main(["import", str(path), *space]) == 2
    assert (
        "style.safetensors is an embedding. Say what it is with --name and --noun." in capsys.readouterr().err
    )
    assert console.main(["import", str(path), "--name", "ink", "--noun", "drawing", *space]) == 0
    library = Library(tmp_path / "space" / "concepts", tmp_path / "space" / "trash")
    entry = library.find("<ink>")
    assert entry.header.noun == "drawing" and entry.header.method == "imported"
    own = tmp_path / "own.safetensors"
    tuned_concept(tiny.backbone()).save(own)
    assert console.main(["import", str(own), "--name", "rose", *space]) == 0
    assert library.find("<rose>").header.noun == "cat"
