"""Trainings that are interrupted: what they keep, and that they go on as if nothing had happened."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio import files
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, FinishEarly, Kept, Note, Pause, Preview, Result, Step
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from tests import tiny
from tests.trainers.battery import SAMPLING, SUBJECT, photos, prepared
from tests.variations import slow_but
from trainers import METHODS, train
from trainers.kit import kept_state, memory_saving
from trainers.kit.kept_state import KeptState, identity_of, without_later_settings
from trainers.kit.optimizing import Optimization
from trainers.kit.step_state import StepState

STEPS = 6
KILLED = ("break_a_scene", "dreambooth")  # of two stages and of one; -m slow kills the others too
pytestmark = pytest.mark.usefixtures("short_verdict")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _keep_after_every_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_state, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(kept_state, "MAX_SHARE", 1e9)
    monkeypatch.setattr("trainers.kit.optimizing.MAX_BURST", 1)
    monkeypatch.setattr("trainers.kit.loop.PREVIEWS", 0)


def begin(
    method_id: str,
    backbone: Backbone,
    cache: Path,
    state: Path | None,
    more: int = 0,
    shown: PhotoSet | None = None,
    sampling: Sampling = SAMPLING,
    **settings: object,
) -> Iterator[Event]:
    chosen = {**METHODS[method_id].quick_settings, "steps": STEPS, **settings}
    shown = shown or photos(method_id)
    return train(METHODS[method_id], backbone, shown, SUBJECT, chosen, sampling, cache, state, more)


def until(events: Iterator[Event], step: int) -> list[Event]:
    """Take events until a state is kept after `step`."""
    taken = []
    for event in events:
        taken.append(event)
        if isinstance(event, Kept) and event.step == step:
            return taken
    raise AssertionError(f"no state was kept after step {step}")


def same(one: Concept, other: Concept) -> bool:
    pairs = zip(one.edits, other.edits, strict=True)
    return all(
        torch.equal(tensor, edit_b.tensors()[name])
        for edit, edit_b in pairs
        for name, tensor in edit.tensors().items()
    )


def steps_of(events: list[Event], steps: int = STEPS) -> list[int]:
    """Return the numbers of the steps of learning; painting for the verdict counts its own."""
    return [event.step for event in events if isinstance(event, Step) and event.steps == steps]


def concept_of(events: list[Event]) -> Concept:
    assert isinstance(events[-1], Result)
    return events[-1].value


@pytest.mark.parametrize("method_id", slow_but(KILLED, sorted(METHODS)))
def test_a_killed_training_ends_with_the_same_file(
    method_id: str, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    whole = concept_of(list(begin(method_id, backbone, cache, None)))
    state = tmp_path / "state.safetensors"
    for step in (1, 3, 5):  # in Break-A-Scene: in the first stage, at its end, in the second
        killed = begin(method_id, backbone, cache, state)
        until(killed, step)
        killed.close()
    events = list(begin(method_id, backbone, cache, state))
    assert next(event.step for event in events if isinstance(event, Step) and event.steps == STEPS) == STEPS
    assert not any(isinstance(event, Preview) and event.step == 0 for event in events)
    assert same(concept_of(events), whole)
    assert concept_of(events).header.final_loss == whole.header.final_loss


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not list mappings")
@pytest.mark.parametrize("method_id", ["dreambooth", "perfusion"])
def test_the_file_of_a_state_is_not_open_once_it_is_loaded(
    method_id: str, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.safetensors"
    killed = begin(method_id, backbone, cache, state)
    until(killed, 3)
    killed.close()
    goes_on = begin(method_id, backbone, cache, state)
    while not isinstance(event := next(goes_on), Note) or "goes on from step 3" not in event.text:
        pass
    for _ in range(3):
        assert state.name not in Path("/proc/self/maps").read_text(encoding="utf-8")
        next(goes_on)
    goes_on.close()


def test_a_paused_training_keeps_its_state_and_ends_without_a_concept(
    backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.safetensors"
    running = begin("textual_inversion", backbone, cache, state)
    until(running, 3)
    while not isinstance(event := next(running), Step) or event.step != 4:
        pass  # a step more, which no state is written for yet
    left = [running.throw(Pause()), *running]
    assert [event.step for event in left if isinstance(event, Kept)] == [4]
    assert not any(isinstance(event, Result) for event in left)
    again = list(begin("textual_inversion", backbone, cache, state))
    assert "It goes on from step 4 of 6." in [event.text for event in again if isinstance(event, Note)]
    assert same(concept_of(again), concept_of(list(begin("textual_inversion", backbone, cache, None))))


def test_one_that_was_stopped_early_can_be_trained_to_the_end(
    backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.safetensors"
    running = begin("dreambooth", backbone, cache, state)
    until(running, 2)
    early = [running.throw(FinishEarly()), *running]
    assert concept_of(early).header.steps == 2
    whole = concept_of(list(begin("dreambooth", backbone, cache, None)))
    assert same(concept_of(list(begin("dreambooth", backbone, cache, state))), whole)


@pytest.mark.parametrize("method_id", ["textual_inversion", "break_a_scene", "dreambooth"])
def test_more_steps_of_a_finished_one_are_those_of_a_longer_last_stage(
    method_id: str, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.safetensors"
    list(begin(method_id, backbone, cache, state))
    further = list(begin(method_id, backbone, cache, state, more=3))
    at_once = list(begin(method_id, backbone, cache, None, more=3))
    assert concept_of(further).header.steps == STEPS + 3
    assert same(concept_of(further), concept_of(at_once))


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.01},
        {"steps": 7},
        {"shown": tiny.photos(2)},
        {"sampling": dataclasses.replace(SAMPLING, seed=8)},
    ],
    ids=["rate", "steps", "photos", "seed"],
)
def test_the_state_of_another_training_is_not_used(
    backbone: Backbone, cache: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    state = tmp_path / "state.safetensors"
    list(begin("textual_inversion", backbone, cache, state))
    events = list(begin("textual_inversion", backbone, cache, state, **change))
    assert steps_of(events, change.get("steps", STEPS)) == [*range(1, change.get("steps", STEPS) + 1)]


def test_a_damaged_state_is_as_none(backbone: Backbone, cache: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    list(begin("textual_inversion", backbone, cache, state))
    state.write_bytes(state.read_bytes()[:-100])
    events = list(begin("textual_inversion", backbone, cache, state))
    assert steps_of(events) == [*range(1, STEPS + 1)]


class Spoiled:
    """Spoils the loss of a method at some calls, counted from 1."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: set[int], error: Exception | None = None) -> None:
        self.calls, self.rates, self.batches = 0, [], []
        method = METHODS["textual_inversion"]
        loss, step = method.loss, Optimization._step

        def spoiled(this: Any, batch: Any) -> dict[str, torch.Tensor]:
            self.calls += 1
            self.batches.append(len(batch.latents))
            if self.calls in at and error is not None:
                raise error
            terms = loss(this, batch)
            return {name: term * torch.nan for name, term in terms.items()} if self.calls in at else terms

        def noted(this: Optimization, stage: Any) -> Any:
            self.rates.append(this._optimizer.param_groups[0]["lr"])
            return step(this, stage)

        monkeypatch.setattr(method, "loss", spoiled)
        monkeypatch.setattr(Optimization, "_step", noted)


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_loss_that_is_no_number_goes_back_once_with_half_the_rate(
    backbone: Backbone, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_disk: bool
) -> None:
    spoiled = Spoiled(monkeypatch, {4})
    state = tmp_path / "state.safetensors" if on_disk else None
    events = list(begin("textual_inversion", backbone, cache, state))
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any("no longer a number at step 4" in note and "half the learning rate" in note for note in notes)
    assert steps_of(events) == [*range(1, STEPS + 1)]
    first, *_, last = spoiled.rates
    assert last == first / 2 and spoiled.rates.count(first) == 4
    concept = concept_of(events)
    assert all(tensor.isfinite().all() for edit in concept.edits for tensor in edit.tensors().values())


def test_a_loss_that_is_no_number_twice_is_said_and_nothing_is_kept(
    backbone: Backbone, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Spoiled(monkeypatch, {4, 6})
    state = tmp_path / "state.safetensors"
    with pytest.raises(StudioError, match="no longer a number at step 5"):
        list(begin("textual_inversion", backbone, cache, state))
    assert not state.exists()  # pressing Retry begins anew, not with what led there


def test_an_infinite_gradient_is_noticed_although_the_loss_is_a_number(
    backbone: Backbone, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = METHODS["textual_inversion"]
    loss = method.loss

    def steep(this: Any, batch: Any) -> dict[str, torch.Tensor]:
        moved = this.word.vectors - this.word.vectors.detach()  # 0, where a square root is infinitely steep
        return {**loss(this, batch), "steep": moved.square().sum().sqrt()}

    monkeypatch.setattr(method, "loss", steep)
    with pytest.raises(StudioError, match="The gradient of the loss was no longer a number"):
        list(begin("textual_inversion", backbone, cache, None))


def test_out_of_memory_halves_the_batch_and_takes_twice_as_many(
    backbone: Backbone, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = Spoiled(monkeypatch, {3}, torch.OutOfMemoryError("no room"))
    state = tmp_path / "state.safetensors"
    running = begin("textual_inversion", backbone, cache, state, batch=2)
    events = until(running, 5)
    running.close()
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any("ran out of memory" in note and "from step 2" in note for note in notes)
    assert spoiled.batches == [2, 2, 2, *[1] * 6]
    events = list(begin("textual_inversion", backbone, cache, state, batch=2))  # it remembers
    assert concept_of(events).header.memory == "batches in 2 parts, accumulated"
    assert concept_of(events).header.settings["batch"] == 2


def test_out_of_memory_with_a_single_photo_moves_activations_and_then_is_passed_on(
    backbone: Backbone, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Spoiled(monkeypatch, {2}, torch.OutOfMemoryError("no room"))
    events = list(begin("textual_inversion", backbone, cache, None, batch=1))
    assert any("the computer's memory" in event.text for event in events if isinstance(event, Note))
    assert concept_of(events).header.memory == "activations kept in the computer's memory"
    Spoiled(monkeypatch, {2, 4}, torch.OutOfMemoryError("no room"))
    with pytest.raises(torch.OutOfMemoryError):
        list(begin("textual_inversion", backbone, cache, None, batch=1))


@pytest.mark.parametrize("method_id", METHODS)
def test_activations_in_the_computers_memory_change_nothing_but_rounding(
    method_id: str, backbone: Backbone, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_saving, "SMALL_BYTES", 0)
    results = []
    for is_offloaded in (False, True):
        method = prepared(method_id, backbone, cache)
        optimization = Optimization(method, [], backbone, torch.Generator().manual_seed(1))
        optimization.memory.is_offloaded = is_offloaded
        next(optimization.run())
        moments = optimization.state().optimizer["state"].values()  # a tenth of the gradient after a step
        results.append([torch.tensor(optimization.losses), *(moment["exp_avg"] for moment in moments)])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-6)


def test_activations_leave_the_device_and_weights_stay(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = next(module for module in backbone.sites.values() if isinstance(module, torch.nn.Linear))
    moved = []
    empty = torch.empty_like

    def spied(tensor: torch.Tensor, **where: Any) -> torch.Tensor:
        moved.append(tuple(tensor.shape))
        return empty(tensor, **where)

    monkeypatch.setattr(memory_saving.torch, "empty_like", spied)
    monkeypatch.setattr(memory_saving, "SMALL_BYTES", 0)
    given = torch.randn(3, layer.in_features, requires_grad=True)
    with torch.enable_grad(), memory_saving.activations_on_host(backbone):
        layer(given.exp()).sum().backward()
    assert moved == [(3, layer.in_features)]  # of exp; the frozen layer needs its weight alone


def test_a_full_disk_is_said_once_and_the_training_goes_on(
    backbone: Backbone, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    events = list(begin("textual_inversion", backbone, cache, tmp_path / "state.safetensors"))
    notes = [event.text for event in events if isinstance(event, Note) and "cannot be kept" in event.text]
    assert len(notes) == 1 and "there is no room left on the disk for state.safetensors" in notes[0]
    assert concept_of(events).header.steps == STEPS


def test_a_state_that_is_no_number_does_not_replace_a_good_one(tmp_path: Path) -> None:
    kept = KeptState(tmp_path / "state.safetensors", identity_of(method="m"))
    good = StepState(3, [torch.ones(2)], {}, torch.Generator().get_state(), {}, [1.0, 0.5, 0.2])
    assert kept.keep(good)
    assert not kept.keep(StepState(4, [torch.tensor([1.0, torch.inf])], {}, good.generator, {}, [1.0]))
    assert kept.last().done == 3
    kept.forget()
    assert kept.last() is None


def test_a_large_state_is_written_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_state, "MAX_SHARE", 0.05)
    kept = KeptState(None, seconds=0.0)
    kept._took = 10.0
    assert not kept.is_due
    kept._took = 0.0
    assert kept.is_due


def test_what_was_learned_is_a_number_after_the_last_step_too(
    backbone: Backbone, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Optimization._step

    def spoiled(this: Optimization, stage: Any) -> Any:
        values = step(this, stage)
        if this.done == STEPS - 1:
            stage.groups[0][0][0].data.fill_(torch.inf)
        return values

    monkeypatch.setattr(Optimization, "_step", spoiled)
    with pytest.raises(StudioError, match="What was learned was no longer a number at step 6"):
        list(begin("textual_inversion", backbone, cache, None))


def test_a_training_of_an_earlier_version_goes_on() -> None:
    """Settings that came later, and are as if they had not, do not make it another one."""
    old = {"steps": 9, "rank": 4}
    assert without_later_settings({**old, "resolution": 0, "photo_captions": True}) == old
    assert without_later_settings({**old, "resolution": 512})["resolution"] == 512
    assert without_later_settings({**old, "photo_captions": False}) == {**old, "photo_captions": False}
