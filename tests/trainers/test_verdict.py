"""The verdict at the end of a training: what is painted and compared, and that nothing is lost meanwhile."""

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
from trainers.kit.verdict import SCENE, SEEDS, STEPS, Judge

SAMPLING = Sampling(seed=7, steps=2, guidance=8.0)
PROMPT = "a photo of <lily>"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def word(backbone: Backbone, vectors: torch.Tensor) -> Concept:
    header = dataclasses.replace(HEADER, base=backbone.name, fingerprint=backbone.fingerprint)
    return Concept(header, (NewWord("<lily>", "cat", vectors),)).round_to_file()


def judged(judge: Judge, concept: Concept) -> tuple[list[Event], Verdict]:
    """Return the events on the way, and the verdict."""
    yielded: list[Event] = []
    events = judge.judge(concept)
    while True:
        try:
            yielded.append(next(events))
        except StopIteration as stop:
            return yielded, stop.value["<lily>"]


def test_a_word_that_is_its_noun_has_no_effect(backbone: Backbone) -> None:
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    events, verdict = judged(Judge(backbone, tiny.photos(), [PROMPT], SAMPLING), concept)
    assert verdict.likeness == pytest.approx(0.0, abs=1e-3) and verdict.obeyed == pytest.approx(1.0, abs=1e-2)
    assert verdict.strange == pytest.approx(1.0, abs=1e-3) and verdict.contrast == pytest.approx(
        1.0, abs=1e-3
    )
    assert verdict.word == "weak" and verdict.photos == len(tiny.photos())
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.step for step in steps] == list(range(1, 1 + steps[0].steps))
    assert len(steps) == 4 * STEPS


def test_it_compares_what_generate_paints_with_the_concept_and_with_its_noun(backbone: Backbone) -> None:
    drawn = torch.randn(1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    concept, judge = word(backbone, 5 * drawn), Judge(backbone, tiny.photos(), [PROMPT], SAMPLING)
    judged(judge, concept)
    scene = f"{PROMPT} {SCENE}"
    assert list(judge.painted) == [(PROMPT, 1.0), (scene, 1.0), (PROMPT, 0.0), (scene, 0.0)]
    for (text, strength), latents in judge.painted.items():
        prompt = text if strength else text.replace("<lily>", "cat")
        sampling = Sampling(seed=7, steps=STEPS, guidance=8.0, count=SEEDS)
        painted = [
            np.asarray(event.value.image).astype(int)
            for event in generate(backbone, sampling.with_prompt(prompt), [concept])
            if isinstance(event, Result)
        ]
        pictures = backbone.decode(latents)
        assert len(painted) == len(pictures) == SEEDS
        for one, other in zip(pictures, painted, strict=True):
            # painted together and one by one, pictures may differ by a rounding
            assert np.abs(np.asarray(one).astype(int) - other).max() <= 1


def test_the_noun_is_painted_once_for_several_concepts_of_a_training(backbone: Backbone) -> None:
    drawn = torch.randn(1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    judge = Judge(backbone, tiny.photos(), [PROMPT], SAMPLING)
    judged(judge, word(backbone, drawn))
    events, second = judged(judge, word(backbone, 5 * drawn))
    assert len(events) == 2 * STEPS
    assert second == judged(Judge(backbone, tiny.photos(), [PROMPT], SAMPLING), word(backbone, 5 * drawn))[1]


def test_pictures_that_are_no_numbers_are_broken(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    concept = word(backbone, backbone.text.initial_vectors("cat", 1))
    whole = BaseFeatures.cells_and_errors

    def broken(encoder: BaseFeatures, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells, errors = whole(encoder, latents)
        return cells * float("nan"), errors

    monkeypatch.setattr(BaseFeatures, "cells_and_errors", broken)
    judge = Judge(backbone, tiny.photos(), [PROMPT], SAMPLING)
    *_, note = verdicts.judge_concept(judge, concept)
    assert isinstance(note, Note) and note.text.startswith("Broken: the pictures are no longer numbers.")


def test_one_photo_is_enough(backbone: Backbone) -> None:
    photos = PhotoSet(tiny.photos().squares[:1])
    _, verdict = judged(
        Judge(backbone, photos, [PROMPT], SAMPLING), word(backbone, torch.ones(1, tiny.WIDTH))
    )
    assert verdict.photos == 1 and verdict.is_finite


def training(backbone: Backbone, cache: Path) -> Iterator[Event]:
    settings = {"steps": 3, "batch": 1, "learning_rate": 0.05}
    subject = Subject("<lily>", "cat")
    return train(METHODS["textual_inversion"], backbone, tiny.photos(), subject, settings, SAMPLING, cache)


def test_the_verdict_is_in_the_file(backbone: Backbone, tmp_path: Path) -> None:
    *events, last = training(backbone, tmp_path)
    verdict = last.value.header.verdicts["<lily>"]
    assert verdict.seeds == SEEDS and backbone.fingerprint[:8] in verdict.encoder
    assert Note(verdict.summary(last.value.header.settings)) in events
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
