"""Checkpoints in a single file: opened offline, number by number, with the vocabulary of open_clip."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import load_file, save_file

from studio.__main__ import main
from studio.bases import base_files
from studio.errors import StudioError
from studio.models.clip_tokenizer import WORDS, clip_tokenizer
from studio.models.families import stable_diffusion, stable_diffusion_xl
from studio.models.opening import open_backbone
from studio.models.unet_backbone import UNetBackbone
from studio.recipes.png import read_recipe
from tests import tiny
from tests.models.checkpoint_file import write_checkpoint

WIDTHS = {"first": 32, "second": 48}  # of tiny bases that stand for Stable Diffusion 1 and 2
V = {"v_pred": torch.zeros(0)}


def made(kind: str, prediction: str = "epsilon") -> UNetBackbone:
    """Return a tiny base with CLIP's vocabulary."""
    words = clip_tokenizer()
    if kind == "xl":
        return tiny.backbone_xl(prediction, words=words, attention=True)
    return tiny.backbone(prediction, words=words, width=WIDTHS[kind], attention=True, levels=2)


def configs_of(base: UNetBackbone, folder: Path) -> Path:
    """Write what diffusers has to know of a base in a single file."""
    base.unet.save_config(folder / "unet")
    base.vae.save_config(folder / "vae")
    base.schedule.save_config(folder / "scheduler")
    for part, encoder in base.text_encoders.items():
        encoder.config.save_pretrained(folder / part)
    kind = "stable_diffusion_xl" if len(base.text_encoders) > 1 else "stable_diffusion_1"
    index = stable_diffusion.CONFIGS / kind / "model_index.json"
    (folder / "model_index.json").write_bytes(index.read_bytes())
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Return a function that makes a base, its file, and lets the file's width stand for the real one."""

    def make(kind: str, prediction: str = "epsilon", **more: torch.Tensor) -> tuple[UNetBackbone, Path]:
        base = made(kind, prediction)
        configs = configs_of(base, tmp_path / "configs")
        if kind == "xl":
            monkeypatch.setattr(stable_diffusion_xl, "CONFIG", configs)
            widths = {"stable diffusion xl": base.text.width}
        else:
            monkeypatch.setattr(stable_diffusion, "SINGLE_FILES", {base.text.width: configs})
            monkeypatch.setattr(base_files, "STABLE_DIFFUSION_2", WIDTHS["second"])
            monkeypatch.setattr(stable_diffusion, "SIDE_OF_EPSILON", 8)
            widths = {f"stable diffusion {2 if kind == 'second' else 1}": base.text.width}
        monkeypatch.setattr(base_files, "widths_of_files", lambda: widths)
        path = tmp_path / f"{kind}.safetensors"
        write_checkpoint(base, path, **more)
        return base, path

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to reach another machine fails the test."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(("kind", "prediction"), [("first", ""), ("second", "epsilon"), ("xl", "")])
def test_a_single_file_is_opened_offline_with_every_number_of_it(
    small, no_network: None, kind: str, prediction: str
) -> None:
    base, path = small(kind)
    opened = open_backbone(path, prediction=prediction)
    assert opened.name == path.name and opened.family == base.family
    expected, found = tiny.weights(base), tiny.weights(opened)
    assert set(found) == set(expected)
    for name, weight in expected.items():
        assert np.array_equal(found[name], weight.astype(np.float16).astype(np.float32)), name
    assert opened.fingerprint == base.fingerprint  # a folder and a file of one model are one base


def test_pictures_say_the_hash_of_the_file(small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, path = small("first")
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    assert open_backbone(path).file_hash is None
    flags = ["--base", str(path), "--workspace", str(tmp_path / "work"), "--out", str(tmp_path)]
    assert main(["paint", "a cat", "--steps", "1", "--seed", "3", *flags]) == 0
    painted = tmp_path / "picture-3.png"
    assert (
        read_recipe(painted).base_hash == wanted
        and f"Model hash: {wanted}" in Image.open(painted).text["parameters"]
    )
    info = PngInfo()
    info.add_text("parameters", f"a cat\nSteps: 1, Seed: 4, CFG scale: 2, Model hash: {wanted}, Model: dream")
    Image.new("RGB", (8, 8)).save(tmp_path / "theirs.png", pnginfo=info)
    assert main(["again", str(tmp_path / "theirs.png"), *flags]) == 0
    assert f"Its base, dream [{wanted}], is the very file that is in use here" in capsys.readouterr().out


def test_a_file_without_some_of_its_weights_is_called_incomplete(small) -> None:
    _, path = small("first")
    tensors = load_file(path)
    lost = next(name for name in tensors if "first_stage_model.decoder.mid.attn_1.q" in name)
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, path)
    with pytest.raises(StudioError) as refused:
        open_backbone(path)
    assert refused.value.message == f"{path.name} is incomplete: it lacks some of the model's weights."


def test_markers_in_the_file_say_that_it_predicts_v(small) -> None:
    _, path = small("xl", "v_prediction", **V, ztsnr=torch.zeros(0))
    opened = open_backbone(path)
    assert opened.prediction_type == "v_prediction"
    assert opened.schedule.alphas_cumprod[-1] == 0
    assert opened.schedule.config.timestep_spacing == "trailing"
    _, path = small("xl", "epsilon")
    assert open_backbone(path).prediction_type == "epsilon"


def test_a_file_of_stable_diffusion_2_has_to_say_what_it_predicts(small) -> None:
    _, path = small("second")
    with pytest.raises(StudioError, match="does not say whether it predicts noise") as refused:
        open_backbone(path)
    assert "--prediction v_prediction" in refused.value.hint
    assert open_backbone(path, prediction="v").prediction_type == "v_prediction"
    _, marked = small("second", **V)
    assert open_backbone(marked).prediction_type == "v_prediction"


def test_stable_diffusion_2_is_filled_up_with_zeros_and_the_first_with_the_end_token(small) -> None:
    for kind, expected in (("first", clip_tokenizer().eos_token_id), ("second", 0)):
        _, path = small(kind)
        tokens = open_backbone(path, prediction="epsilon").text.tokenize("a cat!")
        assert tokens.ids[tokens.end + 1 :] == [expected] * (76 - tokens.end)
        assert 0 not in tokens.ids[: tokens.end]  # "!" is a word, not padding


def test_the_vocabulary_is_the_one_of_clip() -> None:
    """Ids that published models use (openai/clip-vit-large-patch14)."""
    words = clip_tokenizer()
    assert len(words) == WORDS
    assert words("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert words("Don't!").input_ids[1:-1] == [847, 713, 256]
    assert words.model_max_length == 77


def test_noise_that_ends_in_nothing_but_noise_cannot_be_predicted_as_noise(small) -> None:
    """Each picture of such a base would be black."""
    _, path = small("first", ztsnr=torch.zeros(0))
    with pytest.raises(StudioError, match="predicts noise where nothing but noise is left") as refused:
        open_backbone(path)
    assert "v_prediction" in refused.value.hint


def test_noise_of_another_kind_is_refused_by_name() -> None:
    config = {**tiny.backbone().schedule.config, "_class_name": "EDMDPMSolverMultistepScheduler"}
    with pytest.raises(StudioError, match=r"tiny.* was trained with another kind of noise \(EDM\)"):
        tiny.backbone().use_schedule(config)


def test_a_picture_that_is_no_numbers_is_not_shown_as_black() -> None:
    base = tiny.backbone()
    with pytest.raises(StudioError, match="no numbers"):
        base.decode(torch.full((1, *base.latent_shape), torch.nan))
