"""Encodings that depend on the timestep, through `Conditions.at` and the sampler."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit, Edit, NewWord, attach
from studio.edits.kinds import KINDS
from studio.generation.composing import compose_in_regions, compose_sum
from studio.generation.conditions import Conditions, Prompts
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.models.words import TimedVectors, Words
from tests import tiny
from tests.by_hand import word
from tests.generation.two_concepts import NOUNS, RECIPE, halves, prompts

EARLY, LATE = torch.tensor(900), torch.tensor(100)
LILY = Prompts("", "a <lily> on blue")


class TimedWord(Edit):
    """A word of one vector that grows with the timestep: a stand-in for ProSpect or NeTI."""

    kind = "timed"

    def __init__(self, handle: str, noun: str, vector: Tensor) -> None:
        super().__init__(handle, noun)
        self.vector = vector

    def tensors(self) -> dict[str, Tensor]:
        return {f"{self.handle}/vector": self.vector}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        self.vector = tensors[f"{self.handle}/vector"]

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        return cls(handle, noun, tensors[f"{handle}/vector"])

    def is_compatible(self, backbone: Backbone) -> bool:
        return True

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit]) -> Any:
        def vectors(edit: TimedWord) -> TimedVectors:
            return TimedVectors(1, lambda t: (t[:, None, None] / 1000) * edit.vector)

        return partial(backbone.text.new_words, {each.edit.handle: vectors(each.edit) for each in actives})


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture
def timed(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> ActiveEdit:
    monkeypatch.setitem(KINDS, "timed", TimedWord)
    vector = torch.randn(backbone.text.width, generator=torch.Generator().manual_seed(0))
    return ActiveEdit(TimedWord("<lily>", "cat", vector), handles=("<lily>",))


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The timestep of every call of the text encoder, None for a call without."""
    timesteps: list[int | None] = []
    encode = TextReader.encode

    def counted(self: TextReader, batch: Any, t: Tensor | None = None) -> Words:
        timesteps.append(None if t is None else int(t))
        return encode(self, batch, t)

    monkeypatch.setattr(TextReader, "encode", counted)
    return timesteps


def run(backbone: Backbone, conditions: Conditions, steps: int = 3) -> Tensor:
    *_, last = sample(backbone, dataclasses.replace(RECIPE, steps=steps), conditions, [1])
    return last


def test_a_word_is_encoded_as_its_vectors_at_the_timestep(backbone: Backbone, timed: ActiveEdit) -> None:
    conditions = compose_sum(backbone, LILY, [timed])
    assert conditions.is_timed
    for t in (EARLY, LATE):
        fixed = NewWord("<lily>", "cat", (t / 1000) * timed.edit.vector[None])
        with attach(backbone, [ActiveEdit(fixed)]):
            expected = backbone.text.read(LILY.texts).hidden
        assert torch.equal(conditions.at(t).hidden, expected)
    assert not torch.equal(conditions.at(EARLY).hidden, conditions.at(LATE).hidden)


def test_timed_words_are_encoded_anew_at_every_step(
    backbone: Backbone, timed: ActiveEdit, encoded: list[int | None]
) -> None:
    run(backbone, compose_sum(backbone, LILY, [timed]))
    assert encoded == backbone.sampler(3).timesteps.tolist()


def test_other_words_are_encoded_once(backbone: Backbone, encoded: list[int | None]) -> None:
    conditions = compose_sum(backbone, LILY, [ActiveEdit(word(backbone, "<lily>", "cat", 0))])
    assert not conditions.is_timed
    run(backbone, conditions)
    assert encoded == [None]
    assert conditions.at(EARLY) is conditions.at(LATE)


def test_timed_words_reach_the_latents(backbone: Backbone, timed: ActiveEdit) -> None:
    conditions = compose_sum(backbone, LILY, [timed])
    at_the_start = Conditions.of(conditions.at(backbone.sampler(3).timesteps[0]))
    assert not torch.equal(run(backbone, conditions), run(backbone, at_the_start))


def test_one_timed_word_makes_a_picture_with_regions_timed(backbone: Backbone, timed: ActiveEdit) -> None:
    tom = ActiveEdit(word(backbone, "<tom>", "dog", 1), handles=("<tom>",))
    conditions = compose_in_regions(backbone, prompts(), [timed, tom], NOUNS, halves(backbone))
    early, late = (conditions.at(t).hidden for t in (EARLY, LATE))
    length = early.shape[1] // 2
    assert conditions.is_timed
    assert not torch.equal(early[:, :length], late[:, :length])
    assert torch.equal(early[:, length:], late[:, length:])


def test_amendments_of_the_prompts_apply_to_every_reading(backbone: Backbone) -> None:
    def double(words: Words, t: Tensor | None) -> Words:
        return dataclasses.replace(words, hidden=2 * words.hidden)

    edits = [ActiveEdit(word(backbone, handle, noun, 0), handles=(handle,)) for handle, noun in NOUNS.items()]
    plain, amended = (
        compose_in_regions(
            backbone, dataclasses.replace(prompts(), amendments=changes), edits, NOUNS, halves(backbone)
        )
        for changes in ((), ((double, False),))
    )
    assert torch.equal(amended.at(LATE).hidden, 2 * plain.at(LATE).hidden)
    assert not amended.is_timed
    timed = dataclasses.replace(LILY, amendments=((double, True),))
    assert compose_sum(backbone, timed, edits[:1]).is_timed
