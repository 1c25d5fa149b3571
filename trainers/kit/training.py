"""A training: what is to be learned, by which method, on which base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from studio.concepts.header import Header
from studio.edits.concept import Concept
from studio.events import Result
from studio.generation.generate import Picture, generate
from studio.method import Method
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe, Sampling
from studio.regularizer import Regularizer
from studio.subject import Subject
from trainers.kit.optimizing import Optimization
from trainers.kit.processes import ALONE, Processes


@dataclass(frozen=True, eq=False)
class Training:
    """What is to be learned.

    Args:
        values: every setting in its type.
        sampling: the seed of everything, and the sampling steps and guidance of the previews.
        cache: a folder for files that later trainings use again, such as class pictures.
    """

    method_class: type[Method]
    backbone: Backbone
    photos: PhotoSet
    subject: Subject
    values: Mapping[str, Any]
    sampling: Sampling
    cache: Path
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def method(self, generator: torch.Generator, changes: Mapping[str, Any] | None = None) -> Method:
        """Return the method with its settings, some of which may be changed."""
        settings = self.method_class.own({**self.values, **(changes or {})})
        return self.method_class(self.backbone, self.subject, settings, generator)

    def optimization(
        self,
        method: Method,
        generator: torch.Generator,
        more_steps: int = 0,
        processes: Processes = ALONE,
    ) -> Optimization:
        """Return the optimisation of a prepared method, with the regularizers that are on."""
        regularizers: list[Regularizer] = [
            regularizer(method, regularizer.own(self.values))
            for regularizer in self.method_class.regularizers
            if regularizer.is_on(self.values)
        ]
        return Optimization(
            method, regularizers, self.backbone, generator, more_steps=more_steps, processes=processes
        )

    def header(self, method: Method) -> Header:
        """Return the header of what the method learns, as far as it is known before the first step."""
        return Header(
            handles=method.subject.handles,
            method=method.id,
            method_title=method.title,
            paper=method.paper,
            settings=dict(self.values),
            seed=self.sampling.seed,
            base=self.backbone.name,
            fingerprint=self.backbone.fingerprint,
            base_kind=self.backbone.kind,
            photos=len(self.photos),
            steps=0,
            final_loss=0.0,
            created=self.created,
            knobs={name: knob for edit in method.edits() for name, knob in edit.knobs().items()},
            program=_program(),
        )

    def preview(self, method: Method, recipe: Recipe) -> Image.Image:
        """Return the picture of a recipe as Create would paint it with what was learned so far."""
        concept = Concept(self.header(method), tuple(method.edits()))
        for event in generate(self.backbone, recipe, [concept]):
            match event:
                case Result(Picture(image=image)):
                    return image
        raise AssertionError("painting one picture gave none")


def _program() -> str:
    try:
        return f"likeness {version('likeness')}"
    except PackageNotFoundError:
        return "likeness"
