"""Checks that every method must pass: one battery, run over all of them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, FinishEarly, Note, Preview, Result, Step
from studio.generation.generate import generate
from studio.method import Method
from studio.models.backbone import Backbone
from studio.subject import Subject
from tests import tiny
from tests.tiny_families import FAMILIES
from tests.trainers.battery import (
    SAMPLING,
    first_losses,
    parameters_of,
    photos,
    picture,
    prediction,
    prepared,
    run,
    step_loss,
)
from tests.trainers.steps import loss_terms
from trainers import METHODS, train
from trainers.kit import verdict
from trainers.kit.optimizing import Optimization
from trainers.kit.step_state import StepState

pytestmark = [
    pytest.mark.parametrize("method_id", sorted(METHODS)),
    pytest.mark.usefixtures("short_verdict", "one_preview"),
]


on_every_family = pytest.mark.parametrize("backbone", sorted(FAMILIES), indirect=True)
# of each kind of network one, for what takes several trainings
on_both_kinds = pytest.mark.parametrize("backbone", ["stable_diffusion", "z_image"], indirect=True)


@pytest.fixture(scope="module")
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return FAMILIES[getattr(request, "param", "stable_diffusion")]()


@pytest.fixture(autouse=True)
def only_where_it_works(method_id: str, backbone: Backbone) -> None:
    if backbone.family not in tiny.FAMILIES and (reason := METHODS[method_id].refusal(backbone)):
        pytest.skip(reason)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for class pictures and text moments, made once per base."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(backbone: Backbone, cache: Path) -> Callable[[str], list[Event]]:
    """Returns all events of a training of <lily> by a method; each method trains once."""
    return functools.cache(lambda method_id: list(run(method_id, backbone, cache)))


@pytest.fixture
def concept(method_id: str, trained: Callable[[str], list[Event]]) -> Concept:
    """The concept <lily> of that training."""
    return trained(method_id)[-1].value


@pytest.fixture(scope="module")
def tom(backbone: Backbone, cache: Path) -> Callable[[str], Concept]:
    """Returns the concept <tom>, a dog, of a training by a method; each method trains once."""

    def learn_tom(method_id: str) -> Concept:
        settings = {**METHODS[method_id].quick_settings, "steps": 2}
        subject = Subject("<tom>", "dog")
        training = train(
            METHODS[method_id], backbone, photos(method_id, subject, 2), subject, settings, SAMPLING, cache
        )
        *_, last = training
        return last.value

    return functools.cache(learn_tom)


@on_every_family
def test_moves_all_that_it_declares_and_nothing_else(method_id: str, backbone: Backbone, cache: Path) -> None:
    before = tiny.weights(backbone)
    method = prepared(method_id, backbone, cache)
    parameters = parameters_of(method)
    start = [tensor.detach().clone() for tensor in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=0.01)
    generator = torch.Generator().manual_seed(5)
    for _ in range(2):
        step_loss(method, generator).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(not torch.equal(tensor, old) for tensor, old in zip(parameters, start, strict=True))
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, before[name]), name


@on_both_kinds
def test_the_loss_falls_on_one_fixed_batch(method_id: str, backbone: Backbone, cache: Path) -> None:
    method = prepared(method_id, backbone, cache)
    optimizer = torch.optim.AdamW(parameters_of(method), lr=0.001)  # numbers of a word may be 0.02
    losses = []
    for _ in range(12):
        loss = step_loss(method, torch.Generator().manual_seed(11))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@on_every_family
def test_the_file_paints_the_same_picture(
    method_id: str, backbone: Backbone, concept: Concept, tmp_path: Path
) -> None:
    path = tmp_path / "lily.safetensors"
    concept.save(path)
    opened = Concept.open(path)
    assert opened.header == concept.header
    prompt = "a photo of <lily> on blue background"
    assert np.array_equal(picture(backbone, prompt, [concept]), picture(backbone, prompt, [opened]))
    assert path.stat().st_size < METHODS[method_id].max_file_bytes
    assert b"/tmp" not in path.read_bytes()


@on_every_family
def test_the_concept_changes_pictures_that_name_it(
    method_id: str, backbone: Backbone, concept: Concept
) -> None:
    """The picture is neither the noun's nor that of the letters of the handle, which no edits would give."""
    with_it = picture(backbone, "a photo of <lily>", [concept])
    assert not np.array_equal(with_it, picture(backbone, "a photo of cat", []))
    letters = picture(backbone, "a photo of <lily>", [Concept(concept.header, ())])
    assert not np.array_equal(with_it, letters)


@on_every_family
def test_pictures_that_do_not_name_it_are_bit_identical(
    method_id: str, backbone: Backbone, concept: Concept
) -> None:
    prompt = "a photo of cat on blue background"
    assert np.array_equal(picture(backbone, prompt, [concept]), picture(backbone, prompt, []))


@on_every_family
def test_strength_zero_is_the_plain_noun(method_id: str, backbone: Backbone, concept: Concept) -> None:
    plain = picture(backbone, "a photo of cat", [])
    assert np.array_equal(picture(backbone, "a photo of <lily>", [concept], strengths={"<lily>": 0.0}), plain)


@on_both_kinds
def test_leaves_the_backbone_as_it_was(method_id: str, backbone: Backbone, tmp_path: Path) -> None:
    before, length = tiny.weights(backbone), len(backbone.text.tokenizer)
    plain = prediction(backbone, "a photo of cat")

    def assert_unchanged() -> None:
        for name, after in tiny.weights(backbone).items():
            assert np.array_equal(after, before[name]), name
        assert len(backbone.text.tokenizer) == length
        assert torch.equal(prediction(backbone, "a photo of cat"), plain)

    def has_loss(event: Event) -> bool:
        return isinstance(event, Step) and "loss" in event.values

    last = METHODS[method_id].quick_settings["steps"]
    for before_it_stops in (
        lambda event: isinstance(event, Preview),
        lambda event: has_loss(event) and event.step == last // 2 + 1,
        lambda event: isinstance(event, Step) and event.stage == verdict.STAGE and event.step == event.steps,
    ):
        events, kinds = run(method_id, backbone, tmp_path), set()
        for event in events:
            kind = (type(event), getattr(event, "stage", ""))
            if kind not in kinds:
                kinds.add(kind)
                assert_unchanged()
            if before_it_stops(event):
                events.close()
                break
        assert_unchanged()


def test_a_failing_step_leaves_the_backbone_as_it_was(
    method_id: str, backbone: Backbone, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(backbone, "a photo of cat", [])

    def fail(*arguments: object) -> None:
        raise RuntimeError("in the middle of a step")

    events = run(method_id, backbone, cache)
    next(event for event in events if isinstance(event, Preview))
    monkeypatch.setattr(backbone, "predict", fail)
    with pytest.raises(RuntimeError):
        list(events)
    monkeypatch.undo()
    assert np.array_equal(picture(backbone, "a photo of cat", []), before)


def test_a_loss_that_is_no_number_stops_with_a_hint(
    method_id: str, backbone: Backbone, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = run(method_id, backbone, cache)
    next(event for event in events if isinstance(event, Step) and event.values)
    predict = backbone.predict
    monkeypatch.setattr(backbone, "predict", lambda *arguments: predict(*arguments) * float("nan"))
    with pytest.raises(StudioError, match="no longer a number") as raised:
        list(events)
    assert "learning rate" in raised.value.hint


def test_finishing_early_keeps_what_was_learned(method_id: str, backbone: Backbone, cache: Path) -> None:
    events = run(method_id, backbone, cache, steps=50)
    steps = 0
    for event in events:
        steps += isinstance(event, Step) and "loss" in event.values
        if steps == 2:
            break
    rest = [events.throw(FinishEarly()), *events]
    assert isinstance(rest[-1], Result)
    assert 2 <= rest[-1].value.header.steps < 50  # the burst that was running is finished first


def test_a_seed_repeats_itself_and_finishing_early_too_late_changes_nothing(
    method_id: str, backbone: Backbone, concept: Concept, cache: Path
) -> None:
    steps = METHODS[method_id].quick_settings["steps"]
    events = run(method_id, backbone, cache)
    for event in events:
        if isinstance(event, Preview) and event.step == steps:
            break
    *_, last = [events.throw(FinishEarly()), *events]
    assert isinstance(last, Result) and last.value.header.steps == steps
    assert len(last.value.edits) == len(concept.edits)
    for one, other in zip(concept.edits, last.value.edits, strict=True):
        assert one.tensors().keys() == other.tensors().keys()
        assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


def test_the_last_preview_is_what_create_paints(
    method_id: str, backbone: Backbone, trained: Callable[[str], list[Event]]
) -> None:
    events = trained(method_id)
    preview = [event for event in events if isinstance(event, Preview)][-1]
    painted = picture(backbone, preview.prompt, [events[-1].value])
    assert np.array_equal(np.asarray(preview.picture), painted)


@pytest.mark.parametrize("further", range(3))
def test_composes_with_other_methods_in_any_order(
    method_id: str, further: int, backbone: Backbone, concept: Concept, tom: Callable[[str], Concept]
) -> None:
    names = sorted(METHODS)  # in a circle, since all pairs would be too many
    other = tom(names[(names.index(method_id) + further) % len(names)])
    prompt = "<lily> and <tom>"
    both = picture(backbone, prompt, [concept, other])
    assert np.array_equal(both, picture(backbone, prompt, [other, concept]))
    assert not np.array_equal(both, picture(backbone, prompt, [concept, other], strengths={"<lily>": 0.0}))
    lily_alone = picture(backbone, prompt, [concept, other], strengths={"<tom>": 0.0})
    assert not np.array_equal(both, lily_alone)
    assert np.array_equal(lily_alone, picture(backbone, "<lily> and dog", [concept]))


def test_refuses_a_base_of_another_kind_and_names_both(
    method_id: str, backbone: Backbone, concept: Concept
) -> None:
    other = tiny.backbone(seed=1, width=48)
    with pytest.raises(StudioError) as raised:
        picture(other, "a photo of <lily>", [concept])
    assert backbone.name in raised.value.message and other.name in raised.value.message


@on_every_family
def test_goes_on_another_checkpoint_of_its_kind_with_a_note(
    method_id: str, backbone: Backbone, concept: Concept
) -> None:
    """What depends on numbers measured on its own base is refused there."""
    tune = FAMILIES[backbone.family]()
    next(tiny.denoiser(tune).parameters()).data += 0.01
    tune.fingerprint = "a fine-tune"
    recipe = SAMPLING.with_prompt("a photo of <lily>")
    if concept.header.dependencies:
        with pytest.raises(StudioError, match="was made for"):
            list(generate(tune, recipe, [concept]))
        return
    notes = [event.text for event in generate(tune, recipe, [concept]) if isinstance(event, Note)]
    assert notes == [
        f"<lily> was made on {backbone.name}, another base of the same kind: here it may look different."
    ]
    assert not [event for event in generate(backbone, recipe, [concept]) if isinstance(event, Note)]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_loss_is_zero_when_the_base_predicts_what_it_was_taught(
    method_id: str, prediction_type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = tiny.backbone(prediction_type)
    method = prepared(method_id, backbone, tmp_path)
    noised: list[tuple[torch.Tensor, ...]] = []
    add_noise, predict = backbone.add_noise, backbone.predict

    def remember(*arguments: torch.Tensor) -> torch.Tensor:
        noised.append(arguments)
        return add_noise(*arguments)

    def perfect(*arguments: object, as_v: bool) -> torch.Tensor:
        predict(*arguments)  # for whatever records the attention
        latents, noise, t = noised[-1]
        level = backbone.schedule.alphas_cumprod[t].view(-1, 1, 1, 1)
        return level.sqrt() * noise - (1 - level).sqrt() * latents if as_v else noise

    monkeypatch.setattr(backbone, "add_noise", remember)
    for as_v in (False, True):
        monkeypatch.setattr(backbone, "predict", functools.partial(perfect, as_v=as_v))
        denoising = loss_terms(method)["denoising"].item()
        assert (denoising < 1e-10) is (as_v == (prediction_type == "v_prediction"))


def test_learns_on_a_base_that_predicts_v(method_id: str, tmp_path: Path) -> None:
    backbone = tiny.backbone("v_prediction")
    method = prepared(method_id, backbone, tmp_path)
    before = step_loss(method, torch.Generator().manual_seed(11)).item()
    optimizer = torch.optim.AdamW(parameters_of(method), lr=0.01)
    for _ in range(6):
        step_loss(method, torch.Generator().manual_seed(11)).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert step_loss(method, torch.Generator().manual_seed(11)).item() < before


@on_both_kinds
def test_what_is_trained_stays_float32_under_bfloat16(
    method_id: str, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    half, methods = FAMILIES[backbone.family](dtype=torch.bfloat16), []

    class Kept(METHODS[method_id]):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            methods.append(self)

    rounded = first_losses(Kept, half, tmp_path)
    for tensor in parameters_of(methods[-1]):
        assert tensor.dtype == torch.float32
        # and its steps were not rounded to bfloat16 either
        assert not torch.equal(tensor.detach(), tensor.detach().bfloat16().float())
    assert sum(rounded) == pytest.approx(sum(first_losses(METHODS[method_id], backbone, cache)), rel=0.1)


@on_both_kinds
def test_goes_on_from_a_saved_state_bit_for_bit(
    method_id: str, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    saved_at = [1, 3, 5]  # in Break-A-Scene: in the first stage, between the stages, in the second

    def start() -> tuple[Method, Optimization]:
        method = prepared(method_id, backbone, cache, steps=6)
        defaults = METHODS[method_id].card().parse({})
        regularizers = [one(method, one.own(defaults)) for one in METHODS[method_id].regularizers]
        generator = torch.Generator().manual_seed(9)
        return method, Optimization(method, regularizers, backbone, generator, breaks=saved_at)

    method, whole = start()
    for step in whole.run():
        if step.step in saved_at:
            whole.state().save(tmp_path / f"{step.step}.safetensors")
    whole.take_average()
    for at in saved_at:
        again, resumed = start()
        resumed.load(StepState.open(tmp_path / f"{at}.safetensors"))
        assert len(list(resumed.run())) == 6 - at
        assert resumed.losses == whole.losses
        resumed.take_average()
        for one, other in zip(method.edits(), again.edits(), strict=True):
            assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


def test_accumulated_batches_make_one_step(method_id: str, backbone: Backbone, cache: Path) -> None:
    method = prepared(method_id, backbone, cache)
    stages = [dataclasses.replace(stage, accumulate=3) for stage in method.stages()]
    method.stages = lambda: stages
    drawn, draw = [], method.draw
    method.draw = lambda generator: drawn.append(1) or draw(generator)
    steps = list(Optimization(method, [], backbone, torch.Generator().manual_seed(9)).run())
    assert len(drawn) == 3 * len(steps) == 3 * METHODS[method_id].quick_settings["steps"]
