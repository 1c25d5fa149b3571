"""Trainings and pictures for the checks that every method must pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from studio.edits import attach
from studio.edits.concept import Concept
from studio.events import Event, Result, Step
from studio.generation.generate import generate
from studio.method import Method
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.steps import attached_edits
from trainers import METHODS, train

SUBJECT = Subject("<lily>", "cat")
SAMPLING = Sampling(seed=7, steps=2, guidance=2.0)


def photos(method_id: str, subject: Subject = SUBJECT, count: int = 3) -> PhotoSet:
    """Return photos of a subject, with masks or sorted if the method needs it."""
    needs = METHODS[method_id].needs
    made = tiny.photos(count, masked=subject.handle if needs.masks else "")
    return dataclasses.replace(made, captions=tiny.categories(count)) if needs.sorted else made


def parameters_of(method: Method) -> list[torch.Tensor]:
    """Return what any of its stages learns, each tensor once."""
    tensors = [tensor for stage in method.stages() for group, _ in stage.groups for tensor in group]
    return list({id(tensor): tensor for tensor in tensors}.values())


def run(method_id: str, backbone: Backbone, cache: Path, **settings: object) -> Iterator[Event]:
    """Return a training of the subject, with the method's quick settings and these."""
    chosen = {**METHODS[method_id].quick_settings, **settings}
    return train(METHODS[method_id], backbone, photos(method_id), SUBJECT, chosen, SAMPLING, cache)


def first_losses(method: type[Method], backbone: Backbone, cache: Path) -> list[float]:
    """Return the losses of the two steps of a training, which is left before it shows what it learned."""
    settings = {**method.quick_settings, "steps": 2}
    with closing(train(method, backbone, photos(method.id), SUBJECT, settings, SAMPLING, cache)) as events:
        steps = (event for event in events if isinstance(event, Step) and "loss" in event.values)
        return [next(steps).values["loss"] for _ in range(2)]


def learn(method_id: str, backbone: Backbone, cache: Path, **settings: object) -> Concept:
    """Train a method on the subject and return the concept."""
    *_, last = run(method_id, backbone, cache, **settings)
    assert isinstance(last, Result)
    return last.value


def prepared(method_id: str, backbone: Backbone, cache: Path, **settings: object) -> Method:
    """Return a method that is ready for its first step."""
    method_class = METHODS[method_id]
    values = method_class.card().parse({**METHODS[method_id].quick_settings, **settings})
    generator = torch.Generator().manual_seed(3)
    method = method_class(backbone, SUBJECT, method_class.own(values), generator)
    for _ in method.prepare(photos(method_id), cache):
        pass
    return method


def step_loss(method: Method, generator: torch.Generator) -> torch.Tensor:
    """Draw a batch and return its loss, with the method's edits attached."""
    with attach(method.backbone, attached_edits(method)):
        return torch.stack(list(method.loss(method.draw(generator)).values())).sum()


@torch.no_grad()
def prediction(backbone: Backbone, prompt: str) -> torch.Tensor:
    """Return what the base predicts for a prompt and always the same noise: all that an edit could change."""
    noise = torch.randn((1, *backbone.latent_shape), generator=torch.Generator().manual_seed(7))
    return backbone.predict(noise, backbone.at_noise(0.5, 1), backbone.text.read([prompt]))


def picture(backbone: Backbone, prompt: str, concepts: list[Concept], **recipe: object) -> np.ndarray:
    """Paint one picture and return its pixels."""
    chosen = SAMPLING.with_prompt(prompt, **recipe)
    *_, last = generate(backbone, chosen, concepts)
    return np.asarray(last.value.image)
