"""Finds the mask of what was clicked on: by the worker's segmenter, through the job table, or without one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PIL import Image

from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.photos.click_mask import propose_mask
from studio.photos.mask_checks import subtract
from studio.workspace.jobs import Jobs

ANSWER_SECONDS = 15.0


def proposed_mask(
    jobs: Jobs,
    has_segmenter: bool,
    square: Image.Image,
    clicks: Sequence[tuple[float, float]],
    beside: Sequence[Image.Image] = (),
    before: Image.Image | None = None,
    step: int = 0,
) -> Image.Image:
    """Return the mask of what was clicked on: "L", of the square's size, 0 or 255.

    It comes from the worker's segmenter when there is one and it answers in time, else from
    `studio.photos.click_mask.propose_mask`, which explains the other arguments.

    Args:
        has_segmenter: whether a worker has one and is ready.
        before: the mask of the subject so far, which a segmenter is not told.

    Raises:
        StudioError: nothing is found.
    """
    if has_segmenter:
        mask = mask_from_worker(jobs, square, clicks, step)
        if mask is not None:
            return subtract(mask, beside)
    return propose_mask(square, clicks, beside, before, step)


def mask_from_worker(
    jobs: Jobs, square: Image.Image, clicks: Sequence[tuple[float, float]], step: int = 0
) -> Image.Image | None:
    """Return the mask of what was clicked on, None when the worker does not answer in time.

    Args:
        square: the photo as it will be trained on.
        clicks: (x, y) in fractions of the square.
        step: how many sizes larger the mask is than the likeliest one.

    Returns:
        "L", of the square's size, 0 or 255.

    Raises:
        StudioError: the segmenter finds nothing there.
    """
    with jobs.adding("mask", "a mask", {"clicks": list(clicks), "step": step}) as (number, new):
        write_atomic(new / "square.png", png_bytes(square))
    folder = jobs.folder(number)
    try:
        give_up = time.monotonic() + ANSWER_SECONDS
        while not (job := jobs.get(number)).has_ended and time.monotonic() < give_up:
            time.sleep(0.05)
        if job.status == "failed":
            raise StudioError(job.error, job.hint)
        if job.status != "done":
            return None
        return Image.open(folder / job.outcome["file"]).convert("L")
    finally:
        jobs.delete(number)
