"""Save a concept and make sure that the file works: opened again and painted with, before it counts."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from pathlib import Path

import torch

from studio.edits.concept import Concept
from studio.errors import DiskError, StudioError
from studio.files import PARTIAL, delete_file, move_file
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.models.devices import forget_unused
from studio.recipes.recipe import Sampling

STEPS = 2  # enough to go through every layer


def save_checked(backbone: Backbone, concept: Concept, path: Path, sampling: Sampling) -> None:
    """Write a concept's file once it has been opened again and a picture was painted from it.

    Where the device has no memory for the picture, the file counts without it: a training that just fitted
    would be lost otherwise. `path` is either what it was before or the whole new file.

    Raises StudioError when the file cannot be read or painted with, and DiskError when the disk does not take
    it.
    """
    trial = path.with_name(f".{path.name[:100]}.{os.getpid()}-trial{PARTIAL}")
    try:
        concept.save(trial)
        opened = Concept.open(trial)
        _paint_trial(backbone, opened, sampling)
        move_file(trial, path)
    except DiskError:
        raise
    except StudioError as error:
        raise StudioError(
            "This concept cannot be used: {reason}",
            "After a training, train again with a lower learning rate or fewer steps. Nothing was changed.",
            reason=error.message,
        ) from error
    finally:
        with suppress(DiskError):
            delete_file(trial)


def _paint_trial(backbone: Backbone, concept: Concept, sampling: Sampling) -> None:
    """Paint a picture from a concept, as far as the device has the memory for it."""
    few = dataclasses.replace(sampling, steps=min(STEPS, sampling.steps), count=1)
    try:
        for _ in generate(backbone, few.with_prompt(" ".join(concept.header.handles)), [concept]):
            pass
        return
    except torch.OutOfMemoryError:
        pass  # what the picture holds is only free once its error is forgotten
    forget_unused(backbone.device)
