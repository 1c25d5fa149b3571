"""What makes the studio faster changes nothing but roundings, and on a plain base nothing of it is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import attach
from studio.edits.kinds import low_rank
from studio.generation import sampling
from studio.models.backbone import Backbone
from studio.recipes.recipe import MODES
from tests import tiny
from tests.by_hand import gated
from tests.generation.two_concepts import pixels, recipe_for, two
from tests.trainers.battery import parameters_of, prepared, run, step_loss
from trainers import METHODS
from trainers.kit import optimizing

pytestmark = pytest.mark.usefixtures("short_verdict")


def plain_and_quick(dtype: torch.dtype = torch.float32) -> tuple[Backbone, Backbone]:
    """The same base twice, the first without what makes it faster."""
    plain, quick = tiny.backbone(dtype=dtype), tiny.backbone(dtype=dtype)
    plain.is_plain = True
    return plain, quick


def step_of(method_id: str, backbone: Backbone, cache: Path) -> tuple[Tensor, Tensor]:
    """The loss of a step and its gradient, with all that learns moved: some of it starts at zero."""
    method = prepared(method_id, backbone, cache)
    generator = torch.Generator().manual_seed(5)
    parameters = parameters_of(method)
    for tensor in parameters:
        tensor.requires_grad_()
        tensor.data += 0.05 * torch.randn(tensor.shape, generator=generator)
    loss = step_loss(method, generator)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return loss.detach(), torch.cat([each.flatten() for each in gradients if each is not None])


@pytest.mark.parametrize("method_id", sorted(METHODS))
def test_loss_and_gradient_are_those_of_the_plain_way(method_id: str, tmp_path: Path) -> None:
    # both learn from the same class pictures, which would else be a rounding of their pixels apart
    (plain_loss, plain), (loss, quick) = (
        step_of(method_id, backbone, tmp_path) for backbone in plain_and_quick()
    )
    torch.testing.assert_close(loss, plain_loss, rtol=1e-5, atol=0)
    assert plain.norm() > 0
    assert (quick - plain).norm() < 1e-4 * plain.norm()


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_is_that_of_the_plain_way(mode: str) -> None:
    # in double precision: random weights make of a processor's single roundings a difference that is seen
    bases = plain_and_quick(torch.float64)
    pictures = [pixels(backbone, recipe_for(mode), *two(backbone)) for backbone in bases]
    assert np.abs(np.subtract(*(picture.astype(int) for picture in pictures))).max() <= 1


def test_a_plain_base_takes_no_short_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each is taken on the other base, so that it would be seen here."""
    taken: list[str] = []

    def note(module: Any, name: str, is_short_cut: Any = lambda named: True) -> None:
        original = getattr(module, name)

        def noting(*given: Any, **named: Any) -> Any:
            taken.extend([name] if is_short_cut(named) else [])
            return original(*given, **named)

        monkeypatch.setattr(module, name, noting)

    note(low_rank, "_summed")
    note(sampling, "cached_text_projections")
    note(optimizing.torch.optim, "AdamW", lambda named: named["fused"])
    for backbone in plain_and_quick():
        taken.clear()
        list(run("dreambooth", backbone, tmp_path, batch=1))
        pixels(backbone, recipe_for("words"), *two(backbone))
        assert set(taken) == (set() if backbone.is_plain else {"_summed", "cached_text_projections", "AdamW"})


def test_photos_and_class_pictures_go_through_a_plain_network_one_after_the_other(tmp_path: Path) -> None:
    rows: dict[bool, list[int]] = {}
    for backbone in plain_and_quick():
        seen = rows.setdefault(backbone.is_plain, [])

        def predict(
            noisy: Tensor, *given: Any, _predict: Any = backbone.predict, _seen: list[int] = seen
        ) -> Tensor:
            _seen.extend([len(noisy)] if torch.is_grad_enabled() else [])
            return _predict(noisy, *given)

        backbone.predict = predict  # type: ignore[method-assign]
        list(run("dreambooth", backbone, tmp_path / str(backbone.is_plain), batch=1))
    assert set(rows[True]) == {1} and set(rows[False]) == {2}
    assert len(rows[True]) == 2 * len(rows[False]) > 0


def test_a_plain_layer_that_reads_a_prompt_again_computes_it_again() -> None:
    for backbone in plain_and_quick():
        site = backbone.value_sites[0]
        x = torch.randn(1, 5, backbone.sites[site].in_features)
        edits = gated(backbone, "<lily>").active_edits(recipe_for("sum"))
        with torch.no_grad(), attach(backbone, edits):
            backbone.sites[site](x)
            again, fresh = backbone.sites[site](x.mul_(2)), backbone.sites[site](x.clone())
        assert torch.equal(again, fresh) == backbone.is_plain
