"""The starter's recipe: scenes, captions, vocabulary, budget, and the whole of it on drawn shapes."""

from __future__ import annotations

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

from assets.starter.recipe import autoencoder, captioned, leaves, painter, scenes, words
from assets.starter.recipe import drawings as drawn
from assets.starter.recipe.autoencoder import reconstruction_loss
from assets.starter.recipe.budget import Budget
from assets.starter.recipe.judge import spread_entropy, truths
from assets.starter.recipe.judge import train as train_judge
from assets.starter.recipe.measure import border_colour
from assets.starter.recipe.mistakes import mistakes, mistakes_sheet
from assets.starter.recipe.muon import orthogonal
from studio.errors import StudioError
from studio.models.clip import Clip

ROOT = Path(__file__).resolve().parents[2]


def shape(noun: str = "cat", source: str = "noto", colour: str = "black") -> drawn.Drawing:
    picture = Image.new("RGBA", (100, 60))
    ImageDraw.Draw(picture).rectangle([20, 10, 79, 49], fill=colour)
    return drawn.Drawing(noun, source, drawn.cut_out(picture))


def test_a_cut_out_has_no_empty_border() -> None:
    assert shape().picture.size == (128, 85)


def test_a_mask_covers_exactly_what_the_drawing_changed() -> None:
    scene = scenes.Scene([scenes.Placement(shape(), 0.5, 0.5, 0.5)], "red", (200, 0, 0), (200, 0, 0))
    painted = np.asarray(scene.compose())
    assert (painted[scene.masks[0]].mean(axis=1) < 100).all()
    assert scene.masks[0].sum() == pytest.approx(32 * 21, rel=0.05)
    assert tuple(painted[0, 0]) == (200, 0, 0)


def test_the_same_seed_makes_the_same_scenes() -> None:
    pool = [shape("cat"), shape("dog", colour="white")]
    first, second = ([np.asarray(s.compose()) for s in scenes.scenes(pool, 8, seed=3)] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_captions_name_what_is_there_and_one_in_ten_is_silent() -> None:
    random = np.random.default_rng(0)
    said = [scenes.caption(["owl"], "noto", "blue", random) for _ in range(1000)]
    spoken = [caption for caption in said if caption]
    assert all("owl" in caption.split(" on ")[0] for caption in spoken)
    assert not [caption for caption in spoken if " a owl" in f" {caption}"]
    assert 0.06 < 1 - len(spoken) / len(said) < 0.14


def test_two_objects_are_told_from_left_to_right() -> None:
    random = np.random.default_rng(0)
    said = [scenes.caption(["cat", "teapot"], "noto", "blue", random) for _ in range(200)]
    assert all(caption.index("cat") < caption.index("teapot") for caption in said if caption)


def test_every_noun_and_colour_is_one_token_and_any_text_survives() -> None:
    tokenizer = words.build(words.world_words())
    world = drawn.world()
    assert all(len(tokenizer.tokenize(word)) == 1 for word in [*world["nouns"], *world["colours"]])
    odd = "Lily's zyzzyva café"
    assert tokenizer.decode(tokenizer(odd).input_ids, skip_special_tokens=True).replace(" ", "") == (
        odd.lower().replace(" ", "")
    )


def test_an_untrained_word_starts_and_stays_at_zero() -> None:
    tokenizer = words.build(words.world_words())
    encoder = painter.build_text_encoder(tokenizer)
    used = painter.tokens(tokenizer, ["a cat"], "cpu").unique()
    painter.wake_words(encoder, used)
    awake = encoder.get_input_embeddings().weight.abs().sum(dim=1) > 0
    assert set(awake.nonzero().flatten().tolist()) == set(used.tolist())


def test_the_last_timestep_is_pure_noise_and_still_counts_in_the_loss() -> None:
    scheduler = painter.build_scheduler()
    assert scheduler.alphas_cumprod[-1] == 0
    latents = torch.ones(4, 4, 16, 16)

    class Silent(torch.nn.Module):
        def forward(self, noisy, timestep, ids):
            return torch.zeros_like(noisy)

    loss = painter.v_loss(Silent(), scheduler, latents, torch.full((4,), 999), torch.zeros(4, 2))
    assert loss.item() == pytest.approx(1, abs=1e-4)  # v is minus the latents there


def test_timesteps_lean_to_where_structure_is_decided() -> None:
    drawn_steps = painter.timesteps(20_000, torch.Generator().manual_seed(0)).float()
    assert drawn_steps.min() >= 0 and drawn_steps.max() <= 999
    assert 530 < drawn_steps.mean() < 620


def test_the_learning_rate_ends_at_zero() -> None:
    budget = Budget(minutes=1, decay=0.5)
    budget.spent = 30
    assert budget.rate == pytest.approx(1, abs=0.01)
    budget.spent = 60
    assert budget.rate == 0 and budget.progress == 1


def test_an_orthogonal_update_has_singular_values_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(16, 64)))
    assert 0.5 < values.min() and values.max() < 1.5


def test_sharp_outlines_cost_less_than_blurred_ones() -> None:
    wanted = torch.zeros(1, 3, 8, 8)
    wanted[..., 4:] = 1
    shifted_evenly = wanted + 0.1
    blurred = wanted.clone()
    blurred[..., 3:5] = 0.5
    assert reconstruction_loss(wanted, wanted) == 0
    assert reconstruction_loss(blurred, wanted) > reconstruction_loss(shifted_evenly, wanted)


def test_a_caption_is_true_of_other_drawings_unless_it_names_a_style() -> None:
    facts = [("cat", "noto", "red"), ("cat", "twemoji", "red"), ("dog", "noto", "blue")]
    said = ["a cat", "a sticker of a cat", "a dog on a blue background"]
    assert truths(said, facts).tolist() == [[True, True, False], [False, True, False], [False, False, True]]


def test_entropy_is_least_where_scores_and_truth_agree() -> None:
    same = torch.eye(3, dtype=torch.bool)
    assert spread_entropy(9 * torch.eye(3), same) < spread_entropy(9 * torch.eye(3).roll(1, 0), same)


@pytest.mark.parametrize("second", [False, True])
def test_a_judge_learns_in_seconds_and_opens_again(tmp_path: Path, second: bool) -> None:
    things = [shape(noun, "noto", colour) for noun, colour in (("cat", "orange"), ("pear", "green"))]
    words = ["a", "cat", "pear", "on", "background", *drawn.world()["colours"]]
    train_judge(things, words, tmp_path / "judge", tmp_path / "j.pt", 0.03, company=2, second=second)
    judge = Clip.open(tmp_path / "judge")
    pictures = [
        scenes.draw_scene(scenes.by_source(things), np.random.default_rng(n)).compose() for n in (1, 2)
    ]
    assert judge.encode(pictures).shape == (2, 128)
    assert set(judge.guess(pictures, ["cat", "pear"])) <= {"cat", "pear"}


def test_the_border_tells_the_background() -> None:
    picture = Image.new("RGB", (64, 64), tuple(drawn.world()["colours"]["purple"]))
    picture.paste((0, 255, 0), (8, 8, 56, 64))
    assert border_colour(picture) == "purple"


def test_left_out_drawings_belong_to_the_world_and_to_permissive_sets() -> None:
    world = drawn.world()
    for name in world["left_out"]:
        source, noun = name.split("/")
        assert noun in world["nouns"] and drawn.LICENCES[source] in ("MIT", "Apache-2.0")
        assert drawn.is_left_out(drawn.Drawing(noun, source, Image.new("RGBA", (1, 1))))
    assert "openmoji" not in world["styles"]


def album(folder: Path) -> Path:
    """Two captioned pictures, one of them in a folder of its own, and a picture without a caption."""
    for place, colour, text in (
        ("a", "red", "a red thing\nred all over\n\n"),
        ("b/c", "blue", "a blue thing"),
    ):
        file = folder / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (90, 70), colour)
        ImageDraw.Draw(picture).rectangle((0, 0, 20, 70), "white")
        picture.save(file)
        file.with_suffix(".txt").write_text(text, encoding="utf-8")
    picture.save(folder / "unsaid.png")
    return folder


def test_captioned_pictures_are_read_with_every_caption(tmp_path: Path) -> None:
    found = captioned.from_folder(album(tmp_path))
    assert [each.captions for each in found] == [("a red thing", "red all over"), ("a blue thing",)]
    assert all(each.pixels.shape == (64, 64, 3) for each in found)
    assert captioned.words_of(found) == {"a", "red", "thing", "all", "over", "blue"}
    pool = captioned.pictures(found, 5)
    assert torch.equal(pool[0], pool[2]) and not torch.equal(pool[0], pool[1])
    latents = captioned.CaptionedLatents(found, autoencoder.build((16, 16, 16)).eval(), "cpu")
    assert latents.latents.shape == (4, 4, 16, 16) and "red all over" in latents.captions()
    _, said = latents.batch(50, torch.Generator().manual_seed(0), np.random.default_rng(0))
    assert set(said) == {"", "a red thing", "red all over", "a blue thing"}
    with pytest.raises(StudioError, match="no captioned pictures"):
        captioned.from_folder(tmp_path / "b" / "nowhere")


def test_dead_leaves_have_edges_of_every_size() -> None:
    radii = leaves.sizes(4000, np.random.default_rng(0))
    assert 0.03 <= radii.min() and radii.max() <= 0.7 and np.median(radii) < 0.06
    picture = np.asarray(leaves.dead_leaves(64, np.random.default_rng(1)), float)
    assert picture.shape == (64, 64, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_the_decoder_alone_leaves_the_latents_as_they_are(tmp_path: Path) -> None:
    start = autoencoder.build((16, 16, 16))
    before = {name: value.clone() for name, value in start.state_dict().items()}
    pool = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    trained = autoencoder.train(pool, pool, tmp_path / "d.pt", 0.04, batch=4, start=start, decoder_only=True)
    moved = {name for name, value in trained.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith(("decoder.", "post_quant_conv.")) for name in moved)


class OneWord:
    """A judge that reads every picture as the same noun."""

    def guess(self, pictures: Sequence[Image.Image], nouns: Sequence[str]) -> list[str]:
        return ["cat"] * len(pictures)


def test_what_the_judge_misnames_is_shown_beside_what_it_read() -> None:
    trained = [shape("cat", colour="orange"), shape("pear", colour="green"), shape("bus", colour="blue")]
    found = mistakes(OneWord(), {"trained": trained, "left_out": [shape("cat"), shape("dog")]})
    told = [(mistake.group, mistake.noun, mistake.read) for mistake in found]
    assert told == [("trained", "pear", "cat"), ("trained", "bus", "cat"), ("left_out", "dog", "cat")]
    assert len(mistakes(OneWord(), {"trained": trained}, each=1)) == 1
    sheet = np.asarray(mistakes_sheet(found, trained).convert("RGB")).astype(int)
    pear, example = sheet[32, 32], sheet[32, 96]
    assert pear[1] > pear[0] and example[0] > example[1] > example[2]  # green, and the orange cat beside it


def test_a_judge_without_mistakes_has_an_empty_sheet(tmp_path: Path) -> None:
    assert mistakes(OneWord(), {"trained": [shape("cat")]}) == []
    mistakes_sheet([], [shape("cat")]).save(tmp_path / "mistakes.png")


def test_a_starter_of_ones_own_captioned_pictures(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assets.starter.recipe", "all", "--tiny", "--device", "cpu"]
    folders = [
        "--work",
        tmp_path / "work",
        "--out",
        tmp_path / "out",
        "--captioned",
        album(tmp_path / "album"),
    ]
    subprocess.run([*command, *map(str, folders)], cwd=ROOT, check=True, timeout=600)
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "out", local_files_only=True)
    assert pipeline.vae.config.scaling_factor != 0.18215


def test_the_whole_recipe_runs_on_a_folder_of_ones_own(tmp_path: Path) -> None:
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
