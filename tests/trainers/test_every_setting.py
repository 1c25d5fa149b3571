"""No setting of any method is ignored: changing it changes what is drawn, lost, optimised or kept."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.models.backbone import Backbone
from studio.models.joint_space import JointSpace
from studio.photos.photo_set import PhotoSet
from studio.settings import Field
from studio.subject import Subject
from tests import tiny, tiny_clip
from tests.variations import slow_but
from trainers import METHODS
from trainers.kit import templates
from trainers.kit.found_subjects import with_found_subjects
from trainers.kit.optimizing import Optimization
from trainers.regularizers import context

SUBJECT = Subject("<lily>", "cat")
TWO = Subject("<lily>", "cat", beside=(Subject("<tom>", "dog"),))
PROMPTS = "a red {}", "the {} in a garden"  # of what lives, and of what does not
SCHEDULE_STEPS = 10  # enough for what happens in the middle fifth of a training

# What has to be set for a setting to matter: "method.setting" or, in every method that has it, "setting".
NEEDED: dict[str, dict[str, Any]] = {
    "dreambooth.rare_word": {"identifier": "rare word", "rare_word": "sks"},
    "dreambooth.block": {"basis": "shared", "block": 0},
    "dreambooth.backgrounds": {"background_share": 1.0},
    "break_a_scene.full_rate": {"tuning": "full"},
    "context_regularized.hold_length": {"steps": SCHEDULE_STEPS, "batch": 1},
    "context_regularized.tuning_rate": {"tuning_steps": 2},
    "context_regularized.tuning_batch": {"tuning_steps": 2},
    "context_regularized.rank": {"tuning_steps": 2},
    "iti_gen.flips": {"guide": "photos"},
    "iti_gen.resolution": {"guide": "photos"},
    "disendiff.weight_rate": {"tuning": "low-rank"},
    "context_prompts": {"context_embedding_weight": 1.0},
    "context_form": {"context_embedding_weight": 1.0},
    "class_meaning_pool": {"class_meaning_weight": 1.0},
}
OTHERS = {
    "rare_word": "dog",
    "prior_prompt": "a photo of a dog",
    "opening": "a photo of",
    "sentence": "the {}",
    "resolution": 32,
    "context_prompts": "inanimate",  # the noun lives
}
CASES = [
    (method_id, field.name) for method_id in sorted(METHODS) for field in METHODS[method_id].card().fields
]
# the first method that has a setting stands for the others that have it
FIRST = {name: (method_id, name) for method_id, name in reversed(CASES)}.values()

Outcome = list[Any]


def quick(method_id: str) -> dict[str, Any]:
    """Return settings that train for two steps."""
    return {**METHODS[method_id].quick_settings, "steps": 2}


def photos_for(method_id: str) -> tuple[Subject, PhotoSet]:
    """Return what a method learns: two subjects of one photo if it can, else one in three.

    The pair is masked. Of the three only one is, and the subject of the others can be found; they have
    captions, or categories if they are sorted.
    """
    if METHODS[method_id].needs.max_subjects > 1:
        return TWO, tiny.pair()
    photos = tiny.photos(masked=SUBJECT.handle)
    masks = {SUBJECT.handle: (None, photos.masks[SUBJECT.handle][1], None)}
    photos = dataclasses.replace(photos, masks=masks)
    if METHODS[method_id].needs.sorted:
        return SUBJECT, dataclasses.replace(photos, captions=tiny.categories(3))
    return SUBJECT, dataclasses.replace(photos, captions=("a cat asleep", "", "a cat on a chair"))


def another(field: Field, value: Any) -> Any:
    """Return a value of a setting that is not `value`."""
    if field.kind == "bool":
        return not value
    if field.name in OTHERS:
        return OTHERS[field.name]
    if field.kind == "choice":
        return next(choice for choice in field.choices if choice != value)
    low, high = field.low or 0, field.high or 1.0
    for other in (2 * value, value / 2, 1, (low + high) / 2):
        if low <= other <= high and other != value and (field.kind == "float" or other == int(other)):
            return other
    raise AssertionError(f"{field.name} has no other value")


def outcome(method_id: str, backbone: Backbone, cache: Path, **settings: Any) -> Outcome:
    """Train for a few steps and return every number that came of it.

    Those are the losses, the tensors of the edits, and their knobs.
    """
    subject, photos = photos_for(method_id)
    values = METHODS[method_id].card().parse({**quick(method_id), **settings})
    generator = torch.Generator().manual_seed(3)
    method = METHODS[method_id](backbone, subject, METHODS[method_id].own(values), generator)
    photos = with_found_subjects(photos, subject.handle, method.settings)
    for _ in method.prepare(photos, cache):
        pass
    regularizers = [one(method, one.own(values)) for one in method.regularizers if one.is_on(values)]
    optimization = Optimization(method, regularizers, backbone, generator)
    losses = [step.values for step in optimization.run()]
    optimization.take_average()
    for _ in method.finish():
        pass
    kept = [sorted(edit.knobs().items()) for edit in method.edits()]
    tensors = [(name, tensor.tolist()) for edit in method.edits() for name, tensor in edit.tensors().items()]
    return [losses, tensors, kept]


@pytest.fixture(scope="module")
def outcome_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Outcome]]:
    """Returns `outcome` on one backbone; the same settings are trained once."""
    backbone, cache = tiny.backbone(), tmp_path_factory.mktemp("cache")

    @functools.cache
    def of(method_id: str, settings: tuple[tuple[str, Any], ...]) -> Outcome:
        return outcome(method_id, backbone, cache, **dict(settings))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JointSpace, "beside", tiny_clip.joint_space)
        patch.setattr(templates, "STYLE", ("the {}",))  # the others are too long for this base
        # The two lists share a quarter of their lines, and one line is drawn a step.
        patch.setattr(context, "context_prompts", lambda kind, *_: [PROMPTS[kind == "inanimate"]])
        yield lambda method_id, settings: of(method_id, tuple(sorted(settings.items())))


@pytest.mark.parametrize("method_id", sorted(METHODS))
def test_the_same_settings_have_the_same_outcome(method_id: str, tmp_path: Path) -> None:
    """Otherwise the differences below would say nothing."""
    backbone = tiny.backbone()
    assert outcome(method_id, backbone, tmp_path) == outcome(method_id, backbone, tmp_path)


@pytest.mark.parametrize(("method_id", "name"), slow_but(FIRST, CASES))
def test_changing_it_changes_the_outcome(
    method_id: str, name: str, outcome_of: Callable[..., Outcome]
) -> None:
    method = METHODS[method_id]
    field = next(field for field in method.card().fields if field.name == name)
    settings = {**quick(method_id), **NEEDED.get(f"{method_id}.{name}", NEEDED.get(name, {}))}
    value = settings.get(name, field.default)
    changed = {**settings, name: another(field, value)}
    assert outcome_of(method_id, changed) != outcome_of(method_id, settings)
