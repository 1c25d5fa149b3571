"""Trainings on their way to the queue: photos and settings checked, and the task that the worker reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from studio.concepts.concept_library import Library
from studio.documents import DocumentError
from studio.errors import StudioError
from studio.limits import MAX_SEED
from studio.method_card import MethodCard
from studio.photos.categories import sort_photos
from studio.photos.mask_checks import check_masks
from studio.photos.photo_set import PhotoSet
from studio.recipes.sample_prompts import sample_prompts
from studio.subject import Subject
from studio.words import all_of, tr
from studio.workspace.import_task import ImportTask
from studio.workspace.job import Job
from studio.workspace.jobs import Jobs
from studio.workspace.training_task import TrainingTask

MAX_JOBS = 10_000  # to look through


def queue_training(
    jobs: Jobs,
    photos: PhotoSet,
    method: MethodCard,
    subject: Subject,
    settings: dict[str, Any],
    seed: int,
    samples: Sequence[str] = (),
) -> Job:
    """Queue a training on copies of these photos and their masks.

    Args:
        settings: those that differ from the method's defaults.
        samples: prompts that are painted beside every preview, see `sample_prompts`.

    Raises:
        StudioError: a mask or a category is missing or a value is out of range. Nothing is queued then.
    """
    handles = tuple(subject.handles)
    if not 0 <= seed <= MAX_SEED:
        raise StudioError("A seed of {seed} is out of range.", "Give 0 to {most}.", seed=seed, most=MAX_SEED)
    beside = {other.handle: other.noun for other in subject.beside}
    values = method.parse(settings)
    prompts = sample_prompts(samples, handles)
    names = method.id, subject.handle, subject.noun
    task = TrainingTask(*names, values, seed, len(photos), beside, samples=prompts, method_title=method.title)
    check_masks(photos, handles, method.needs.masks)
    if method.needs.sorted:
        sort_photos(photos.captions, len(photos))
    title = tr("{handles} with {method}", handles=all_of(handles), method=tr(method.title))
    with jobs.adding("train", title, task.to_json()) as (number, folder):
        photos.save(folder / "photos")
    return jobs.get(number)


def coming_handles(jobs: Jobs) -> set[str]:
    """Return the handles of all concepts that are queued, being trained or imported."""
    coming: set[str] = set()
    for job in jobs.under_way(MAX_JOBS, ("train", "import")):
        with suppress(DocumentError):  # it will fail, and needs no name
            is_import = job.kind == "import"
            coming |= {ImportTask.of(job).handle} if is_import else set(TrainingTask.of(job).subject.handles)
    return coming


def past_settings(jobs: Jobs, library: Library) -> Iterator[dict[str, Any]]:
    """Yield the settings of all concepts that are in the Library or have been queued for training."""
    yield from (entry.header.settings for entry in library.entries())
    trainings = (job.task.get("settings") for job in jobs.newest(MAX_JOBS, ("train",)))
    yield from (settings for settings in trainings if isinstance(settings, dict))
