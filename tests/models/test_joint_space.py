"""The CLIP beside a base: opened from its folder, with the base's words, read at the end token."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from studio.models.backbone import Backbone
from studio.models.joint_space import JointSpace
from tests import tiny, tiny_clip


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    made = tiny.backbone()
    made.folder = tmp_path
    return made


def save_clip(backbone: Backbone, folder: Path) -> None:
    """Save both halves as one model of transformers."""
    text, vision = tiny_clip.halves(backbone)
    config = CLIPConfig(
        text_config=text.config.to_dict(),
        vision_config=vision.config.to_dict(),
        projection_dim=tiny_clip.FEATURES,
    )
    model = CLIPModel(config)
    state = {**text.state_dict(), **vision.state_dict()}
    missing = model.load_state_dict(state, strict=False)
    assert missing.missing_keys == ["logit_scale"] and not missing.unexpected_keys
    model.save_pretrained(folder)


def test_it_is_opened_from_the_folder_of_the_base(backbone: Backbone, tmp_path: Path) -> None:
    assert JointSpace.beside(backbone) is None
    save_clip(backbone, tmp_path / "clip")
    opened, made = JointSpace.beside(backbone), tiny_clip.joint_space(backbone)
    assert opened is not None
    words = {"<x>": backbone.text.embeddings_of("dog")}
    prompts = ["a photo of <x>", "a blue <x>"]
    assert torch.allclose(
        opened.prompt_features(prompts, words), made.prompt_features(prompts, words), atol=1e-6
    )
    seen = opened.picture_features(tiny.photos(3).squares)
    assert seen.shape == (3, tiny_clip.FEATURES) and torch.allclose(seen.norm(dim=1), torch.ones(3))


def test_a_clip_of_another_vocabulary_is_none_of_the_base(backbone: Backbone, tmp_path: Path) -> None:
    save_clip(backbone, tmp_path / "clip")
    other = tiny.backbone(seed=1)
    other.folder = tmp_path
    assert JointSpace.beside(other) is None


def test_prompts_are_read_at_the_first_end_token(backbone: Backbone) -> None:
    """Whatever the config says: 2, as in published files, is read as the largest id, which may be another."""
    space = tiny_clip.joint_space(backbone)
    words = {"<x>": backbone.text.embeddings_of("dog")}
    prompts = ["a <x> on blue", "a <x> on background", "a dog on blue"]
    one, other, plain = space.prompt_features(prompts, words)
    assert torch.allclose(one, plain, atol=1e-6) and not torch.allclose(one, other, atol=1e-3)
    tokens = backbone.text.tokenize("a dog on blue")
    read = space.text(input_ids=torch.tensor([tokens.ids])).last_hidden_state[0, tokens.end]
    by_hand = space.text.text_projection(read)
    assert torch.allclose(plain, by_hand / by_hand.norm(), atol=1e-6)
