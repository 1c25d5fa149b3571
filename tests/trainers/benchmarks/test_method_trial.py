"""A method trial measures all prompts and seeds and the control row, and nothing twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from studio.errors import StudioError
from studio.models.patch_judge import Seen
from studio.photos.photo import Photo
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from trainers import METHODS
from trainers.__main__ import main
from trainers.benchmarks import trained_concepts
from trainers.benchmarks.method_scores import MethodScore, method_table
from trainers.benchmarks.method_trial import BASE_ROW, Case, cases_in, method_trial, part_of, shown_to
from trainers.benchmarks.trial_sheet import GAP, LABEL, LINE, SIDE, trial_sheet
from trainers.benchmarks.variants import Variant

pytestmark = pytest.mark.usefixtures("short_verdict")

PROMPTS = ("{} on blue", "{} on dog")


def read(text: str) -> Variant:
    return Variant.parse(text, METHODS, {name: method.card() for name, method in METHODS.items()})


class Counter:
    """An encoder to which all pictures are alike, and every picture agrees most with the favourite prompt."""

    def __init__(self, favourite: str) -> None:
        self.favourite = favourite
        self.encoded: list[int] = []
        self.prompts: list[str] = []

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        self.encoded.append(len(pictures))
        return torch.tensor([[0.6, 0.8]]).repeat(len(pictures), 1)

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        self.prompts += prompts
        return torch.stack([torch.tensor([0.6, 0.8] if self.favourite in p else [1.0, 0.0]) for p in prompts])


def test_every_prompt_and_seed_is_encoderd_against_unseen_photos(tmp_path: Path) -> None:
    photos = tuple(Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos(3).squares))
    cases = [Case(Subject("<lily>", "cat"), photos[:2], photos[2:])]
    variants = [read("textual_inversion steps=2")]
    sampling = Sampling(steps=1, guidance=1.0)
    encoder = Counter("on blue")
    *_, last = method_trial(
        tiny.backbone(), encoder, cases, variants, sampling, tmp_path, seeds=2, prompts=PROMPTS
    )
    base, learned = last.value
    assert (base.method, learned.method) == (BASE_ROW, "textual_inversion steps=2")
    assert encoder.encoded == [1, 2, 2] * 2  # the unseen photo, then the pictures of each prompt
    assert base.obeyed == learned.obeyed == 0.5
    assert learned.likeness == pytest.approx(1.0) and learned.agreement == pytest.approx((1.0 + 0.6) / 2)
    assert encoder.prompts == ["a cat on blue", "a cat on dog"] * 2
    assert learned.size_bytes > 0 and base.size_bytes == 0
    again = Counter("nothing")
    *_, last = method_trial(
        tiny.backbone(), again, cases, variants, sampling, tmp_path, seeds=2, prompts=PROMPTS
    )
    assert last.value == [base, learned] and again.encoded == []
    *_, last = method_trial(
        tiny.backbone(), again, cases, variants, sampling, tmp_path, seeds=1, prompts=PROMPTS
    )
    assert [score.pictures for score in last.value] == [2, 2]  # of another number of seeds: measured anew


@pytest.mark.parametrize(
    ("change", "trained"),
    [
        ({}, 0),
        ({"sampling": Sampling(seed=5, steps=1, guidance=1.0)}, 1),
        ({"sampling": Sampling(steps=1, guidance=2.0)}, 0),
        ({"backbone": "another"}, 1),
        ({"prompts": ("{} on dog", "{} on blue")}, 0),
    ],
    ids=["nothing", "seed", "guidance", "base", "prompts"],
)
def test_what_was_made_with_something_else_is_made_anew(
    change: dict[str, Any], trained: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tuple(Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos(2).squares))
    trial = {
        "backbone": tiny.backbone(),
        "cases": [Case(Subject("<lily>", "cat"), photos)],
        "variants": [read("textual_inversion steps=1 batch=1")],
        "sampling": Sampling(steps=1, guidance=1.0),
        "folder": tmp_path,
        "seeds": 1,
        "prompts": PROMPTS,
    }
    if "backbone" in change:
        change = {"backbone": tiny.backbone(seed=1)}
    list(method_trial(encoder=Counter("on blue"), **trial))
    calls, train = [], trained_concepts.train
    monkeypatch.setattr(trained_concepts, "train", lambda *given: calls.append(given) or train(*given))
    encoder = Counter("on blue")
    list(method_trial(encoder=encoder, **{**trial, **change}))
    assert bool(encoder.encoded) is bool(change) and len(calls) == trained


class Eye:
    """A judge to whom every second picture shows the subject, cleanly."""

    name = "eye"

    def see(self, pictures: Sequence[Image.Image]) -> Seen:
        unit = torch.nn.functional.one_hot(torch.arange(len(pictures)) % 2, 2).float()
        return Seen(unit, unit[:, None], torch.full((len(pictures), 1), 20.0), unit[:, 0])


def test_subject_and_cleanliness_are_measured_where_a_judge_sees_patches(tmp_path: Path) -> None:
    photos = tuple(Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos(3).squares))
    cases = [Case(Subject("<lily>", "cat"), photos[:2], photos[2:])]
    trial = tiny.backbone(), Counter("on blue"), cases, [], Sampling(steps=1, guidance=1.0), tmp_path
    *_, last = method_trial(*trial, seeds=2, prompts=PROMPTS)
    assert last.value[0].subject is None and "cleanliness" not in method_table(last.value)
    *_, last = method_trial(*trial, seeds=2, prompts=PROMPTS, judge=Eye())  # measured anew, with the judge
    assert (last.value[0].subject, last.value[0].cleanliness) == (0.5, 0.5)
    assert "| subject | cleanliness | file |" in method_table(last.value).splitlines()[0]


def test_a_method_that_needs_masks_learns_from_one_photo_with_a_mask_and_all_are_on_a_sheet(
    tmp_path: Path,
) -> None:
    photos = tuple(Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos(3).squares))
    case = Case(Subject("<lily>", "cat"), photos[:2], photos[2:])
    assert shown_to(METHODS["dreambooth"], case) == case.photos
    (masked,) = shown_to(METHODS["break_a_scene"], case)
    mask = masked.square_mask(0, 48)
    assert mask is not None and 0 < mask.resize((1, 1)).getpixel((0, 0)) < 255
    marked = dataclasses.replace(case, photos=(masked,))
    assert shown_to(METHODS["break_a_scene"], marked) == (masked,)  # one's own mask is kept

    variants = [read("textual_inversion steps=2"), read("break_a_scene steps=2 class_pictures=1")]
    for folder, colour in zip(("plain-noun", *(one.picture_folder for one in variants)), "rgb", strict=True):
        place = tmp_path / "lily" / folder
        place.mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (16, 16), {"r": "red", "g": "green", "b": "blue"}[colour]).save(
                place / f"{number}-0.png"
            )
    sheet = trial_sheet(tmp_path, [case], variants, PROMPTS)
    left, top = LABEL + SIDE + GAP, LINE
    rows = [sheet.getpixel((left + SIDE // 2, top + row * SIDE + SIDE // 2)) for row in range(3)]
    assert rows == [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
    (tmp_path / "lily" / "plain-noun" / "1-0.png").unlink()
    holed = trial_sheet(tmp_path, [case], variants, PROMPTS)
    assert holed.getpixel((left + SIDE + SIDE // 2, top + SIDE // 2)) == (255, 255, 255)


def test_the_table_has_means_and_intervals() -> None:
    scores = [
        MethodScore(name, "a", 6, value, 0.5, 1.0, 10.0, 2000) for name, value in (("x", 0.4), ("y", 0.6))
    ]
    row = method_table(scores).splitlines()[-1]
    assert row == "| a | 2 | 12 | 0.500 ± 1.271 | 0.500 ± 0.000 | 1.000 ± 0.000 | 2 kB | 10 |"


def test_the_demo_subjects_are_cases_with_an_unseen_photo() -> None:
    cases = cases_in(Path(__file__).resolve().parents[3] / "assets" / "demo")
    assert len(cases) == 3
    assert all(len(case.photos) == 4 and len(case.unseen) == 1 for case in cases)
    with pytest.raises(StudioError, match=r"no subjects\.json"):
        cases_in(Path(__file__).parent)


def test_parts_share_all_cases() -> None:
    cases = cases_in(Path(__file__).resolve().parents[3] / "assets" / "demo")
    first, second = part_of(cases, "1/2"), part_of(cases, "2/2")
    assert len(first) == 2 and len(second) == 1 and all(case in first + second for case in cases)
    assert part_of(cases, "1/1") == cases
    for text in ("0/2", "3/2", "half", "1", ""):
        with pytest.raises(StudioError, match="cannot be read"):
            part_of(cases, text)
    with pytest.raises(StudioError, match="Nothing is left for the part 4/4: there are 3 to share"):
        part_of(cases, "4/4")


@pytest.mark.parametrize("flags", [["trial", "--seeds", "0"], ["composing", "--prompts", "0"]])
def test_a_comparison_of_nothing_is_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command, *rest = flags
    assert main([command, "assets/demo", *rest]) == 2
    assert "leaves nothing to compare. Give 1 or more." in capsys.readouterr().err


def test_a_variant_is_a_line_of_words() -> None:
    plain, with_knob = (
        read("perfusion lock_keys=false"),
        read("perfusion lock_keys=false @bias=0.4 +prompt_tuning_steps=10"),
    )
    assert plain.settings["lock_keys"] is False and plain.settings == with_knob.settings
    assert (with_knob.knobs, with_knob.refinements) == ({"bias": 0.4}, {"prompt_tuning_steps": 10})
    assert plain.concept_folder == with_knob.concept_folder
    assert plain.picture_folder != with_knob.picture_folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no method called ''"),
        ("oil_painting", "no method called 'oil_painting'"),
        ("perfusion lock_keys", "'lock_keys' cannot be read"),
        ("perfusion @bias=low", "'@bias=low' cannot be read"),
        ("perfusion rank=4", "no setting called 'rank'"),
        ("perfusion steps=0", "Steps of 0 is out of range"),
    ],
)
def test_an_impossible_variant_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(StudioError, match=message):
        read(text)


def test_variants_that_only_paint_differently_share_what_was_learned(tmp_path: Path) -> None:
    photos = tuple(Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos(2).squares))
    cases = [Case(Subject("<lily>", "cat"), photos)]
    variants = [read(f"perfusion steps=1 batch=1 captions=100 @bias={bias}") for bias in (0.2, 0.9)]
    sampling = Sampling(steps=1, guidance=1.0)
    list(method_trial(tiny.backbone(), Counter("blue"), cases, variants, sampling, tmp_path, 1, PROMPTS))
    assert len(list(tmp_path.rglob("concept.safetensors"))) == 1
    assert len(list(tmp_path.rglob("0-0.png"))) == 3
