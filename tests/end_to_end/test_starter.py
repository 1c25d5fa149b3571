"""The starter as it ships: it loads, it understands words, and every method learns a subject on it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.events import Result
from studio.generation.generate import generate
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.photos.click_mask import propose_mask
from studio.photos.photo_set import PhotoSet
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.starter import STARTER
from studio.worker import Worker
from studio.workspace.workspace import Workspace
from trainers import METHODS, train
from trainers.benchmarks.method_trial import Case, cases_in
from trainers.kit import text_moments as moments

ROOT = STARTER.parent.parent
GUIDANCE = json.loads((STARTER / "likeness.json").read_text(encoding="utf-8"))["guidance"]
NOUN_RIGHT = 0.8  # share of pictures in which the judge sees the asked noun first
WORLD = json.loads((STARTER / "world.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return opening.open_backbone(STARTER)


@pytest.fixture(scope="module")
def judge() -> Clip:
    return Clip.open(STARTER / "judge")


@pytest.fixture(scope="module")
def backpack() -> Case:
    return cases_in(STARTER.parent / "demo")[1]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def look(workspace: Workspace, prompt: str = "") -> Recipe:
    defaults = workspace.base_defaults()
    return Recipe(prompt, seed=1, steps=defaults.steps, guidance=defaults.guidance)


def pictures(backbone: Backbone, recipe: Recipe, concepts: list[Concept]) -> list[Image.Image]:
    events = generate(backbone, recipe, concepts)
    return [event.value.image for event in events if isinstance(event, Result)]


def border_colour(picture: Image.Image) -> str:
    """The colour of the world nearest to the picture's border."""
    pixels = np.asarray(picture, dtype=float)
    border = np.concatenate(
        [pixels[:3].reshape(-1, 3), pixels[:, :3].reshape(-1, 3), pixels[:, -3:].reshape(-1, 3)]
    )
    middle = np.median(border, axis=0)
    return min(WORLD["colours"], key=lambda name: np.abs(middle - WORLD["colours"][name]).sum())


def test_all_of_it_is_small_and_no_pickle() -> None:
    files = [path for path in STARTER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 30_000_000
    assert not [path for path in files if path.suffix in (".pt", ".ckpt", ".pkl")]
    assert [path.name for path in files if path.suffix == ".bin"] == [moments.FILE]
    assert not [path for path in files if path.suffix == ".json" and "_name_or_path" in path.read_text()]
    tokenizer = json.loads((STARTER / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["padding"] is None and tokenizer["truncation"] is None
    assert {"unet", "vae", "text_encoder", "tokenizer", "scheduler", "judge"} <= {
        path.name for path in STARTER.iterdir()
    }


def test_it_reads_text_at_three_sizes(backbone: Backbone) -> None:
    assert backbone.resolution == 64 and backbone.latent_shape == (4, 16, 16)
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


def test_backgrounds_have_the_asked_colour(backbone: Backbone) -> None:
    colours = list(WORLD["colours"])
    right = 0
    for number, colour in enumerate(colours):
        recipe = Recipe(f"a cat on a {colour} background", seed=40 + number, steps=20, guidance=GUIDANCE)
        right += border_colour(pictures(backbone, recipe, [])[0]) == colour
    assert right == len(colours)


def test_it_paints_the_noun_that_it_is_asked_for(backbone: Backbone, judge: Clip) -> None:
    nouns = list(WORLD["nouns"])
    asked = nouns[::5]
    painted = []
    for number, noun in enumerate(asked):
        recipe = Recipe(f"a {noun} on a white background", seed=70 + number, steps=20, guidance=GUIDANCE)
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


@pytest.mark.parametrize(
    "method_id",
    [
        pytest.param(id, marks=[] if id in ("textual_inversion", "dreambooth") else pytest.mark.slow)
        for id, method in METHODS.items()
        if not method.needs.masks
    ],
)
def test_a_demo_subject_is_learned_with_the_default_settings(
    backbone: Backbone, judge: Clip, backpack: Case, workspace: Workspace, method_id: str
) -> None:
    settings = workspace.tuned(METHODS[method_id].card()).parse({})
    photos = PhotoSet.of(backpack.photos)
    *_, last = train(
        METHODS[method_id], backbone, photos, backpack.subject, settings, look(workspace), workspace.cache
    )
    assert last.value.header.verdicts[backpack.subject.handle].learned
    unseen = [photo.square(photo.side) for photo in backpack.unseen]
    plain, learned = (
        pictures(
            backbone,
            Recipe(f"{name} on a blue background", seed=9, count=4, steps=20, guidance=GUIDANCE),
            [last.value],
        )
        for name in (f"a {backpack.subject.noun}", backpack.subject.handle)
    )
    assert judge.likeness(learned, unseen) > judge.likeness(plain, unseen)
    assert sum(border_colour(picture) == "blue" for picture in learned) >= 3


def two_in_one(side: int = 256) -> PhotoSet:
    """One photo of the backpack and the tractor side by side, masked by a click on each."""
    photo, masks = Image.new("RGB", (side, side), (90, 130, 210)), {}
    for case, left in zip(cases_in(STARTER.parent / "demo")[1:], (0, side // 2), strict=True):
        square = case.photos[0].square(side // 2)
        cut = propose_mask(square, [(0.5, 0.5)])
        corner = (left, side // 4)
        photo.paste(square, corner, cut)
        mask = Image.new("L", photo.size)
        mask.paste(cut, corner)
        masks[case.subject.handle] = (mask,)
    return PhotoSet((photo,), masks)


@pytest.mark.slow
def test_two_subjects_of_one_photo_each_become_a_word(
    backbone: Backbone, judge: Clip, workspace: Workspace
) -> None:
    first, second = cases_in(STARTER.parent / "demo")[1:]
    subject = dataclasses.replace(first.subject, beside=(second.subject,))
    method = METHODS["break_a_scene"]
    settings = workspace.tuned(method.card()).parse({})
    *_, last = train(method, backbone, two_in_one(), subject, settings, look(workspace), workspace.cache)
    report = last.value.header.report
    alike = {}
    for case in (first, second):
        handle = case.subject.handle
        assert report[f"map IoU of {handle}"] > report[f"map IoU of {handle} before"]
        recipe = Recipe(f"{handle} on a blue background", seed=9, count=4, steps=20, guidance=GUIDANCE)
        painted = pictures(backbone, recipe, [last.value])
        for other in (first, second):
            photos = [photo.square(photo.side) for photo in other.photos]
            alike[handle, other.subject.handle] = judge.likeness(painted, photos)
    for mine, theirs in ((first, second), (second, first)):
        own = alike[mine.subject.handle, mine.subject.handle]
        assert own > alike[mine.subject.handle, theirs.subject.handle]


def test_the_prior_holds_the_noun_in_place(backbone: Backbone, backpack: Case, workspace: Workspace) -> None:
    noisy = torch.randn(8, *backbone.latent_shape, generator=torch.Generator().manual_seed(9))
    timesteps = torch.arange(100, 900, 100)
    with torch.no_grad():
        text = backbone.text.read([f"a photo of a {backpack.subject.noun}"]).repeat(8)
        plain = backbone.predict(noisy, timesteps, text)

    def drift(prior_weight: float) -> float:
        settings = {"steps": 40, "batch": 4, "learning_rate": 0.002, "prior_weight": prior_weight}
        settings |= {"class_pictures": 8, "class_steps": 10, "class_guidance": GUIDANCE}
        photos = PhotoSet.of(backpack.photos)
        method = METHODS["dreambooth"]
        *_, last = train(
            method, backbone, photos, backpack.subject, settings, look(workspace), workspace.cache
        )
        with torch.no_grad(), attach(backbone, [ActiveEdit(edit) for edit in last.value.edits]):
            return (backbone.predict(noisy, timesteps, text) - plain).norm().item()

    assert drift(1.0) < drift(0.0)


def test_the_ready_made_concept_opens_and_fits(backbone: Backbone, workspace: Workspace) -> None:
    (path,) = (STARTER.parent / "demo").glob("*.safetensors")
    concept = Concept.open(path)
    concept.check(backbone)
    assert pictures(backbone, look(workspace, f"{concept.header.handle} on a red background"), [concept])
