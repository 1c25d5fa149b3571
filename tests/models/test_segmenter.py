"""A segmenter: the real architectures with small random weights, and clicks from page to worker and back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from transformers import (
    Sam2Config,
    Sam2ImageProcessor,
    Sam2Model,
    SamConfig,
    SamImageProcessor,
    SamModel,
)

import studio.workspace
from studio.errors import StudioError
from studio.models.segmenter import Segmenter
from studio.photos.click_mask import propose_mask
from studio.worker.worker import Worker
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests import tiny

SIDE = 64
DECODER = {"hidden_size": 16, "num_attention_heads": 2, "mlp_dim": 32, "iou_head_hidden_dim": 16}
PROMPTS = {"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4}


def sam(folder: Path) -> Path:
    """A folder with a small SAM."""
    vision = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": 8,
        "output_channels": 16,
        "window_size": 4,
        "global_attn_indexes": [1],
        "mlp_dim": 64,
        "num_pos_feats": 8,
    }
    torch.manual_seed(0)
    config = SamConfig(vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER)
    SamModel(config).save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    SamImageProcessor(size={"longest_edge": SIDE}, pad_size=square).save_pretrained(folder)
    return folder


def sam2(folder: Path) -> Path:
    """A folder with a small SAM 2."""
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "num_attention_heads": 1,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [4, 2, 2, 2],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [4, 4],
    }
    vision = {
        "backbone_config": backbone,
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        "fpn_hidden_size": 16,
    }
    prompts = {**PROMPTS, "patch_size": 16}
    torch.manual_seed(0)
    config = Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=DECODER)
    Sam2Model(config).save_pretrained(folder)
    Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def ball() -> Image.Image:
    picture = Image.new("RGB", (90, 90), (180, 180, 176))
    ImageDraw.Draw(picture).ellipse((10, 20, 50, 60), fill=(230, 120, 40))
    return picture


@pytest.mark.parametrize("make", [sam, sam2])
def test_both_architectures_open_and_give_a_mask_of_the_square(make: Any, tmp_path: Path) -> None:
    segmenter = Segmenter.open(make(tmp_path))
    assert not any(weight.requires_grad for weight in segmenter.model.parameters())
    masks = [np.asarray(segmenter.propose(ball(), [(0.3, 0.4)])) for _ in range(2)]
    assert masks[0].shape == (90, 90) and set(np.unique(masks[0])) <= {0, 255}
    assert np.array_equal(*masks)


class Answers(torch.nn.Module):
    """Offers three masks, of which the second is rated highest, and records its inputs."""

    def forward(self, pixel_values: torch.Tensor, input_points: torch.Tensor, **rest: Any) -> SimpleNamespace:
        self.points, self.labels, self.pixels = input_points, rest["input_labels"], pixel_values
        masks = torch.full((1, 1, 3, 16, 16), -1.0)
        masks[0, 0, 0] = 1
        masks[0, 0, 1, 4:8, 2:10] = 1
        return SimpleNamespace(pred_masks=masks, iou_scores=torch.tensor([[[0.3, 0.9, 0.5]]]))


def test_clicks_reach_the_model_in_its_pixels_and_the_best_rated_mask_comes_back() -> None:
    model, processor = (
        Answers(),
        SamImageProcessor(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE}),
    )
    mask = Segmenter(model, processor).propose(ball(), [(0.25, 0.5), (0.5, 0.125)])
    assert model.points.tolist() == [[[[16.0, 32.0], [32.0, 8.0]]]] and model.labels.tolist() == [[[1, 1]]]
    assert model.pixels.shape == (1, 3, SIDE, SIDE)
    left, top, right, bottom = mask.getbbox()
    assert (
        abs(left - 11.25) <= 3 and abs(top - 22.5) <= 3 and abs(right - 56.25) <= 3 and abs(bottom - 45) <= 3
    )
    for step, sides in ((1, (90, 90)), (9, (90, 90)), (-1, (right - left, bottom - top))):
        box = Segmenter(model, processor).propose(ball(), [(0.5, 0.5)], step).getbbox()
        assert (box[2] - box[0], box[3] - box[1]) == sides  # the empty one is no size


def test_a_folder_without_a_segmenter_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="cannot be opened") as raised:
        Segmenter.open(tmp_path)
    assert "--segmenter" in raised.value.hint


# from the page to the worker and back


class Half:
    """A segmenter that takes the left half for the subject."""

    def propose(self, square: Image.Image, clicks: Sequence[Sequence[float]], step: int) -> Image.Image:
        self.asked = square.size, [tuple(click) for click in clicks]
        assert step == 0
        mask = Image.new("L", square.size)
        mask.paste(255, (0, 0, square.width // 2, square.height))
        return mask


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace", segmenter=tmp_path / "nothing")


def asked(workspace: Workspace, worker: Worker, beside: Sequence[Image.Image] = ()) -> Image.Image:
    """The mask that the page gets for a click while a worker takes jobs."""
    workspace.write_worker_state(WorkerState("ready"))
    done = threading.Event()

    def work() -> None:
        while not (worker.take(("mask",)) or done.wait(0.01)):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        return workspace.propose_mask(ball(), [(0.3, 0.4)], beside)
    finally:
        done.set()
        thread.join()


def test_a_click_is_answered_by_the_worker_and_leaves_nothing_behind(workspace: Workspace) -> None:
    worker = Worker(workspace, tiny.backbone(), {}, lambda *arguments: iter(()))
    worker.tasks.segmenter = segmenter = Half()
    other = Image.new("L", (45, 45))
    other.paste(255, (0, 0, 45, 20))
    mask = asked(workspace, worker, [other])
    assert segmenter.asked == ((90, 90), [(0.3, 0.4)])
    assert mask.getbbox() == (0, 40, 45, 90)
    assert not workspace.jobs.newest() and not list(workspace.jobs.root.glob("0*"))


def test_a_segmenter_that_cannot_be_opened_says_so_at_the_canvas(workspace: Workspace) -> None:
    worker = Worker(workspace, tiny.backbone(), {}, lambda *arguments: iter(()))
    with pytest.raises(StudioError, match="cannot be opened") as raised:
        asked(workspace, worker)
    assert "--segmenter" in raised.value.hint and not list(workspace.jobs.root.glob("0*"))


def test_without_an_answer_the_mask_is_found_as_ever(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.workspace.mask_request, "ANSWER_SECONDS", 0.2)
    plain = np.asarray(propose_mask(ball(), [(0.3, 0.4)]))
    for state, where in (
        ("ready", workspace),
        ("starting", workspace),
        ("ready", Workspace(tmp_path / "other")),
    ):
        where.write_worker_state(WorkerState(state))
        assert np.array_equal(np.asarray(where.propose_mask(ball(), [(0.3, 0.4)])), plain)
        assert not list(where.jobs.root.glob("0*"))
