"""The starter as it ships: it loads, it understands words, and it paints what it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.edits.concept import Concept
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.starter import STARTER
from studio.worker.worker import Worker
from studio.workspace.workspace import Workspace
from tests.end_to_end.painting import GUIDANCE, WORLD, border_colour, look, pictures
from trainers import METHODS, train
from trainers.benchmarks.method_trial import cases_in
from trainers.kit import text_moments as moments

ROOT = STARTER.parent.parent
STEPS = 10  # of a picture: few, but enough to see what it shows
NOUN_RIGHT = 0.8  # share of pictures in which the judge sees the asked noun first


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_all_of_it_is_small_and_no_pickle() -> None:
    files = [path for path in STARTER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 36 * 2**20
    assert not [path for path in files if path.suffix in (".pt", ".ckpt", ".pkl")]
    assert [path.name for path in files if path.suffix == ".bin"] == [moments.FILE]
    assert not [path for path in files if path.suffix == ".json" and "_name_or_path" in path.read_text()]
    tokenizer = json.loads((STARTER / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["padding"] is None and tokenizer["truncation"] is None
    assert {"unet", "vae", "text_encoder", "tokenizer", "scheduler", "judge"} <= {
        path.name for path in STARTER.iterdir()
    }


def test_it_reads_text_at_three_sizes(backbone: Backbone) -> None:
    assert backbone.resolution == 128 and backbone.latent_shape == (8, 16, 16)
    assert backbone.prediction_type == "v_prediction"
    levels = {site.split(".")[1] + site.split(".")[2] for site in backbone.linear_sites("attn2.to_k")}
    assert len(levels) == 7


def test_its_text_statistics_belong_to_its_encoder(backbone: Backbone, tmp_path: Path) -> None:
    known, _ = moments.known(backbone, tmp_path, captions=100)
    assert known is not None and known.encoder == moments.encoder_fingerprint(backbone.text)
    assert known.captions == 100_000 and known.tokens > 20 * backbone.text.width


def test_its_own_words_are_one_token_and_strange_ones_still_read(backbone: Backbone) -> None:
    for noun in WORLD["nouns"]:
        assert len(backbone.text.embeddings_of(noun)) == 1, noun
    for colour in WORLD["colours"]:
        assert len(backbone.text.embeddings_of(colour)) == 1, colour
    assert len(backbone.text.embeddings_of("floccinaucinihilipilification")) > 1
    hidden = backbone.text.read(["a cat in Kraków, 猫"]).hidden
    assert hidden.isfinite().all()


@pytest.mark.slow
def test_backgrounds_have_the_asked_colour(backbone: Backbone) -> None:
    colours = list(WORLD["colours"])
    right = 0
    for number, colour in enumerate(colours):
        recipe = Recipe(f"a cat on a {colour} background", seed=40 + number, steps=STEPS, guidance=GUIDANCE)
        right += border_colour(pictures(backbone, recipe, [])[0]) == colour
    assert right == len(colours)


def test_it_paints_the_noun_that_it_is_asked_for(backbone: Backbone, judge: Clip) -> None:
    nouns = list(WORLD["nouns"])
    asked = nouns[::14]
    painted = []
    for number, noun in enumerate(asked):
        recipe = Recipe(f"a {noun} on a white background", seed=70 + number, steps=STEPS, guidance=GUIDANCE)
        painted += pictures(backbone, recipe, [])
    guesses = judge.guess(painted, nouns)
    right = sum(guess == noun for guess, noun in zip(guesses, asked, strict=True))
    assert right / len(asked) >= NOUN_RIGHT


def test_the_judge_knows_this_subject_from_others_in_another_scene(judge: Clip) -> None:
    cases = cases_in(STARTER.parent / "demo")
    photos = [photo.square(photo.side) for case in cases for photo in (*case.photos, *case.unseen)]
    owners = [case.subject.handle for case in cases for _ in range(5)]
    seen = judge.encode(photos)
    nearest = (seen @ seen.T - 2 * torch.eye(len(seen))).argmax(dim=1).tolist()
    assert sum(owners[index] == owner for index, owner in zip(nearest, owners, strict=True)) >= 13  # of 15


def test_headless_and_page_paint_the_same_pixels(backbone: Backbone, workspace: Workspace) -> None:
    recipe = Recipe("a cat on a blue background", seed=5, steps=4, guidance=GUIDANCE)
    job = workspace.create(recipe)
    Worker(workspace, backbone, METHODS, train).take(("create",))
    page = workspace.pictures / workspace.jobs.get(job.id).outcome["pictures"][0]
    command = [sys.executable, "-m", "studio", "again", str(page), "--workspace", str(workspace.folder)]
    folder = workspace.folder / "headless"
    subprocess.run([*command, "--out", str(folder)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (headless,) = folder.glob("*.png")
    assert np.array_equal(np.asarray(Image.open(page)), np.asarray(Image.open(headless)))
    assert read_recipe(page) == read_recipe(headless)


def test_the_ready_made_concept_fits_and_shows_the_demo_subject_of_its_noun(
    backbone: Backbone, judge: Clip, workspace: Workspace
) -> None:
    (path,) = (STARTER.parent / "demo").glob("*.safetensors")
    concept = Concept.open(path)
    concept.check(backbone)
    recipe = replace(look(workspace, f"{concept.header.handle} on a red background"), count=4)
    painted = pictures(backbone, recipe, [concept])
    cases = cases_in(STARTER.parent / "demo")
    likeness = {
        case.subject.noun: judge.likeness(painted, [photo.square(photo.side) for photo in case.photos])
        for case in cases
    }
    assert max(likeness, key=likeness.__getitem__) == concept.header.handles[concept.header.handle]
