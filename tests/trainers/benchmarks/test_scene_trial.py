"""A scene trial computes its measures as defined, and learns each subject from its own mask."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import trainers.benchmarks.trained_concepts
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event
from studio.models.backbone import Backbone
from studio.photos.photo import Photo
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from trainers import METHODS
from trainers.benchmarks.picture_crops import SUBJECT_GRIDS, grid_crops
from trainers.benchmarks.scene_cases import SceneCase, scenes_in
from trainers.benchmarks.scene_measures import bleed, likeness, subjects_found, told_apart
from trainers.benchmarks.scene_scores import SceneScore, scene_table
from trainers.benchmarks.scene_trial import BASE_ROW, VARIANTS, scene_overlaps, scene_trial
from trainers.benchmarks.variants import Variant

pytestmark = pytest.mark.usefixtures("short_verdict")

SCENES = Path(__file__).resolve().parents[3] / "assets" / "demo" / "scenes"
APART = torch.eye(3)
CLOSE = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
SAMPLING = Sampling(steps=1, guidance=1.0)


def read(text: str) -> Variant:
    return Variant.parse(text, METHODS, {name: method.card() for name, method in METHODS.items()})


def case() -> SceneCase:
    photo = Photo("scene", tiny.pair().squares[0], masks={0: tiny.LEFT, 1: tiny.RIGHT})
    alone = tuple(Image.new("RGB", (48, 48), colour) for colour in ("orange", "green"))
    return SceneCase("pair", photo, Subject("<lily>", "cat", (Subject("<tom>", "dog"),)), alone)


class Colours:
    """An encoder whose features are mean colours; counts the pictures of each call."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def encode(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        self.counts.append(len(pictures))
        means = [np.asarray(picture, dtype=np.float32).mean((0, 1)) for picture in pictures]
        return torch.nn.functional.normalize(torch.tensor(np.stack(means)), dim=1)


# the measures


def test_pictures_like_their_own_photos_are_wholly_alike_and_do_not_bleed() -> None:
    for alone in (APART, CLOSE):
        pictures = alone[:, None].repeat(1, 4, 1)
        assert likeness(pictures, alone) == pytest.approx(1)
        assert bleed(pictures, alone) == pytest.approx(0, abs=1e-6)
        assert told_apart(pictures, alone) == 1


def test_bleeding_is_likeness_to_the_others_beyond_their_own() -> None:
    half = torch.tensor([2**-0.5, 2**-0.5, 0.0])
    pictures = torch.stack([torch.stack([APART[0], half]), APART[1].repeat(2, 1), APART[2].repeat(2, 1)])
    assert likeness(pictures, APART) == pytest.approx((1 + 2**-0.5 + 4) / 6)
    # one of six pairs, in half of its pictures
    assert bleed(pictures, APART) == pytest.approx(2**-0.5 / 2 / 6)
    swapped = CLOSE.flip(0)[:, None]
    assert likeness(swapped, CLOSE) == pytest.approx(0.6) and bleed(swapped, CLOSE) == pytest.approx(0.4)
    assert (
        told_apart(swapped, CLOSE) == 0
        and told_apart(torch.cat([CLOSE[:1], CLOSE[:1]])[:, None], CLOSE) == 0.5
    )


@pytest.mark.parametrize(
    ("features", "present"),
    [
        ([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]], [True, True]),
        ([[1.0, 0.0, 0.0]], [True, False]),
        ([[0.0, 0.0, 1.0]], [False, False]),
        ([[0.5, 0.0, 0.75**0.5], [0.6, 0.8, 0.0]], [False, True]),  # nearest, but less like than the other is
        ([[0.8, 0.6, 0.0]], [False, True]),  # cosines 0.8 and 0.96: one crop is one subject at most
    ],
)
def test_a_subject_is_found_in_a_crop_that_is_more_like_it_than_the_others_are(
    features: list[list[float]], present: list[bool]
) -> None:
    assert subjects_found(torch.tensor(features), CLOSE).tolist() == present


def test_the_crops_of_a_picture_are_squares_all_over_it() -> None:
    picture = Image.fromarray(np.arange(64 * 64, dtype=np.uint32).reshape(64, 64).astype(np.uint8))
    made = grid_crops(picture, SUBJECT_GRIDS)
    assert len(made) == 25 + 16 + 9 + 1 and all(crop.width == crop.height for crop in made)
    assert made[-1].tobytes() == picture.tobytes()
    corners = [picture.crop(box).tobytes() for box in ((0, 0, 26, 26), (38, 38, 64, 64))]
    assert all(corner in [crop.tobytes() for crop in made] for corner in corners)


# the trial


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_subjects_are_learned_together_or_each_under_its_own_mask(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, train = [], trainers.benchmarks.trained_concepts.train

    def spy(method: Any, backbone: Any, photos: Any, subject: Subject, *rest: Any) -> Iterator[Event]:
        boxes = {handle: mask.getbbox() for handle, (mask,) in photos.masks.items()}
        learned.append((list(subject.handles), boxes))
        yield from train(method, backbone, photos, subject, *rest)

    monkeypatch.setattr(trainers.benchmarks.trained_concepts, "train", spy)
    quick = "steps=2 rank=1 prior_weight=0 word_rate=0.1"
    variants = [read(f"break_a_scene {quick}"), read("textual_inversion steps=1 batch=1")]
    encoder = Colours()
    *_, last = scene_trial(backbone, encoder, [case()], variants, SAMPLING, tmp_path, seeds=2)
    boxes = {"<lily>": tiny.LEFT.getbbox(), "<tom>": tiny.RIGHT.getbbox()}
    alone = [([handle], {handle: box}) for handle, box in boxes.items()]
    assert learned == [(["<lily>", "<tom>"], boxes), *alone]
    assert encoder.counts == [2, 4, 4, 51, 51, 51, 51] * 3
    plain, scene, words = last.value
    assert [score.method for score in last.value] == [BASE_ROW, *(variant.text for variant in variants)]
    assert {score.pictures for score in last.value} == {12}
    assert plain.size_bytes == 0 < words.size_bytes < scene.size_bytes
    assert len(list((tmp_path / "pair" / "plain").glob("*.png"))) == 12
    concept = Concept.open(tmp_path / "pair" / variants[0].concept_folder / "concept.safetensors")
    before = [concept.header.report[f"map IoU of {handle} before"] for handle in boxes]
    assert plain.own_mask == pytest.approx(sum(before) / 2, abs=1e-4)
    now = [concept.header.report[f"map IoU of {handle}"] for handle in boxes]
    assert scene.own_mask == pytest.approx(sum(now) / 2, abs=1e-4)
    *_, again = scene_trial(backbone, None, [case()], variants, SAMPLING, tmp_path, seeds=2)
    assert again.value == last.value and len(learned) == 3
    *_, fewer = scene_trial(backbone, encoder, [case()], variants, SAMPLING, tmp_path, seeds=1)
    assert {score.pictures for score in fewer.value} == {6} and len(learned) == 3


def test_a_scene_painted_otherwise_is_measured_anew(backbone: Backbone, tmp_path: Path) -> None:
    encoder, other = Colours(), dataclasses.replace(SAMPLING, seed=SAMPLING.seed + 1)
    for sampling in (SAMPLING, SAMPLING, other):
        list(scene_trial(backbone, encoder, [case()], [], sampling, tmp_path, seeds=1))
    assert len(encoder.counts) == 2 * 5  # the second time everything is there


def test_a_score_with_the_fields_of_another_version_is_measured_anew(
    backbone: Backbone, tmp_path: Path
) -> None:
    *_, first = scene_trial(backbone, Colours(), [case()], [], SAMPLING, tmp_path, seeds=1)
    path = tmp_path / "pair" / "plain" / "score.json"
    new = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**new, "present": new.pop("all_present")}), encoding="utf-8")
    *_, again = scene_trial(backbone, Colours(), [case()], [], SAMPLING, tmp_path, seeds=1)
    assert again.value == first.value and "present" not in json.loads(path.read_text(encoding="utf-8"))


def test_the_attention_of_handles_is_compared_with_every_mask(backbone: Backbone) -> None:
    maps = scene_overlaps(backbone, case(), [])
    assert maps.shape == (2, 2) and ((maps >= 0) & (maps <= 1)).all() and not torch.equal(maps, maps.T)


def test_the_table_has_means_and_intervals_over_scenes() -> None:
    scores = [
        SceneScore(name, "a", 12, value, 0.1, 0.9, 1.0, 0.5, 0.2, 10.0, 2000)
        for name, value in zip("xy", (0.4, 0.6), strict=True)
    ]
    scores.append(SceneScore("x", BASE_ROW, 12, 0.3, 0.0, 0.5, 0.5, 0.1, 0.1))
    head, _, row, plain = scene_table(scores).splitlines()
    assert head.split(" | ")[1:7] == ["scenes", "pictures", "likeness", "bleed", "told apart", "all present"]
    assert row.startswith("| a | 2 | 24 | 0.500 ± 1.271 | 0.100 ± 0.000 | 0.900 ± 0.000 |")
    assert row.endswith("| 2 kB | 10 |")
    assert plain.startswith(f"| {BASE_ROW} | 1 | 12 | 0.300 |") and plain.endswith("|  |  |")


# the starter's scenes


def test_six_scenes_come_with_the_studio() -> None:
    cases = scenes_in(SCENES)
    assert len(cases) >= 6 and sum(len(each.alone) == 3 for each in cases) >= 2
    world = json.loads((SCENES.parents[1] / "starter" / "world.json").read_text(encoding="utf-8"))
    unseen = {name.split("/")[1] for name in world["left_out"]}
    for each in cases:
        assert len(each.alone) == len(each.photo.masks) == len(each.subject.handles)
        assert set(each.subject.handles.values()) <= unseen
        masks = np.stack([np.asarray(mask) > 0 for mask in each.photo.masks.values()])
        assert masks.any((1, 2)).all() and masks.sum(0).max() == 1
    assert sum(path.stat().st_size for path in SCENES.rglob("*.*")) < 400_000


def test_every_way_of_taking_apart_can_be_read() -> None:
    assert len({read(text).picture_folder for text in VARIANTS}) == len(VARIANTS)


def test_a_folder_without_scenes_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"no scenes\.json"):
        scenes_in(tmp_path)
    entry = {"name": "x", "photo": "x.png", "subjects": [{"handle": "<a>", "noun": "cat", "alone": "x.png"}]}
    (tmp_path / "scenes.json").write_text(json.dumps([entry]), encoding="utf-8")
    case().photo.image.save(tmp_path / "x.png")
    with pytest.raises(StudioError, match="A mask of the scene x is missing"):
        scenes_in(tmp_path)
