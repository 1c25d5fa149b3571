"""Trainings at another resolution than the base's own: every method, and every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from studio.events import Preview, Result
from tests.tiny_families import FAMILIES
from tests.trainers.battery import run
from tests.variations import slow_but
from trainers import METHODS

pytestmark = pytest.mark.usefixtures("short_verdict")


# every method on one family; on the others one of each way to make a batch
CASES = [("stable_diffusion", method) for method in sorted(METHODS)]
CASES += [
    (family, method) for family in sorted(FAMILIES) for method in ("break_a_scene", "dreambooth", "neti")
]
FEW = [("stable_diffusion", "break_a_scene"), ("stable_diffusion", "dreambooth"), ("z_image", "dreambooth")]


@pytest.mark.parametrize(("family", "method_id"), slow_but(FEW, dict.fromkeys(CASES)))
def test_learns_from_squares_of_another_size(
    method_id: str, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the noun that preserve it have that size as well; its previews have the base's own."""
    backbone = FAMILIES[family]()
    if METHODS[method_id].refusal(backbone):
        pytest.skip("refused there")
    side = 3 * backbone.resolution // 2
    _, height, width = backbone.shape_of(side, side)
    shapes: set[torch.Size] = set()
    own = backbone.predict

    def predict(noisy: torch.Tensor, *rest: Any) -> torch.Tensor:
        if torch.is_grad_enabled():
            shapes.add(noisy.shape[-2:])
        return own(noisy, *rest)

    monkeypatch.setattr(backbone, "predict", predict)
    events = list(run(method_id, backbone, tmp_path, resolution=side))
    assert shapes == {(height, width)} and width > backbone.latent_shape[-1]
    assert isinstance(events[-1], Result) and events[-1].value.header.settings["resolution"] == side
    previews = {event.picture.size for event in events if isinstance(event, Preview)}
    assert previews == {(backbone.resolution, backbone.resolution)}
    painted = {Image.open(path).size for path in tmp_path.glob("class-pictures/*/*.png")}
    assert painted <= {(side, side)}
