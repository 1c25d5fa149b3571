"""What every method must do, whatever it learns: one battery, run over all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, FinishEarly, Preview, Result, Step
from studio.generation.generate import generate
from studio.method import Method
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from trainers import BROKEN, METHODS, train
from trainers.kit import verdict as closing
from trainers.kit.optimizing import Optimization
from trainers.kit.step_state import StepState

SUBJECT = Subject("<lily>", "cat")
LOOK = Sampling(seed=7, steps=2, guidance=2.0)
pytestmark = pytest.mark.parametrize("method_id", sorted(METHODS))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture(autouse=True)
def short_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The closing look at what was learned has tests of its own (test_closing.py)."""
    monkeypatch.setattr(closing, "STEPS", 1)


def photos(method_id: str, subject: Subject = SUBJECT, count: int = 3) -> PhotoSet:
    return tiny.photos(count, masked=subject.handle if METHODS[method_id].needs.masks else "")


def trained_by(method: Method) -> list[torch.Tensor]:
    """What any of its stages learns, each tensor once."""
    tensors = [tensor for stage in method.stages() for group, _ in stage.groups for tensor in group]
    return list({id(tensor): tensor for tensor in tensors}.values())


def run(method_id: str, backbone: Backbone, cache: Path, **settings: object) -> Iterator[Event]:
    chosen = {**METHODS[method_id].quick_settings, **settings}
    return train(METHODS[method_id], backbone, photos(method_id), SUBJECT, chosen, LOOK, cache)


def learn(method_id: str, backbone: Backbone, cache: Path, **settings: object) -> Concept:
    *_, last = run(method_id, backbone, cache, **settings)
    assert isinstance(last, Result)
    return last.value


def prepared(method_id: str, backbone: Backbone, cache: Path, **settings: object) -> Method:
    method_class = METHODS[method_id]
    values = method_class.card().parse({**METHODS[method_id].quick_settings, **settings})
    generator = torch.Generator().manual_seed(3)
    method = method_class(backbone, SUBJECT, method_class.own(values), generator)
    for _ in method.prepare(photos(method_id), cache):
        pass
    return method


def step_loss(method: Method, generator: torch.Generator) -> torch.Tensor:
    """Draw a batch and return its loss, with the method's edits attached."""
    with attach(method.backbone, [ActiveEdit(edit) for edit in method.edits()]):
        return torch.stack(list(method.loss(method.draw(generator)).values())).sum()


def picture(backbone: Backbone, prompt: str, concepts: list[Concept], **recipe: object) -> np.ndarray:
    chosen = LOOK.with_prompt(prompt, **recipe)
    *_, last = generate(backbone, chosen, concepts)
    return np.asarray(last.value.image)


def test_is_found_and_described(method_id: str) -> None:
    assert not BROKEN
    card = METHODS[method_id].card()
    assert card.title and card.summary and "arXiv" in card.paper
    for field in card.fields:
        assert field.help, field.name
        assert field.kind not in ("int", "float") or (field.low is not None and field.high is not None), (
            field.name
        )
        assert field.parse(field.default) == field.default
    assert type(card).from_json(card.to_json()) == card


def test_moves_all_that_it_declares_and_nothing_else(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    before = tiny.weights(backbone)
    method = prepared(method_id, backbone, tmp_path)
    trained = trained_by(method)
    start = [tensor.detach().clone() for tensor in trained]
    optimizer = torch.optim.AdamW(trained, lr=0.01)
    generator = torch.Generator().manual_seed(5)
    for _ in range(2):
        step_loss(method, generator).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(not torch.equal(tensor, old) for tensor, old in zip(trained, start, strict=True))
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, before[name]), name


def test_the_loss_falls_on_one_fixed_batch(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(method_id, backbone, tmp_path)
    optimizer = torch.optim.AdamW(trained_by(method), lr=0.01)
    losses = []
    for _ in range(25):
        loss = step_loss(method, torch.Generator().manual_seed(11))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_the_file_paints_the_same_picture(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(method_id, backbone, tmp_path)
    path = tmp_path / "lily.safetensors"
    concept.save(path)
    opened = Concept.open(path)
    assert opened.header == concept.header
    prompt = "a photo of <lily> on blue background"
    assert np.array_equal(picture(backbone, prompt, [concept]), picture(backbone, prompt, [opened]))
    assert path.stat().st_size < METHODS[method_id].max_file_bytes
    assert b"/tmp" not in path.read_bytes()


def test_the_concept_changes_pictures_that_name_it(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    concept = learn(method_id, backbone, tmp_path)
    with_it = picture(backbone, "a photo of <lily>", [concept])
    assert not np.array_equal(with_it, picture(backbone, "a photo of cat", []))


def test_pictures_that_do_not_name_it_are_bit_identical(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    concept = learn(method_id, backbone, tmp_path)
    prompt = "a photo of cat on blue background"
    assert np.array_equal(picture(backbone, prompt, [concept]), picture(backbone, prompt, []))


def test_strength_zero_is_the_plain_noun(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(method_id, backbone, tmp_path)
    plain = picture(backbone, "a photo of cat", [])
    assert np.array_equal(picture(backbone, "a photo of <lily>", [concept], strengths={"<lily>": 0.0}), plain)


def test_leaves_the_backbone_as_it_was(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    before, length = tiny.weights(backbone), len(backbone.tokenizer)
    plain = picture(backbone, "a photo of cat", [])

    def unharmed() -> None:
        for name, after in tiny.weights(backbone).items():
            assert np.array_equal(after, before[name]), name
        assert len(backbone.tokenizer) == length
        assert np.array_equal(picture(backbone, "a photo of cat", []), plain)

    learn(method_id, backbone, tmp_path)
    unharmed()
    events = run(method_id, backbone, tmp_path)
    count = sum(1 for _ in run(method_id, backbone, tmp_path))
    for stop in range(1, count):
        events = run(method_id, backbone, tmp_path)
        for _ in range(stop):
            next(events)
        unharmed()
        events.close()
    unharmed()


def test_a_failing_step_leaves_the_backbone_as_it_was(
    method_id: str, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(backbone, "a photo of cat", [])

    def fail(*arguments: object) -> None:
        raise RuntimeError("in the middle of a step")

    events = run(method_id, backbone, tmp_path)
    next(event for event in events if isinstance(event, Preview))
    monkeypatch.setattr(backbone, "predict", fail)
    with pytest.raises(RuntimeError):
        list(events)
    monkeypatch.undo()
    assert np.array_equal(picture(backbone, "a photo of cat", []), before)


def test_a_loss_that_is_no_number_stops_with_a_hint(
    method_id: str, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = run(method_id, backbone, tmp_path)
    next(event for event in events if isinstance(event, Step) and event.values)
    predict = backbone.predict
    monkeypatch.setattr(backbone, "predict", lambda *arguments: predict(*arguments) * float("nan"))
    with pytest.raises(StudioError, match="no longer a number") as raised:
        list(events)
    assert "learning rate" in raised.value.hint


def test_finishing_early_keeps_what_was_learned(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    events = run(method_id, backbone, tmp_path, steps=50)
    steps = 0
    for event in events:
        steps += isinstance(event, Step) and "loss" in event.values
        if steps == 2:
            break
    rest = [events.throw(FinishEarly()), *events]
    assert isinstance(rest[-1], Result)
    assert 2 <= rest[-1].value.header.steps < 50  # the burst that was running is kept, too


def test_finishing_early_too_late_changes_nothing(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    events = run(method_id, backbone, tmp_path)
    for event in events:
        if isinstance(event, Preview) and event.step == METHODS[method_id].quick_settings["steps"]:
            break
    rest = [events.throw(FinishEarly()), *events]
    assert (
        isinstance(rest[-1], Result)
        and rest[-1].value.header.steps == METHODS[method_id].quick_settings["steps"]
    )


def test_the_last_preview_is_what_create_paints(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    events = list(run(method_id, backbone, tmp_path))
    preview = [event for event in events if isinstance(event, Preview)][-1]
    painted = picture(backbone, preview.prompt, [events[-1].value])
    assert np.array_equal(np.asarray(preview.picture), painted)


def test_a_seed_repeats_itself(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    first, second = (learn(method_id, backbone, tmp_path) for _ in range(2))
    for one, other in zip(first.edits, second.edits, strict=True):
        assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


def test_composes_with_every_other_method_in_any_order(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    mine = learn(method_id, backbone, tmp_path)
    for other_id in METHODS:
        settings = {**METHODS[other_id].quick_settings, "steps": 2}
        tom = Subject("<tom>", "dog")
        *_, last = train(METHODS[other_id], backbone, photos(other_id, tom, 2), tom, settings, LOOK, tmp_path)
        other = last.value
        prompt = "<lily> and <tom>"
        there = picture(backbone, prompt, [mine, other])
        assert np.array_equal(there, picture(backbone, prompt, [other, mine]))
        assert not np.array_equal(there, picture(backbone, prompt, [mine, other], strengths={"<tom>": 0.0}))


def test_refuses_another_base_and_names_both(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(method_id, backbone, tmp_path)
    other = tiny.backbone(seed=1)
    with pytest.raises(StudioError) as raised:
        picture(other, "a photo of <lily>", [concept])
    assert backbone.name in raised.value.message and other.name in raised.value.message


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_learns_on_bases_of_both_prediction_types(
    method_id: str, prediction_type: str, tmp_path: Path
) -> None:
    backbone = tiny.backbone(prediction_type)
    assert learn(method_id, backbone, tmp_path).header.steps == METHODS[method_id].quick_settings["steps"]


def test_what_is_trained_stays_float32_under_bfloat16(method_id: str, tmp_path: Path) -> None:
    backbone = tiny.backbone(dtype=torch.bfloat16)
    method = prepared(method_id, backbone, tmp_path)
    for stage in method.stages():
        assert all(tensor.dtype == torch.float32 for tensors, _ in stage.groups for tensor in tensors)
    assert learn(method_id, backbone, tmp_path).header.final_loss > 0


@pytest.mark.parametrize("at", [1, 3, 5])
def test_goes_on_from_a_saved_state_bit_for_bit(
    method_id: str, at: int, backbone: Backbone, tmp_path: Path
) -> None:
    def begun() -> tuple[Method, Optimization]:
        method = prepared(method_id, backbone, tmp_path, steps=6)
        regularizers = [
            one(method, one.own(METHODS[method_id].card().parse({})))
            for one in METHODS[method_id].regularizers
        ]
        generator = torch.Generator().manual_seed(9)
        return method, Optimization(method, regularizers, backbone, generator, breaks=[at])

    method, whole = begun()
    for step in whole.run():
        if step.step == at:
            whole.state().save(tmp_path / "state.safetensors")
    again, resumed = begun()
    resumed.load(StepState.open(tmp_path / "state.safetensors"))
    assert len(list(resumed.run())) == 6 - at
    assert resumed.losses == whole.losses
    for one, other in zip(method.edits(), again.edits(), strict=True):
        assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


def test_accumulated_batches_make_one_step(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(method_id, backbone, tmp_path)
    stages = [dataclasses.replace(stage, accumulate=3) for stage in method.stages()]
    method.stages = lambda: stages
    drawn = []
    draw = method.draw
    method.draw = lambda generator: drawn.append(1) or draw(generator)
    steps = list(Optimization(method, [], backbone, torch.Generator().manual_seed(9)).run())
    assert len(drawn) == 3 * len(steps) == 3 * METHODS[method_id].quick_settings["steps"]
