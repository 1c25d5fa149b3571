"""Class pictures of several prompts: each is painted and drawn by itself, in turns."""

from __future__ import annotations

from pathlib import Path

import torch

from tests import tiny
from trainers.kit.class_pictures import ClassPictureSettings

PROMPTS = ["a photo of a cat", "a photo of a dog"]


def test_a_step_draws_from_one_prompt_and_all_have_their_turn(tmp_path: Path) -> None:
    backbone = tiny.backbone()
    settings = ClassPictureSettings(class_pictures=3, class_steps=1)
    pictures = settings.class_pictures_in_turn(backbone, PROMPTS)
    assert [one.count for one in pictures.sets] == [2, 2] and pictures.work_ahead(tmp_path) == 4
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
