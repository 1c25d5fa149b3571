"""A step of every method with the denoiser in 8 bits goes nearly where it would go otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from studio.models.backbone import Backbone
from studio.models.settling import settle
from tests import tiny, tiny_z_image
from tests.trainers.battery import parameters_of, prepared, step_loss
from trainers import METHODS

# Through networks of random weights little arrives at a word, and what does is rounded the more.
CLOSE = {
    ("stable_diffusion", "textual_inversion"): 0.94,
    ("stable_diffusion", "neti"): 0.97,
    ("stable_diffusion_xl", "textual_inversion"): 0.97,
    ("stable_diffusion_xl", "break_a_scene"): 0.97,
    ("stable_diffusion_xl", "iti_gen"): 0.97,
}
FAMILIES: dict[str, Callable[[], Backbone]] = {**tiny.FAMILIES, "z_image": tiny_z_image.backbone}


@pytest.mark.parametrize("method_id", sorted(METHODS))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_gradient_of_a_step_is_nearly_the_same(family: str, method_id: str, tmp_path: Path) -> None:
    plain, narrow = FAMILIES[family](), FAMILIES[family]()
    settle(narrow, torch.device("cpu"), "least")
    if METHODS[method_id].refusal(plain):
        assert METHODS[method_id].refusal(narrow)
        return
    gradients = []
    for backbone in (plain, narrow):
        method = prepared(method_id, backbone, tmp_path / "class pictures")  # the same for both
        learned = [tensor.requires_grad_() for tensor in parameters_of(method)]
        with torch.enable_grad():
            loss = step_loss(method, torch.Generator().manual_seed(0))
        each = torch.autograd.grad(loss, learned, allow_unused=True)
        gradients.append(torch.cat([gradient.flatten() for gradient in each if gradient is not None]))
    assert gradients[0].norm() > 0
    assert F.cosine_similarity(*gradients, dim=0) > CLOSE.get((family, method_id), 0.98)
