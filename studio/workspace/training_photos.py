"""Finds the photos that a concept was trained on, which stay in the folder of its training."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from studio.concepts.header import Header
from studio.workspace.jobs import Jobs


def training_photos(header: Header, jobs: Jobs) -> Path | None:
    """Return the folder with the photos of a concept, None when they are not in this workspace.

    Then the concept came as a file, or was trained on the command line.
    """
    try:
        created = datetime.fromisoformat(header.created).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    for job in jobs.done_at(created, "train"):
        if job.task.get("seed") == header.seed and job.task.get("method") == header.method:
            photos = jobs.folder(job.id) / "photos"
            return photos if any(photos.glob("*.png")) else None
    return None
