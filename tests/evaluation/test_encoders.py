"""Eyes against the libraries whose models they look with: random weights, nothing downloaded."""

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
from studio.models.dino import LENS, Dino
from tests import tiny

CLIP = "ViT-B-32"
PROMPTS = ["a dog in the jungle", "a sks dog in the jungle", "a red teapot"]


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    torch.manual_seed(0)
    return open_clip.create_model(CLIP).eval()


@pytest.fixture(scope="module")
def checkpoint(theirs: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "weights.pt"
    torch.save(theirs.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def judge(checkpoint: Path) -> Clip:
    return Clip.of_open_clip(CLIP, checkpoint)


def pictures() -> list[Image.Image]:
    """Noise in three shapes, one of them grey."""
    random = np.random.default_rng(0)
    shapes = [(224, 224, 3), (301, 417, 3), (500, 260, 3), (90, 64)]
    return [Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]


def test_it_sees_what_open_clip_sees(theirs: torch.nn.Module, judge: Clip) -> None:
    see = image_transform_v2(PreprocessCfg(**theirs.visual.preprocess_cfg), is_train=False)
    pixels = torch.stack([see(picture) for picture in pictures()])
    assert torch.allclose(judge.lens(pictures()), pixels, atol=1e-5)
    with torch.no_grad():
        expected = F.normalize(theirs.encode_image(pixels), dim=1)
    assert torch.allclose(judge.encode(pictures()), expected, atol=1e-5)


def test_it_reads_what_open_clip_reads(theirs: torch.nn.Module, judge: Clip) -> None:
    with torch.no_grad():
        expected = F.normalize(theirs.encode_text(open_clip.get_tokenizer(CLIP)(PROMPTS)), dim=1)
    assert torch.allclose(judge.encode_text(PROMPTS), expected, atol=1e-5)


def test_a_word_that_means_nothing_changes_the_agreement(judge: Clip) -> None:
    removed, left = (judge.agreement(pictures(), prompt) for prompt in PROMPTS[:2])
    assert abs(removed - left) > 1e-4


def test_its_name_is_the_model_and_its_weights(judge: Clip, checkpoint: Path) -> None:
    assert judge.name.startswith(f"{CLIP} [") and str(checkpoint) not in judge.name
    before = judge.name
    with torch.no_grad():
        judge.model.logit_scale.add_(1)
        assert judge.name != before
        judge.model.logit_scale.sub_(1)


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


def test_dino_sees_what_timm_sees(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("vit_small_patch16_224.dino", num_classes=0).eval()
    torch.save(theirs.state_dict(), tmp_path / "dino.pth")
    see = transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(LENS.mean, LENS.std),
        ]
    )
    pixels = torch.stack([see(picture.convert("RGB")) for picture in pictures()])
    assert torch.allclose(LENS(pictures()), pixels, atol=1e-5)
    with torch.no_grad():
        expected = F.normalize(theirs(pixels), dim=1)
    eyes = open_encoders(tiny.backbone(), dino=str(tmp_path / "dino.pth"))
    assert torch.allclose(eyes.structure.encode(pictures()), expected, atol=1e-5)
    with pytest.raises(StudioError, match="cannot be opened as vit_tiny"):
        Dino.open(tmp_path / "dino.pth", "vit_tiny_patch16_224")


def test_every_base_has_an_eye_of_its_own_that_leaves_it_untouched() -> None:
    backbone = tiny.backbone()
    before = tiny.weights(backbone)
    eyes = open_encoders(backbone)
    assert isinstance(eyes.subject, BaseFeatures) and eyes.text is None
    squares = list(tiny.photos(3).squares)
    seen = eyes.subject.encode(squares)
    assert torch.allclose(seen.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(
        seen[[2, 0, 1]], eyes.subject.encode([squares[2], squares[0], squares[1]]), atol=1e-5
    )
    assert not torch.allclose(seen[0], seen[1], atol=1e-4)
    assert not backbone.unet.up_blocks[1]._forward_hooks
    assert all(np.array_equal(after, before[name]) for name, after in tiny.weights(backbone).items())
