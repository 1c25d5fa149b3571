"""Asks the worker's segmenter for a mask, through the job table."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PIL import Image

from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.workspace.jobs import Jobs

ANSWER_SECONDS = 15.0


def mask_from_worker(
    jobs: Jobs, square: Image.Image, clicks: Sequence[tuple[float, float]]
) -> Image.Image | None:
    """Return the mask of what was clicked on, None when the worker does not answer in time.

    Args:
        square: the photo as it will be trained on.
        clicks: (x, y) in fractions of the square.

    Returns:
        "L", of the square's size, 0 or 255.

    Raises:
        StudioError: the segmenter finds nothing there.
    """
    with jobs.adding("mask", "a mask", {"clicks": list(clicks)}) as (number, new):
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
