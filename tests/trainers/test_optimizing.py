"""A step of the loop against one that is written out: accumulation, clipping, rates and decay."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from studio.method import Stage
from studio.models.backbone import Backbone
from tests import tiny
from trainers.kit.batches import Batch
from trainers.kit.optimizing import CLIP_NORM, Optimization

START = (1.0, -2.0, 0.5)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def optimization(
    backbone: Backbone, size: float, stages: int = 1, **options: Any
) -> tuple[Optimization, Tensor, Tensor]:
    """A method with two groups of numbers, and a loss of them times drawn numbers of about `size`."""
    fast, slow = (torch.tensor(START).requires_grad_() for _ in range(2))
    groups = ([fast], 0.1), ([slow], 0.01)
    learning = [Stage(f"learning {number}", 3, groups, **options) for number in range(stages)]
    method = SimpleNamespace(
        reads_prompts=True,
        indivisible="its batches are plain numbers",
        stages=lambda: learning,
        edits=list,
        state=dict,
        load_state=lambda state: None,
        draw=lambda generator: size * torch.randn(3, generator=generator),
        loss=lambda batch: {"one": (batch * fast).sum(), "two": (batch * slow).square().sum()},
    )
    return Optimization(method, [], backbone, torch.Generator().manual_seed(0)), fast, slow


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("size", [0.001, 3.0])
def test_a_step_is_adamw_on_the_mean_of_its_batches_clipped(
    backbone: Backbone, accumulate: int, size: float
) -> None:
    run, fast, slow = optimization(backbone, size, accumulate=accumulate, weight_decay=0.3)
    steps = list(run.run())
    ours = [torch.tensor(START).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.AdamW(
        [{"params": [ours[0]], "lr": 0.1}, {"params": [ours[1]], "lr": 0.01}], weight_decay=0.3
    )
    generator, lengths = torch.Generator().manual_seed(0), []
    for step in steps:
        batches = [size * torch.randn(3, generator=generator) for _ in range(accumulate)]
        terms = [((batch * ours[0]).sum(), (batch * ours[1]).square().sum()) for batch in batches]
        one, two = (torch.stack(each).mean() for each in zip(*terms, strict=True))
        assert step.values == pytest.approx(
            {"one": one.item(), "two": two.item(), "loss": (one + two).item()}
        )
        gradients = torch.autograd.grad(one + two, ours)
        length = torch.cat(gradients).norm()
        lengths.append(length.item())
        for tensor, gradient in zip(ours, gradients, strict=True):
            tensor.grad = gradient / max(1.0, length.item() / CLIP_NORM)
        optimizer.step()
    assert (max(lengths) > CLIP_NORM) is (size > 1)
    torch.testing.assert_close(fast, ours[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slow, ours[1], rtol=1e-4, atol=1e-5)


def test_gradients_as_long_as_one_are_the_most_that_counts() -> None:
    """As in the diffusers examples."""
    assert CLIP_NORM == 1.0


def test_what_comes_after_a_step_comes_after_every_step(backbone: Backbone) -> None:
    seen: list[float] = []
    run, fast, _ = optimization(backbone, 1.0, after_step=lambda: seen.append(fast[0].item()))
    list(run.run())
    assert len(seen) == 3 and len({START[0], *seen}) == 4


def test_a_state_stays_as_it_was_kept(backbone: Backbone) -> None:
    run, fast, _ = optimization(backbone, 1.0)
    state = run.state()
    generator = state.generator.clone()
    list(run.run())
    assert not torch.equal(fast, torch.tensor(START))
    for tensor in state.parameters:
        torch.testing.assert_close(tensor, torch.tensor(START), rtol=0, atol=0)
    assert torch.equal(state.generator, generator) and state.done == 0 and state.losses == []


def test_a_training_that_was_slowed_down_goes_on_as_slowly_in_its_later_stages(backbone: Backbone) -> None:
    run, fast, slow = optimization(backbone, 1.0, stages=2)
    next(run.run())
    run.slow_down(0.5)
    state = run.state()
    list(run.run())
    again, fast_again, slow_again = optimization(backbone, 1.0, stages=2)
    again.load(state)
    assert len(list(again.run())) == 6 - state.done and again.state().rate_factor == 0.5
    assert torch.equal(fast, fast_again) and torch.equal(slow, slow_again)


def test_a_term_of_a_regularizer_stands_beside_the_methods_own_of_its_name(backbone: Backbone) -> None:
    run, *_ = optimization(backbone, 1.0)
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    run.method.loss = lambda batch: {"attention": one}
    regularizer = SimpleNamespace(id="context", terms=lambda batch, own: {"attention": two, "other": two})
    terms = run.loss_terms(Batch(None, ((regularizer, None),)))
    assert terms == {"attention": one, "context attention": two, "other": two}
