"""A training ends with a look at what was learned; whatever happens there, what was learned is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.generation.composing import compose_sum
from studio.generation.generate import active_edits
from studio.generation.sampling import sample
from studio.library.verdict import Verdict
from studio.models.backbone import Backbone
from studio.models.base_features import BaseFeatures
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe
from studio.subject import Subject
from tests import tiny
from tests.edits.test_concept import HEADER
from trainers import METHODS, train
from trainers.kit import verdict as closing

LOOK = Recipe("", seed=7, steps=2, guidance=8.0)
PROMPT = "a photo of <lily>"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def word(backbone: Backbone, vectors: torch.Tensor) -> Concept:
    header = dataclasses.replace(HEADER, base=backbone.name, fingerprint=backbone.fingerprint)
    return Concept(header, (NewWord("<lily>", "cat", vectors),)).round_to_file()


def asked(backbone: Backbone, concept: Concept, photos: PhotoSet) -> tuple[list[Event], Verdict]:
    """What is told on the way, and the verdict."""
    told: list[Event] = []
    events = closing.judge_concept(backbone, concept, photos, [PROMPT], LOOK)
    while True:
        try:
            told.append(next(events))
        except StopIteration as stop:
            return told, stop.value["<lily>"]


def test_a_word_that_is_its_noun_has_no_effect(backbone: Backbone) -> None:
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    told, verdict = asked(backbone, concept, tiny.photos())
    assert verdict.progress == pytest.approx(0.0, abs=1e-3) and verdict.change == pytest.approx(0.0, abs=1e-3)
    assert not verdict.learned
    steps = [event for event in told if isinstance(event, Step)]
    assert [step.step for step in steps] == list(range(1, 1 + steps[0].steps))
    assert isinstance(told[-1], Note) and "Finished, but weak" in told[-1].text


def test_a_word_that_paints_the_photos_themselves_is_learned(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = torch.randn(1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    concept = word(backbone, 5 * drawn)
    recipe = dataclasses.replace(LOOK, prompt=PROMPT, steps=closing.STEPS)
    actives = active_edits(recipe, [concept])
    conditions = compose_sum(backbone, ["", PROMPT], actives)
    *_, painted = sample(backbone, recipe, conditions, [7, 8, 9, 10])
    # a random autoencoder forgets what it encodes: the photos' latents are given instead
    monkeypatch.setattr(BaseFeatures, "encode", lambda eye, pictures: eye.encode_latents(painted))
    told, verdict = asked(backbone, concept, tiny.photos())
    assert verdict.progress == pytest.approx(1.0, abs=1e-3) and verdict.learned
    assert "Learned: pictures moved 100%" in told[-1].text


def test_broken_pictures_get_no_verdict(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    monkeypatch.setattr(
        BaseFeatures, "encode_latents", lambda eye, latents: torch.full((len(latents), 4), torch.nan)
    )
    events = list(closing.judge_concept(backbone, concept, tiny.photos(), [PROMPT], LOOK))
    assert "broken" in events[-1].text


def training(backbone: Backbone, cache: Path) -> Iterator[Event]:
    settings = {"steps": 3, "batch": 1, "learning_rate": 0.05}
    subject = Subject("<lily>", "cat")
    return train(METHODS["textual_inversion"], backbone, tiny.photos(), subject, settings, LOOK, cache)


def test_the_verdict_is_in_the_file(backbone: Backbone, tmp_path: Path) -> None:
    *_, note, last = training(backbone, tmp_path)
    verdict = last.value.header.verdicts["<lily>"]
    assert verdict.seeds == closing.SEEDS and backbone.fingerprint[:8] in verdict.encoder
    assert note == Note(verdict.summary(last.value.header.settings))
    last.value.save(tmp_path / "lily.safetensors")
    assert Concept.open(tmp_path / "lily.safetensors").header.verdicts == {"<lily>": verdict}


def test_stopping_while_it_looks_keeps_what_was_learned(backbone: Backbone, tmp_path: Path) -> None:
    events = list(training(backbone, tmp_path))
    learned = max(at for at, event in enumerate(events) if isinstance(event, Step) and event.values)
    for stop in (learned + 1, learned + 2, len(events) - 1):
        running = training(backbone, tmp_path)
        for _ in range(stop):
            next(running)
        rest = [running.throw(FinishEarly()), *running]
        assert isinstance(rest[-1], Result) and rest[-1].value.header.steps == 3, stop
