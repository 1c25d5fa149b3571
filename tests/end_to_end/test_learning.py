"""On the starter as it ships a subject is learned, and the prior does its work."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.edits import ActiveEdit, attach
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.photos.click_mask import propose_mask
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe
from studio.starter import STARTER
from studio.workspace.workspace import Workspace
from tests.end_to_end.painting import GUIDANCE, border_colour, look, pictures
from trainers import METHODS, train
from trainers.benchmarks.method_trial import Case, cases_in
from trainers.kit import loop


@pytest.fixture(scope="module")
def backpack() -> Case:
    return cases_in(STARTER.parent / "demo")[1]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture(autouse=True)
def no_previews_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint a preview before and after a training only: those between take time and change nothing."""
    monkeypatch.setattr(loop, "PREVIEWS", 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method_id", [id for id, method in METHODS.items() if method.needs.takes_photos_alone]
)
def test_a_quarter_of_the_steps_of_the_default_settings_leaves_a_sound_concept(
    backbone: Backbone, judge: Clip, backpack: Case, workspace: Workspace, method_id: str
) -> None:
    settings = workspace.tuned(METHODS[method_id].card()).parse({})
    settings["steps"] //= 4
    photos = PhotoSet.of(backpack.photos)
    *_, last = train(
        METHODS[method_id], backbone, photos, backpack.subject, settings, look(workspace), workspace.cache
    )
    # whether a person would say that it is learned is asked in `trainers verdicts`, after all steps
    assert last.value.header.verdicts[backpack.subject.handle].word != "broken"
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


@pytest.mark.usefixtures("short_verdict")
def test_the_prior_holds_the_noun_in_place(backbone: Backbone, backpack: Case, workspace: Workspace) -> None:
    noisy = torch.randn(8, *backbone.latent_shape, generator=torch.Generator().manual_seed(9))
    timesteps = torch.arange(100, 900, 100)
    with torch.no_grad():
        text = backbone.text.read([f"a photo of a {backpack.subject.noun}"]).repeat(8)
        plain = backbone.predict(noisy, timesteps, text)

    def drift(prior_weight: float) -> float:
        settings = {"steps": 12, "batch": 2, "learning_rate": 0.002, "prior_weight": prior_weight}
        settings |= {"class_pictures": 4, "class_steps": 8, "class_guidance": GUIDANCE}
        photos = PhotoSet.of(backpack.photos)
        method = METHODS["dreambooth"]
        *_, last = train(
            method, backbone, photos, backpack.subject, settings, look(workspace), workspace.cache
        )
        with torch.no_grad(), attach(backbone, [ActiveEdit(edit) for edit in last.value.edits]):
            return (backbone.predict(noisy, timesteps, text) - plain).norm().item()

    assert drift(1.0) < drift(0.0)
