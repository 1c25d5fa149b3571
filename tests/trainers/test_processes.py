"""One training over several processes: the same is learned as in one, and all decide together."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import trainers.__main__ as command
from studio.edits import attach
from studio.errors import StudioError
from studio.models.backbone import Backbone
from tests import tiny
from tests.free_port import free_port
from tests.trainers import shared_training
from tests.trainers.battery import SAMPLING, SUBJECT, parameters_of, photos
from tests.trainers.shared_training import TRAININGS, learn
from tests.trainers.steps import attached_edits
from trainers import METHODS
from trainers.kit.loop import train
from trainers.kit.optimizing import Optimization
from trainers.kit.processes import Processes

pytestmark = pytest.mark.usefixtures("short_verdict")
SECONDS = 300
ORDER_OF_SUMMATION = {"rtol": 1e-4, "atol": 1e-6}  # of float32: the processes add up their shares first


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """By the name of a training, what each of two processes made of it."""
    folder = tmp_path_factory.mktemp("shared")
    port = free_port()
    together = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    script = [sys.executable, "-m", shared_training.__name__, str(folder)]
    environments = ({**together, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2))
    running = [subprocess.Popen(script, env=one, stderr=subprocess.PIPE, text=True) for one in environments]
    try:
        errors = [one.communicate(timeout=SECONDS)[1] for one in running]
    finally:
        for one in running:
            one.kill()
    assert not any(one.returncode for one in running), "\n".join(errors)
    return {name: [torch.load(folder / f"{name}-{rank}.pt") for rank in range(2)] for name in TRAININGS}


def same(one: list[dict[str, Tensor]], other: list[dict[str, Tensor]]) -> None:
    """Assert that two concepts hold the same tensors, up to the order of summation."""
    for own, theirs in zip(one, other, strict=True):
        assert own.keys() == theirs.keys()
        for name in own:
            torch.testing.assert_close(own[name], theirs[name], **ORDER_OF_SUMMATION)


@pytest.mark.parametrize("name", ["one stage", "two stages", "unnamed words", "no number"])
def test_two_processes_learn_what_one_does(
    name: str, shared: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    alone, (main, _) = learn(name, tmp_path), shared[name]
    assert main["steps"] == alone["steps"] and [step for step, _ in main["losses"]]
    same(main["learned"], alone["learned"])
    losses = torch.tensor(main["losses"]), torch.tensor(alone["losses"])
    torch.testing.assert_close(*losses, **ORDER_OF_SUMMATION)
    assert main["notes"] == alone["notes"]


def test_both_processes_see_the_same_losses_and_only_the_first_paints(
    shared: dict[str, list[dict[str, Any]]],
) -> None:
    for name, (main, other) in shared.items():
        assert main["losses"] == other["losses"], name
        assert {"Preview", "Kept", "Result"} <= main["kinds"], name
        assert not {"Preview", "Kept", "Result", "Insight"} & other["kinds"], name


def test_both_go_back_when_one_meets_no_number_or_has_no_memory(
    shared: dict[str, list[dict[str, Any]]],
) -> None:
    for name, words in (("no number", "half the learning rate"), ("no memory", "half as many photos")):
        for one in shared[name]:
            assert sum(words in note for note in one["notes"]) == 1, name
    assert [step for step, _ in shared["no memory"][0]["losses"]][-5:] == [1, 2, 3, 4, 5]


def test_both_end_early_at_the_same_step_when_one_is_told_to(
    shared: dict[str, list[dict[str, Any]]],
) -> None:
    main, other = shared["ended"]
    assert main["losses"][-1][0] == other["losses"][-1][0] == main["steps"] < 400
    assert sum("Stopped after" in note for note in main["notes"]) == 1


def divisible() -> list[Any]:
    """Return each method whose batches can be shared, also with the regularizers that it takes."""
    own = [(name, {}) for name, method in METHODS.items() if not method.indivisible]
    context = {"context_embedding_weight": 0.5, "context_attention_weight": 0.5}
    more = [("textual_inversion", {**context, "context_form": form}) for form in ("released code", "paper")]
    more += [(name, {"class_meaning_weight": 0.5}) for name in ("textual_inversion", "prospect")]
    return [pytest.param(*one, id=" ".join([one[0], *map(str, one[1].values())])) for one in [*own, *more]]


def gradients(optimization: Optimization, batch: Any) -> list[Tensor]:
    """Return the gradients of a batch at all that learns in the stage that runs."""
    method = optimization.method
    learning = [tensor for tensor in parameters_of(method) if tensor.requires_grad]
    with torch.enable_grad(), attach(method.backbone, attached_edits(method)):
        loss = torch.stack(list(optimization.loss_terms(batch).values())).sum()
        return list(torch.autograd.grad(loss, learning, allow_unused=True, materialize_grads=True))


@pytest.mark.parametrize(("method_id", "settings"), divisible())
def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_shares(
    method_id: str, settings: dict[str, Any], backbone: Backbone, tmp_path: Path
) -> None:
    kind = METHODS[method_id]
    chosen = {**kind.quick_settings, "batch": 3, **settings}
    values = kind.card().parse(chosen)
    method = kind(backbone, SUBJECT, kind.own(values), torch.Generator().manual_seed(3))
    list(method.prepare(photos(method_id), tmp_path))
    regularizers = [one(method, one.own(values)) for one in kind.regularizers if one.is_on(values)]
    optimization = Optimization(method, regularizers, backbone, torch.Generator().manual_seed(5))
    first = 0
    for stage in optimization.stages:
        optimization.skip_to(first)
        optimization._enter_stage()
        first += stage.steps
        with attach(backbone, attached_edits(method)):
            whole = optimization.draw()
        count = 2
        parts = [gradients(optimization, whole.share_of(Processes(count, index))) for index in range(count)]
        for number, expected in enumerate(gradients(optimization, whole)):
            mean = torch.stack([part[number] for part in parts]).mean(0)
            torch.testing.assert_close(mean, expected, rtol=1e-3, atol=1e-6 * max(1, expected.abs().max()))


@pytest.mark.parametrize(("photos_in_all", "count"), [(4, 2), (5, 3), (3, 3)])
def test_shares_are_all_photos_in_order_and_their_weights_make_a_mean(photos_in_all: int, count: int) -> None:
    everyone = [Processes(count, index) for index in range(count)]
    numbers = [list(range(photos_in_all))[one.share_of(photos_in_all)] for one in everyone]
    assert [number for own in numbers for number in own] == list(range(photos_in_all))
    means = (sum(own) / len(own) for own in numbers)
    weighted = [one.weight_of(photos_in_all) * mean for one, mean in zip(everyone, means, strict=True)]
    assert sum(weighted) / count == pytest.approx((photos_in_all - 1) / 2)


@pytest.mark.parametrize(
    ("method_id", "settings", "words"),
    [
        ("dreambooth", {"batch": 1}, "2 processes cannot share the 1 photo of a step.*Give --batch 2"),
        ("context_regularized", {"tuning_batch": 1}, "Give --tuning-batch 2 or more"),
        ("perfusion", {}, "Perfusion cannot be shared by processes: .*Train it in one process"),
        ("iti_gen", {}, "ITI-GEN cannot be shared by processes"),
    ],
)
def test_what_cannot_be_shared_is_refused_at_once(
    method_id: str, settings: dict[str, Any], words: str, backbone: Backbone, tmp_path: Path
) -> None:
    chosen, method = {**METHODS[method_id].quick_settings, **settings}, METHODS[method_id]
    training = train(
        method, backbone, photos(method_id), SUBJECT, chosen, SAMPLING, tmp_path, processes=Processes(2, 0)
    )
    with pytest.raises(StudioError) as caught:
        next(training)
    assert re.search(words, str(caught.value), re.DOTALL), caught.value


def test_what_is_no_training_is_refused_by_a_launcher(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert command.main(["trial", "assets/demo"]) == 2
    assert "trial is done by one process" in capsys.readouterr().err
