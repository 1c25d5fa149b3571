"""CP-CLIP and TI-CLIP on crops whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from studio.evaluation.cp_clip import (
    Composition,
    DetectedBox,
    background_of,
    best_boxes,
    composed,
    composition,
    ti_clip,
)

AXES = torch.eye(3)
SOURCES = {"<lily>": AXES[:1], "<tom>": AXES[1:2], "<rex>": AXES[2:]}
COLOURS = {"<lily>": "red", "<tom>": "lime", "<rex>": "blue"}


class MeanColour:
    """An encoder: a picture is its mean colour, a prompt its length."""

    name = "colours"

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        means = [picture.convert("RGB").resize((1, 1), Image.BOX).getpixel((0, 0)) for picture in pictures]
        return F.normalize(torch.tensor(means, dtype=torch.float32), dim=1)

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        return F.normalize(torch.tensor([[len(prompt), 1.0, 1.0] for prompt in prompts]), dim=1)


def scene(*labels: str) -> tuple[Image.Image, list[DetectedBox]]:
    """Objects as patches of colour side by side, and where they are."""
    picture, boxes = Image.new("RGB", (30, 10)), []
    for number, label in enumerate(labels):
        boxes.append(DetectedBox(label, 10 * number, 0, 10 * number + 10, 10))
        picture.paste(COLOURS[label], (10 * number, 0, 10 * number + 10, 10))
    return picture, boxes


def test_all_objects_give_one_and_none_give_zero() -> None:
    assert composed(MeanColour(), *scene(*SOURCES), SOURCES) == Composition(1.0, 1.0, 1.0)
    assert composed(MeanColour(), Image.new("RGB", (30, 10)), [], SOURCES) == Composition(0.0, 0.0, 0.0)


def test_a_missing_object_costs_its_share() -> None:
    scores = composed(MeanColour(), *scene("<lily>", "<rex>"), SOURCES)
    assert scores.cp_clip == pytest.approx(2 / 3) and scores.present == pytest.approx(2 / 3)


def test_a_swap_shows_in_own_and_not_in_cp_clip() -> None:
    swapped = composition({"<lily>": AXES[1], "<tom>": AXES[0], "<rex>": AXES[2]}, SOURCES)
    assert (swapped.cp_clip, swapped.own) == (1.0, pytest.approx(1 / 3))


def test_each_label_counts_once_by_its_most_confident_box() -> None:
    boxes = [
        DetectedBox("<lily>", 0, 0, 5, 5, 0.3),
        DetectedBox("<lily>", 5, 5, 9, 9, 0.8),
        DetectedBox("<cow>", 0, 0, 9, 9, 1.0),
    ]
    assert best_boxes(boxes, SOURCES) == {"<lily>": boxes[1]}
    picture, own = scene(*SOURCES)
    twice = composed(MeanColour(), picture, [*own, DetectedBox("<lily>", 10, 0, 20, 10, 0.5)], SOURCES)
    assert twice == composed(MeanColour(), picture, own, SOURCES)


def test_the_order_of_objects_makes_no_difference() -> None:
    picture, boxes = scene(*SOURCES)
    turned = {name: SOURCES[name] for name in reversed(SOURCES)}
    assert composed(MeanColour(), picture, boxes[::-1], turned) == composed(
        MeanColour(), picture, boxes, SOURCES
    )


def test_a_crop_is_compared_with_every_photo_of_a_source() -> None:
    half = composition({"<lily>": AXES[0]}, {"<lily>": AXES[:2]})
    assert half.cp_clip == pytest.approx(0.5)


def test_a_box_goes_around_a_mask() -> None:
    mask = Image.new("L", (20, 20))
    assert DetectedBox.around("<lily>", mask) is None
    mask.paste(255, (3, 4, 9, 15))
    assert DetectedBox.around("<lily>", mask) == DetectedBox("<lily>", 3, 4, 9, 15)


@pytest.mark.parametrize(
    ("prompt", "background"),
    [
        ("a photo of <lily> and a cat in the jungle", "a photo in the jungle"),
        ("a photo of a cat and <lily> in the jungle", "a photo in the jungle"),
        ("<lily>, <tom> and the cat on a red background", "on a red background"),
        ("<lily> next to <tom>", ""),
        ("a caterpillar with a cat", "a caterpillar with"),
        ("no one there", "no one there"),
    ],
)
def test_the_background_is_the_prompt_without_its_objects(prompt: str, background: str) -> None:
    assert background_of(prompt, ["<lily>", "<tom>", "cat"]) == background


def test_ti_clip_does_not_depend_on_the_names_of_the_objects() -> None:
    picture, _ = scene(*SOURCES)
    one = ti_clip(MeanColour(), picture, "<lily> and <tom> in the snow", SOURCES)
    other = ti_clip(MeanColour(), picture, "<tom> and <lily> in the snow", SOURCES)
    assert one == other and one[1] == "in the snow"
