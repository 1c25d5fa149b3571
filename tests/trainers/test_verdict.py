"""The verdict at the end of a training: what it measures, and that nothing is lost while it is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.concepts.verdict import Verdict
from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.models.base_features import BaseFeatures
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from tests.edits.test_concept import HEADER
from trainers import METHODS, train
from trainers.kit import verdict as verdicts

SAMPLING = Sampling(seed=7, steps=2, guidance=8.0)
PROMPT = "a photo of <lily>"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def word(backbone: Backbone, vectors: torch.Tensor) -> Concept:
    header = dataclasses.replace(HEADER, base=backbone.name, fingerprint=backbone.fingerprint)
    return Concept(header, (NewWord("<lily>", "cat", vectors),)).round_to_file()


def judged(backbone: Backbone, concept: Concept, photos: PhotoSet) -> tuple[list[Event], Verdict]:
    """Return the events on the way, and the verdict."""
    yielded: list[Event] = []
    events = verdicts.judge_concept(backbone, concept, photos, [PROMPT], SAMPLING)
    while True:
        try:
            yielded.append(next(events))
        except StopIteration as stop:
            return yielded, stop.value["<lily>"]


def test_a_word_that_is_its_noun_has_no_effect(backbone: Backbone) -> None:
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    events, verdict = judged(backbone, concept, tiny.photos())
    assert verdict.progress == pytest.approx(0.0, abs=1e-3) and verdict.change == pytest.approx(0.0, abs=1e-3)
    assert not verdict.learned
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.step for step in steps] == list(range(1, 1 + steps[0].steps))
    assert isinstance(events[-1], Note) and "Finished, but weak" in events[-1].text


def test_it_compares_what_generate_paints_with_the_concept_and_with_its_noun(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = torch.randn(1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    concept = word(backbone, 5 * drawn)
    compared: list[list[np.ndarray]] = []
    encode_latents = BaseFeatures.encode_latents

    def spy(encoder: BaseFeatures, latents: torch.Tensor) -> torch.Tensor:
        compared.append([np.asarray(picture).astype(int) for picture in backbone.decode(latents)])
        return encode_latents(encoder, latents)

    monkeypatch.setattr(BaseFeatures, "encode_latents", spy)
    judged(backbone, concept, tiny.photos())
    with_concept, with_noun, _ = compared
    for pictures, prompt in ((with_concept, PROMPT), (with_noun, "a photo of cat")):
        recipe = Sampling(seed=7, steps=verdicts.STEPS, guidance=8.0, count=verdicts.SEEDS).with_prompt(
            prompt
        )
        painted = [
            np.asarray(event.value.image)
            for event in generate(backbone, recipe, [concept])
            if isinstance(event, Result)
        ]
        assert len(painted) == len(pictures) == verdicts.SEEDS
        for one, other in zip(pictures, painted, strict=True):
            # painted together and one by one, pictures may differ by a rounding
            assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(("shift", "learned"), [(0.27, False), (0.31, True), (1.0, True)])
def test_learned_means_further_towards_the_photos_than_the_noise(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch, shift: float, learned: bool
) -> None:
    """Plain nouns at 0 and the photos at 1 along an axis; within each set the standard deviation is 0.29."""
    spread = torch.tensor([-0.25, 0.25, -0.25, 0.25])  # variance 4 * 0.0625 / 3
    across = torch.tensor([0.3, -0.3, 0.1, -0.1])  # at right angles to the axis: no part of the noise

    def features(centre: float) -> torch.Tensor:
        return torch.stack([centre + spread, across, torch.ones(4)], dim=1)

    noise = 0.25 * (4 / 3) ** 0.5
    painted = iter((features(shift), features(0.0)))
    monkeypatch.setattr(BaseFeatures, "encode_latents", lambda encoder, latents: next(painted))
    monkeypatch.setattr(BaseFeatures, "encode", lambda encoder, pictures: features(1.0))
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    events, verdict = judged(backbone, concept, tiny.photos())
    assert verdict.progress == pytest.approx(shift, abs=1e-3)
    assert verdict.noise == pytest.approx(noise, abs=1e-3)
    assert verdict.learned is learned
    assert (f"Learned: pictures moved {shift:.0%}" in events[-1].text) is learned
    assert ("Finished, but weak" in events[-1].text) is not learned


def test_broken_pictures_get_no_verdict(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    monkeypatch.setattr(
        BaseFeatures, "encode_latents", lambda encoder, latents: torch.full((len(latents), 4), torch.nan)
    )
    events = list(verdicts.judge_concept(backbone, concept, tiny.photos(), [PROMPT], SAMPLING))
    assert "broken" in events[-1].text


def training(backbone: Backbone, cache: Path) -> Iterator[Event]:
    settings = {"steps": 3, "batch": 1, "learning_rate": 0.05}
    subject = Subject("<lily>", "cat")
    return train(METHODS["textual_inversion"], backbone, tiny.photos(), subject, settings, SAMPLING, cache)


def test_the_verdict_is_in_the_file(backbone: Backbone, tmp_path: Path) -> None:
    *_, note, last = training(backbone, tmp_path)
    verdict = last.value.header.verdicts["<lily>"]
    assert verdict.seeds == verdicts.SEEDS and backbone.fingerprint[:8] in verdict.encoder
    assert note == Note(verdict.summary(last.value.header.settings))
    last.value.save(tmp_path / "lily.safetensors")
    assert Concept.open(tmp_path / "lily.safetensors").header.verdicts == {"<lily>": verdict}


def test_stopping_while_it_judges_loses_nothing(backbone: Backbone, tmp_path: Path) -> None:
    events = list(training(backbone, tmp_path))
    learned = max(at for at, event in enumerate(events) if isinstance(event, Step) and event.values)
    for stop in (learned + 1, learned + 2, len(events) - 1):
        running = training(backbone, tmp_path)
        for _ in range(stop):
            next(running)
        rest = [running.throw(FinishEarly()), *running]
        assert isinstance(rest[-1], Result) and rest[-1].value.header.steps == 3, stop
