"""The average over the last steps: kept in place of the last weights, it leaves the training as it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from studio.edits import LowRank
from studio.events import Preview
from studio.method import Method
from tests import tiny
from tests.trainers.battery import parameters_of, prepared, run
from trainers import METHODS
from trainers.kit.optimizing import Optimization
from trainers.kit.step_state import StepState
from trainers.kit.weight_average import WeightAverage


def naive_average(history: list[Tensor], share: float) -> Tensor:
    """Return the average by the weight of each step in it, one after the other."""
    gamma = 2 / share - 2
    weights = torch.zeros(len(history), dtype=torch.float64)
    for t in range(1, len(history) + 1):
        beta = (1 - 1 / t) ** (gamma + 1)
        weights[: t - 1] *= beta
        weights[t - 1] = 1 - beta
    assert weights.sum().item() == pytest.approx(1)
    return sum(weight * tensor.double() for weight, tensor in zip(weights, history, strict=True))


@pytest.mark.parametrize("share", [0.1, 0.25, 1.0])
def test_it_is_the_average_of_the_paper(share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    parameter, history = torch.zeros(3, 2), []
    average = WeightAverage([parameter], share)
    for _ in range(9):
        parameter += torch.randn(3, 2, generator=generator)
        history.append(parameter.clone())
        average.add()
    torch.testing.assert_close(average.tensors[0].double(), naive_average(history, share), atol=1e-5, rtol=0)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_it_lags_behind_as_the_mean_of_that_share_does(share: float) -> None:
    steps, parameter = 2000, torch.zeros(())
    average = WeightAverage([parameter], share)
    for step in range(1, steps + 1):
        parameter.fill_(step)
        average.add()
    assert (steps - average.tensors[0].item()) / steps == pytest.approx(share / 2, rel=0.01)


def optimization_of(folder: Path, share: float, stages: int = 1) -> tuple[Method, Optimization]:
    method = prepared("dreambooth", tiny.backbone(), folder, steps=6 // stages, averaged_share=share)
    if stages > 1:
        of_method = method.stages()
        method.stages = lambda: [dataclasses.replace(of_method[0], name=str(n)) for n in range(stages)]
    return method, Optimization(method, [], method.backbone, torch.Generator().manual_seed(9), range(1, 6))


def test_the_training_goes_on_as_without_it(tmp_path: Path) -> None:
    plain, without = optimization_of(tmp_path, 0.0)
    method, averaged = optimization_of(tmp_path, 0.5)
    history: list[list[Tensor]] = []
    for one, other in zip(without.run(), averaged.run(), strict=True):
        assert one.values == other.values
        history.append([tensor.detach().clone() for tensor in parameters_of(method)])
        with averaged.averaged():
            pass
    for own, kept in zip(parameters_of(plain), parameters_of(method), strict=True):
        assert torch.equal(own, kept)
    averaged.take_average()
    for number, tensor in enumerate(parameters_of(method)):
        expected = naive_average([step[number] for step in history], 0.5)
        torch.testing.assert_close(tensor.double(), expected, atol=1e-6, rtol=1e-5)
        assert not torch.equal(tensor, history[-1][number])


def test_what_is_shown_on_the_way_is_what_would_be_kept(tmp_path: Path) -> None:
    method, optimization = optimization_of(tmp_path, 0.5)
    steps = optimization.run()
    for _ in range(3):
        next(steps)
    own = [tensor.detach().clone() for tensor in parameters_of(method)]
    with pytest.raises(KeyError), optimization.averaged():
        shown = [tensor.detach().clone() for tensor in parameters_of(method)]
        raise KeyError
    assert all(torch.equal(tensor, before) for tensor, before in zip(parameters_of(method), own, strict=True))
    optimization.take_average()
    assert all(torch.equal(tensor, kept) for tensor, kept in zip(parameters_of(method), shown, strict=True))
    assert not all(torch.equal(tensor, before) for tensor, before in zip(shown, own, strict=True))


@pytest.mark.parametrize("stages", [1, 2])
def test_a_training_that_goes_on_ends_with_the_same_average(stages: int, tmp_path: Path) -> None:
    """From a state in the middle, from one between two stages, and from one at the end."""
    method, whole = optimization_of(tmp_path, 0.5, stages)
    for step in whole.run():
        whole.state().save(tmp_path / f"{step.step}.safetensors")
    whole.take_average()
    for at in (2, 3, 6):
        again, resumed = optimization_of(tmp_path, 0.5, stages)
        for _ in range(2):  # going back throws away what came since
            state = StepState.open(tmp_path / f"{at}.safetensors")
            assert state is not None
            resumed.load(state)
            list(resumed.run())
        resumed.take_average()
        for one, other in zip(parameters_of(method), parameters_of(again), strict=True):
            assert torch.equal(one, other)


@pytest.mark.usefixtures("short_verdict")
def test_the_pictures_on_the_way_and_the_concept_are_of_the_average(tmp_path: Path) -> None:
    backbone, pictures, factors = tiny.backbone(), [], []
    for share in (0.0, 0.5):
        events = list(run("dreambooth", backbone, tmp_path, averaged_share=share))
        pictures.append([event.picture for event in events if isinstance(event, Preview)])
        factors.append(next(edit for edit in events[-1].value.edits if isinstance(edit, LowRank)).B)
    assert pictures[0][0] == pictures[1][0] and pictures[0][1] == pictures[1][1]  # of no and of one step
    on_the_way, at_the_end = ([one[at] for one in pictures] for at in (2, -1))
    assert on_the_way[0] != on_the_way[1] and at_the_end[0] != at_the_end[1]
    assert all(not torch.equal(factors[0][site], factors[1][site]) for site in factors[0])


def test_methods_say_how_much_of_the_steps_they_average(tmp_path: Path) -> None:
    assert METHODS["dreambooth"].card().parse({})["averaged_share"] == 0.0
    (stage,) = prepared("dreambooth", tiny.backbone(), tmp_path, averaged_share=0.2).stages()
    assert stage.averaged_share == 0.2
