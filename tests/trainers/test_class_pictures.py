"""Class pictures of several prompts: each is painted and drawn by itself, in turns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studio.edits import attach
from studio.subject import Subject
from tests import tiny
from tests.trainers.steps import attached_edits
from trainers.dreambooth import DreamBooth, Settings
from trainers.kit.batches import Batch
from trainers.kit.class_pictures import ClassPictureSettings
from trainers.kit.processes import Processes

PROMPTS = ["a photo of a cat", "a photo of a dog"]


def test_a_step_draws_from_one_prompt_and_all_have_their_turn(tmp_path: Path) -> None:
    backbone = tiny.backbone()
    settings = ClassPictureSettings(class_pictures=3, class_steps=1)
    pictures = settings.class_pictures_in_turn(backbone, PROMPTS)
    assert [one.pictures.count for one in pictures.sets] == [2, 2] and pictures.work_ahead(tmp_path) == 4
    list(pictures.prepare(tmp_path))
    assert pictures.work_ahead(tmp_path) == 0
    batches = [pictures.draw(2, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert all(len(batch) == 2 and len(batch.prompts) == 1 for batch in batches)
    expected = {tuple(tokens.ids) for tokens in backbone.text.tokenize_all(PROMPTS).tokens}
    assert {tuple(batch.prompts.tokens[0].ids) for batch in batches} == expected


def test_one_prompt_draws_as_it_does_alone(tmp_path: Path) -> None:
    backbone, settings = tiny.backbone(), ClassPictureSettings(class_pictures=2, class_steps=1)
    alone = settings.class_pictures_of(backbone, PROMPTS[0])
    pictures = settings.class_pictures_in_turn(backbone, PROMPTS[:1])
    list(alone.prepare(tmp_path)), list(pictures.prepare(tmp_path))
    first, second = (one.draw(2, torch.Generator().manual_seed(5)) for one in (alone, pictures))
    assert torch.equal(first.noise, second.noise) and torch.equal(first.latents, second.latents)


@pytest.mark.parametrize(
    ("share", "photos", "pictures"),
    [(1, 1, 1), (1, 6, 6), (0.34, 6, 2), (0.34, 3, 1), (0.05, 4, 1), (1.5, 2, 3)],
)
def test_a_step_has_its_share_of_class_pictures(
    tmp_path: Path, share: float, photos: int, pictures: int
) -> None:
    settings = ClassPictureSettings(class_pictures=2, class_steps=1, class_share=share)
    made = settings.class_pictures_in_turn(tiny.backbone(), PROMPTS)
    list(made.prepare(tmp_path))
    assert len(made.draw(photos, torch.Generator().manual_seed(0))) == pictures


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize(
    ("photos", "pictures", "processes"), [(4, 4, 2), (5, 3, 2), (6, 2, 4), (3, 1, 3), (2, 4, 2), (8, 3, 2)]
)
def test_processes_that_share_a_step_have_the_prior_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: int, pictures: int, processes: int, parts: int
) -> None:
    """Shares of any sizes add up to the terms of the whole step, where photos and class pictures differ.

    So they do where each of them is divided once more, since the memory of a device is short.
    """
    backbone = tiny.backbone()
    settings = Settings(
        batch=photos, class_share=pictures / photos, class_pictures=2, class_steps=1, prior_weight=0.5
    )
    method = DreamBooth(backbone, Subject("<lily>", "cat"), settings, torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), tmp_path))
    monkeypatch.setattr(backbone, "target", lambda latents, noise, timesteps: torch.zeros_like(latents))
    monkeypatch.setattr(backbone, "predict", lambda noisy, timesteps, words: noisy)
    with attach(backbone, attached_edits(method)):
        whole = method.draw(torch.Generator().manual_seed(1))
        assert whole.prior is not None and len(whole.prior) == pictures
        expected, found = method.loss(whole), dict.fromkeys(("denoising", "prior"), 0.0)
        for index in range(processes):
            share = Batch(whole).share_of(Processes(processes, index))
            for part in share.parts(parts):
                for name, term in method.loss(part.method).items():
                    found[name] += part.weight * term.item() / processes
    assert found == pytest.approx({name: term.item() for name, term in expected.items()}, rel=1e-5)
