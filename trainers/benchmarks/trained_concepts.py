"""Concepts that a trial trains, each once: saved in a folder, opened when they are needed again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from studio.concepts.header import read_header
from studio.edits.concept import Concept
from studio.events import Result
from studio.models.backbone import Backbone
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from trainers.benchmarks.saved_scores import write_json
from trainers.benchmarks.variants import Variant
from trainers.kit.loop import train

CONCEPT, SECONDS = "concept.safetensors", "seconds.json"


def train_or_open(
    backbone: Backbone,
    subject: Subject,
    photos: Sequence[Photo],
    variant: Variant,
    sampling: Sampling,
    folder: Path,
) -> tuple[Concept, float]:
    """Return the concept that a variant learns, and how many seconds its training took.

    Both are saved in `folder`; when they are there already, of the same training, nothing is trained.

    Args:
        sampling: the seed of the training, and the sampling steps and guidance of its previews.
    """
    # the time is written last: where it is missing, the training was interrupted
    concept, seconds = folder / CONCEPT, folder / SECONDS
    if not (seconds.exists() and is_of_training(concept, backbone, subject, variant, sampling)):
        seconds.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        squares = PhotoSet.of(photos, tuple(subject.handles))
        cache = folder.parent.parent / "cache"
        *_, last = train(variant.method, backbone, squares, subject, variant.settings, sampling, cache)
        assert isinstance(last, Result)
        last.value.save(concept)
        write_json(seconds, round(time.perf_counter() - started, 1))
    return Concept.open(concept), json.loads(seconds.read_text(encoding="utf-8"))


def is_of_training(
    file: Path, backbone: Backbone, subject: Subject, variant: Variant, sampling: Sampling
) -> bool:
    """Return whether a file holds what a variant learns of a subject, on this base and from this seed.

    Raises StudioError when it is no concept.
    """
    header = read_header(file)
    was = header.method, header.settings, header.handles, header.seed, header.fingerprint
    wanted = variant.method.id, variant.settings, dict(subject.handles), sampling.seed, backbone.fingerprint
    return was == wanted
