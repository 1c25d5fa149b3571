"""A training is repeated by its seed, and by nothing but its seed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.edits.concept import Concept
from studio.events import Preview, Result
from studio.models.backbone import Backbone
from tests import tiny
from tests.trainers.battery import SAMPLING, SUBJECT
from trainers import METHODS, train

pytestmark = pytest.mark.usefixtures("short_verdict")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def learned(backbone: Backbone, cache: Path, seed: int) -> tuple[Concept, np.ndarray]:
    """Train Textual Inversion for two steps; return the concept and the preview before the first."""
    sampling = dataclasses.replace(SAMPLING, seed=seed)
    settings = {"steps": 2, "batch": 1, "learning_rate": 0.05}
    method = METHODS["textual_inversion"]
    events = list(train(method, backbone, tiny.photos(), SUBJECT, settings, sampling, cache))
    first = next(event for event in events if isinstance(event, Preview))
    assert isinstance(events[-1], Result)
    return events[-1].value, np.asarray(first.picture)


def test_two_seeds_learn_two_words_and_one_seed_the_same(backbone: Backbone, tmp_path: Path) -> None:
    (one, before), (again, _), (other, other_before) = (
        learned(backbone, tmp_path, seed) for seed in (7, 7, 8)
    )
    vectors = [concept.edits[0].word_vectors for concept in (one, again, other)]
    assert torch.equal(vectors[0], vectors[1]) and not torch.equal(vectors[0], vectors[2])
    assert (one.header.seed, other.header.seed) == (7, 8)
    assert not np.array_equal(before, other_before)


def test_a_concept_holds_exactly_the_numbers_of_its_file(backbone: Backbone, tmp_path: Path) -> None:
    """They are rounded before the last preview and the verdict, so that both show what the file paints."""
    concept, _ = learned(backbone, tmp_path, 7)
    concept.save(tmp_path / "lily.safetensors")
    for own, kept in zip(concept.edits, Concept.open(tmp_path / "lily.safetensors").edits, strict=True):
        assert all(torch.equal(tensor, kept.tensors()[name]) for name, tensor in own.tensors().items())
