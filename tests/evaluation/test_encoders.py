"""Image encoders against the libraries of their models: random weights, nothing downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
import torch.nn.functional as F
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torchvision import transforms

from studio.errors import StudioError
from studio.evaluation.encoders import open_encoders
from studio.models.base_features import BaseFeatures
from studio.models.clip import Clip
from studio.models.dino import PREPROCESS, Dino
from tests import tiny

CLIP = "ViT-B-32"
PROMPTS = ["a dog in the jungle", "a sks dog in the jungle", "a red teapot"]


@pytest.fixture(scope="module")
def reference() -> torch.nn.Module:
    torch.manual_seed(0)
    return open_clip.create_model(CLIP).eval()


@pytest.fixture(scope="module")
def checkpoint(reference: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "weights.pt"
    torch.save(reference.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def clip(checkpoint: Path) -> Clip:
    return Clip.of_open_clip(CLIP, checkpoint)


def pictures() -> list[Image.Image]:
    """Noise in three shapes, one of them grey."""
    random = np.random.default_rng(0)
    shapes = [(224, 224, 3), (301, 417, 3), (500, 260, 3), (90, 64)]
    return [Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]


def test_pictures_are_encoded_as_by_open_clip(reference: torch.nn.Module, clip: Clip) -> None:
    transform = image_transform_v2(PreprocessCfg(**reference.visual.preprocess_cfg), is_train=False)
    pixels = torch.stack([transform(picture) for picture in pictures()])
    assert torch.allclose(clip.preprocess(pictures()), pixels, atol=1e-5)
    with torch.no_grad():
        expected = F.normalize(reference.encode_image(pixels), dim=1)
    assert torch.allclose(clip.encode(pictures()), expected, atol=1e-5)


def test_prompts_are_encoded_as_by_open_clip(reference: torch.nn.Module, clip: Clip) -> None:
    with torch.no_grad():
        expected = F.normalize(reference.encode_text(open_clip.get_tokenizer(CLIP)(PROMPTS)), dim=1)
    assert torch.allclose(clip.encode_text(PROMPTS), expected, atol=1e-5)


def test_a_meaningless_word_in_the_prompt_changes_the_agreement(clip: Clip) -> None:
    removed, left = (clip.agreement(pictures(), prompt) for prompt in PROMPTS[:2])
    assert abs(removed - left) > 1e-4


def test_the_name_is_the_model_and_a_hash_of_its_weights(clip: Clip, checkpoint: Path) -> None:
    assert clip.name.startswith(f"{CLIP} [") and str(checkpoint) not in clip.name
    before = clip.name
    with torch.no_grad():
        clip.model.logit_scale.add_(1)
        assert clip.name != before
        clip.model.logit_scale.sub_(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ViT-B-32", "is not understood"),
        ("openai=weights.pt", "open_clip has no model called 'openai'"),
        ("ViT-B-32=nowhere.pt", "There is no nowhere.pt"),
        ("ViT-S-32={checkpoint}", "cannot be opened as ViT-S-32"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_words(text: str, message: str, checkpoint: Path) -> None:
    with pytest.raises(StudioError, match=message):
        open_encoders(tiny.backbone(), clip=text.format(checkpoint=checkpoint))


def test_pictures_are_encoded_as_by_timm(tmp_path: Path) -> None:
    torch.manual_seed(0)
    reference = timm.create_model("vit_small_patch16_224.dino", num_classes=0).eval()
    torch.save(reference.state_dict(), tmp_path / "dino.pth")
    transform = transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(PREPROCESS.mean, PREPROCESS.std),
        ]
    )
    pixels = torch.stack([transform(picture.convert("RGB")) for picture in pictures()])
    assert torch.allclose(PREPROCESS(pictures()), pixels, atol=1e-5)
    with torch.no_grad():
        expected = F.normalize(reference(pixels), dim=1)
    encoders = open_encoders(tiny.backbone(), dino=str(tmp_path / "dino.pth"))
    assert torch.allclose(encoders.structure.encode(pictures()), expected, atol=1e-5)
    with pytest.raises(StudioError, match="cannot be opened as vit_tiny"):
        Dino.open(tmp_path / "dino.pth", "vit_tiny_patch16_224")


def test_features_of_the_base_leave_it_unchanged() -> None:
    backbone = tiny.backbone(levels=2)
    before = tiny.weights(backbone)
    encoders = open_encoders(backbone)
    assert isinstance(encoders.subject, BaseFeatures) and encoders.text is None
    squares = list(tiny.photos(3).squares)
    features = encoders.subject.encode(squares)
    assert torch.allclose(features.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(
        features[[2, 0, 1]], encoders.subject.encode([squares[2], squares[0], squares[1]]), atol=1e-5
    )
    assert not torch.allclose(features[0], features[1], atol=1e-4)
    assert not backbone.unet.up_blocks[1]._forward_hooks
    assert all(np.array_equal(after, before[name]) for name, after in tiny.weights(backbone).items())
