"""Test the starter's training code: each part alone, then all stages on a few drawn shapes."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw

from assets.starter.recipe import (
    autoencoder,
    captioned_folder,
    dead_leaves,
    diffusion_model,
    drawings,
    latent_dataset,
    layouts,
    scenes,
    vocabulary,
)
from assets.starter.recipe.__main__ import main
from assets.starter.recipe.autoencoder import reconstruction_loss
from assets.starter.recipe.backdrops import VARIANTS, Backdrops
from assets.starter.recipe.evaluation_prompts import EvaluationPrompt, scenery_prompts
from assets.starter.recipe.judge_evaluation import background_accuracy, background_colour
from assets.starter.recipe.judge_losses import multi_target_cross_entropy
from assets.starter.recipe.judge_mistakes import find_mistakes, mistakes_sheet
from assets.starter.recipe.judge_model import configuration
from assets.starter.recipe.muon import (
    build_optimizers,
    make_recordable,
    orthogonalise,
    set_learning_rate,
    step_optimizers,
)
from assets.starter.recipe.place_reader import TRAINED_VARIANTS, PlaceReader, real_sceneries
from assets.starter.recipe.sceneries import SCENERIES
from assets.starter.recipe.timed_training import TrainingTimer
from studio.errors import StudioError
from studio.models.patch_judge import PatchJudge

ROOT = Path(__file__).resolve().parents[2]


def shape(noun: str = "cat", source: str = "noto", colour: str = "black") -> drawings.Drawing:
    """Return a rectangle as a drawing."""
    picture = Image.new("RGBA", (100, 60))
    ImageDraw.Draw(picture).rectangle([20, 10, 79, 49], fill=colour)
    return drawings.Drawing(noun, source, drawings.cut_out(picture))


def test_a_cut_out_has_no_empty_border() -> None:
    assert shape().picture.size == (128, 85)


def test_a_mask_covers_exactly_what_the_drawing_changed() -> None:
    scene = scenes.Scene([scenes.Placement(shape(), 0.5, 0.5, 0.5)], "red", (200, 0, 0), (200, 0, 0))
    pixels = np.asarray(scene.compose())
    assert (pixels[scene.masks[0]].mean(axis=1) < 100).all()
    assert scene.masks[0].sum() == pytest.approx(64 * 42, rel=0.05)
    assert tuple(pixels[0, 0]) == (200, 0, 0)


def test_the_same_seed_makes_the_same_scenes() -> None:
    pool = [shape("cat"), shape("dog", colour="white")]
    first, second = (
        [np.asarray(s.compose()) for s in layouts.random_scenes(pool, 8, seed=3)] for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_every_noun_and_colour_is_one_token_and_any_text_decodes_again() -> None:
    tokenizer = vocabulary.build_tokenizer(vocabulary.world_words())
    world = drawings.world()
    assert all(len(tokenizer.tokenize(word)) == 1 for word in [*world["nouns"], *world["colours"]])
    odd = "Lily's zyzzyva café"
    assert tokenizer.decode(tokenizer(odd).input_ids, skip_special_tokens=True).replace(" ", "") == (
        odd.lower().replace(" ", "")
    )


def test_only_used_tokens_get_embeddings_other_than_zero() -> None:
    tokenizer = vocabulary.build_tokenizer(vocabulary.world_words())
    encoder = diffusion_model.build_text_encoder(tokenizer)
    used = torch.from_numpy(latent_dataset.token_ids(tokenizer, ["a cat"])).unique().long()
    diffusion_model.initialise_embeddings(encoder, used)
    nonzero = encoder.get_input_embeddings().weight.abs().sum(dim=1) > 0
    assert set(nonzero.nonzero().flatten().tolist()) == set(used.tolist())


def test_the_last_timestep_is_pure_noise_and_counts_in_the_loss() -> None:
    scheduler = diffusion_model.build_scheduler()
    assert scheduler.alphas_cumprod[-1] == 0
    latents = torch.ones(4, 8, 16, 16)

    class ZeroOutput(torch.nn.Module):
        def forward(self, noisy, timestep, ids):
            return torch.zeros_like(noisy)

    loss = diffusion_model.v_loss(ZeroOutput(), scheduler, latents, torch.full((4,), 999), torch.zeros(4, 2))
    assert loss.item() == pytest.approx(1, abs=1e-4)  # at pure noise, v is minus the latents


def test_timesteps_average_above_the_middle() -> None:
    torch.manual_seed(0)
    timesteps = diffusion_model.sample_timesteps(20_000).float()
    assert timesteps.min() >= 0 and timesteps.max() <= 999
    assert 530 < timesteps.mean() < 620


def test_the_learning_rate_ends_at_zero() -> None:
    timer = TrainingTimer(minutes=1, decay_share=0.5)
    timer.earlier_seconds = 30
    assert timer.learning_rate_factor == pytest.approx(1, abs=0.01)
    timer.earlier_seconds = 60
    assert timer.learning_rate_factor == 0 and timer.progress == 1


def test_an_orthogonal_update_has_singular_values_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(16, 64)))
    assert values.min() > 0.5 and values.max() < 1.5


def test_matrices_are_orthogonalised_together_as_each_alone() -> None:
    torch.manual_seed(0)
    stacked = torch.randn(3, 64, 16)
    together = orthogonalise(stacked)
    for matrix, result in zip(stacked, together, strict=True):
        assert torch.allclose(orthogonalise(matrix), result, atol=2e-2)


def test_muon_moves_every_kind_of_matrix() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 3), torch.nn.Conv2d(8, 8, 3))
    before = [parameter.clone() for parameter in model.parameters()]
    optimizers = build_optimizers(model, 0.01)
    model(torch.randn(2, 3, 9, 9)).square().mean().backward()
    set_learning_rate(optimizers, 0.01)
    step_optimizers(optimizers)
    assert all(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_a_rate_kept_on_the_device_gives_the_same_steps() -> None:
    torch.manual_seed(0)
    models = [torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 8))]
    models.append(copy.deepcopy(models[0]))
    for model in models:
        optimizers = build_optimizers(model, 0.1)
        if model is models[1]:
            make_recordable(optimizers, "cpu")
            optimizers["adam"].param_groups[0]["capturable"] = False  # a CPU cannot record
        for rate in (0.01, 0.002):
            set_learning_rate(optimizers, rate)
            model(torch.ones(3, 4)).square().sum().backward()
            step_optimizers(optimizers)
    for first, second in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(first, second)


def test_a_blurred_outline_costs_more_than_an_even_shift() -> None:
    target = torch.zeros(1, 3, 8, 8)
    target[..., 4:] = 1
    brighter = target + 0.1
    blurred = target.clone()
    blurred[..., 3:5] = 0.5
    assert reconstruction_loss(target, target) == 0
    assert reconstruction_loss(blurred, target) > reconstruction_loss(brighter, target)


def test_cross_entropy_is_smaller_where_logits_and_targets_agree() -> None:
    targets = torch.eye(3, dtype=torch.bool)
    right = multi_target_cross_entropy(9 * torch.eye(3), targets)
    assert right < multi_target_cross_entropy(9 * torch.eye(3).roll(1, 0), targets)


def test_the_background_colour_is_read_from_the_border() -> None:
    picture = Image.new("RGB", (64, 64), tuple(drawings.world()["colours"]["purple"]))
    picture.paste((0, 255, 0), (8, 8, 56, 64))
    assert background_colour(picture) == "purple"


def test_held_out_drawings_belong_to_the_world_and_have_permissive_licences() -> None:
    world = drawings.world()
    for name in world["left_out"]:
        source, noun = name.split("/")
        assert noun in world["nouns"] and drawings.LICENCES[source] in ("MIT", "Apache-2.0")
        assert drawings.is_held_out(drawings.Drawing(noun, source, Image.new("RGBA", (1, 1))))
    assert "openmoji" not in world["styles"]


def write_captioned_folder(folder: Path) -> Path:
    """Write two captioned pictures, one of them in a subfolder, and a picture without a caption."""
    for name, colour, text in (
        ("a", "red", "a red thing\nred all over\n\n"),
        ("b/c", "blue", "a blue thing"),
    ):
        file = folder / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (90, 70), colour)
        ImageDraw.Draw(picture).rectangle((0, 0, 20, 70), "white")
        picture.save(file)
        file.with_suffix(".txt").write_text(text, encoding="utf-8")
    picture.save(folder / "without_caption.png")
    return folder


def test_captioned_pictures_are_read_with_every_caption(tmp_path: Path) -> None:
    dataset = captioned_folder.read_captioned_folder(write_captioned_folder(tmp_path))
    assert [picture.captions for picture in dataset] == [("a red thing", "red all over"), ("a blue thing",)]
    assert all(picture.pixels.shape == (128, 128, 3) for picture in dataset)
    assert captioned_folder.caption_words(dataset) == {"a", "red", "thing", "all", "over", "blue"}
    pictures = captioned_folder.picture_tensor(dataset, 5)
    assert torch.equal(pictures[0], pictures[2]) and not torch.equal(pictures[0], pictures[1])
    vae = autoencoder.build_autoencoder((16, 16, 16, 16)).eval()
    words = sorted(captioned_folder.caption_words(dataset) | set(vocabulary.world_words()))
    tokenizer = vocabulary.build_tokenizer(words)
    latents = captioned_folder.captioned_latents(dataset, tokenizer, vae, "cpu")
    assert latents.latents.shape == (4, 8, 16, 16) and latents.ids.shape == (4, 2, vocabulary.MAX_TOKENS)
    _, ids = latents.batch(50, "cpu")
    captions = {tokenizer.decode(row, skip_special_tokens=True).strip() for row in ids}
    assert captions == {"a red thing", "red all over", "a blue thing"}
    with pytest.raises(StudioError, match="no captioned pictures"):
        captioned_folder.read_captioned_folder(tmp_path / "b" / "nowhere")


def test_dead_leaves_have_edges_of_every_size() -> None:
    radii = dead_leaves.random_radii(4000, np.random.default_rng(0))
    assert radii.min() >= 0.03 and radii.max() <= 0.7 and np.median(radii) < 0.06
    picture = np.asarray(dead_leaves.dead_leaves_picture(64, np.random.default_rng(1)), float)
    assert picture.shape == (64, 64, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_training_the_decoder_alone_does_not_change_the_encoder(tmp_path: Path) -> None:
    start = autoencoder.build_autoencoder((16, 16, 16, 16))
    before = {name: value.clone() for name, value in start.state_dict().items()}
    pictures = torch.randint(0, 256, (8, 3, 128, 128), dtype=torch.uint8)
    trained = autoencoder.train(
        pictures, pictures, tmp_path / "d.pt", 0.04, batch=4, start=start, decoder_only=True
    )
    changed = {name for name, value in trained.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(("decoder.", "post_quant_conv.")) for name in changed)


class ConstantJudge:
    """A judge that guesses "cat" for every picture."""

    def guess(self, pictures: Sequence[Image.Image], nouns: Sequence[str]) -> list[str]:
        return ["cat"] * len(pictures)


def test_a_mistake_is_shown_beside_a_drawing_of_the_guessed_noun() -> None:
    trained = [shape("cat", colour="orange"), shape("pear", colour="green"), shape("bus", colour="blue")]
    mistakes = find_mistakes(ConstantJudge(), {"trained": trained, "left_out": [shape("cat"), shape("dog")]})
    listed = [(mistake.group, mistake.noun, mistake.guess) for mistake in mistakes]
    assert listed == [("trained", "pear", "cat"), ("trained", "bus", "cat"), ("left_out", "dog", "cat")]
    assert len(find_mistakes(ConstantJudge(), {"trained": trained}, per_group=1)) == 1
    sheet = np.asarray(mistakes_sheet(mistakes, trained).convert("RGB")).astype(int)
    pear, example = sheet[32, 32], sheet[32, 96]
    assert pear[1] > pear[0]  # the green pear,
    assert example[0] > example[1] > example[2]  # and beside it the orange cat


def test_a_judge_without_mistakes_has_an_empty_sheet(tmp_path: Path) -> None:
    assert find_mistakes(ConstantJudge(), {"trained": [shape("cat")]}) == []
    mistakes_sheet([], [shape("cat")]).save(tmp_path / "mistakes.png")


@pytest.mark.slow  # the folder of drawings goes through the same stages
def test_all_stages_run_on_a_captioned_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assets.starter.recipe", "all", "--tiny", "--device", "cpu"]
    folders = [
        "--work",
        tmp_path / "work",
        "--out",
        tmp_path / "out",
        "--captioned",
        write_captioned_folder(tmp_path / "pictures"),
    ]
    subprocess.run([*command, *map(str, folders)], cwd=ROOT, check=True, timeout=600)
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "out", local_files_only=True)
    assert pipeline.vae.config.scaling_factor != 0.18215


@pytest.mark.slow
def test_all_stages_run_on_a_folder_of_drawings(tmp_path: Path) -> None:
    for style in ("noto", "twemoji"):
        for noun, colour in (("cat", "orange"), ("pear", "green"), ("bus", "yellow")):
            file = tmp_path / "shapes" / style / f"{noun}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            shape(noun, style, colour).picture.save(file)
    command = [sys.executable, "-m", "assets.starter.recipe", "all", "--tiny", "--device", "cpu"]
    folders = ["--work", tmp_path / "work", "--out", tmp_path / "out", "--drawings", tmp_path / "shapes"]
    subprocess.run([*command, *map(str, folders)], cwd=ROOT, check=True, timeout=600)
    figures = json.loads((tmp_path / "work" / "figures.json").read_text())
    assert 0 <= figures["painter"]["plain"]["noun_right"] <= 1
    assert (tmp_path / "work" / "mistakes.png").exists()
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "out", local_files_only=True)
    assert pipeline.scheduler.config.prediction_type == "v_prediction"


@pytest.mark.slow
def test_places_are_read_from_scenes_that_the_reader_has_not_seen() -> None:
    torch.manual_seed(0)
    judge = PatchJudge(configuration(100)).eval()
    reader = PlaceReader.train(judge, [shape()], Backdrops({}), 8)
    assert reader.accuracy([shape()], Backdrops({}), 2) > 0.5
    pictures, places = real_sceneries([shape()], Backdrops({}), 2, range(TRAINED_VARIANTS, VARIANTS))
    prompts = [EvaluationPrompt("", ("cat",), place=place) for place in places]
    share = background_accuracy(reader, pictures, prompts)
    assert share == {"place_right": reader.accuracy([shape()], Backdrops({}), 2)}
    assert {prompt.place for prompt in scenery_prompts(40)} == set(SCENERIES)


@pytest.mark.parametrize(("npm", "reason"), [("", "no npm"), ("#!/bin/sh\nexit 1\n", "npm could not fetch")])
def test_packages_that_cannot_be_fetched_are_said_in_a_sentence(
    npm: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if npm:
        (tmp_path / "npm").write_text(npm)
        (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudioError, match=reason):
        drawings.fetch_packages(tmp_path / "packages")


def test_a_missing_renderer_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    monkeypatch.setattr(
        "assets.starter.recipe.__main__.run_stages", lambda: drawings.rasterise("<svg/>", side=8)
    )
    assert main() == 2
    assert "pip install resvg_py" in capsys.readouterr().err
