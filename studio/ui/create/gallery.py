"""Drawings of the Create tab: the pictures of one job as they come, and the latest ones."""

from __future__ import annotations

from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.ui.parts.markup import button, empty, file_url
from studio.ui.parts.progress_card import badge, bar, job_error, numbers, progress_of
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

GALLERY_HIGH = 48


def tile(path: Path, selected: str, words: str, act: str = "open") -> str:
    """A picture of a gallery, as a button that opens its recipe, or does something else with it."""
    pressed = str(path.name == selected).lower()
    return (
        f'<button type="button" class="tile" data-act="{act}" data-id="{escape(path.name)}"'
        f' aria-pressed="{pressed}">'
        f'<img src="{escape(file_url(path))}" alt="{escape(words)}" loading="lazy"></button>'
    )


def painting_card(workspace: Workspace, job: Job) -> str:
    """The pictures of one job, each as soon as it is done, with a place for those to come."""
    progress = progress_of(workspace, job)
    count = int(job.task.get("count", 1))
    there = [workspace.pictures / name for name in progress.pictures]
    tiles = [tile(path, "", job.title) for path in there if path.is_file()]
    tiles += ['<span class="tile coming"></span>'] * (0 if job.has_ended else max(0, count - len(tiles)))
    below, acts = "", ""
    obeying = '<p class="faint">made to obey</p>' if job.task.get("obeying") else ""
    match job.status:
        case "queued":
            trains = any(
                other.kind == "train" and other.status == "running" for other in workspace.jobs.list()
            )
            wait = "Waits for a moment between two training steps." if trains else "Waits for its turn."
            below = bar(progress, "Waiting", waiting=True) + f'<p class="numbers"><span>{wait}</span></p>'
            acts = button("stop", "Cancel", job.id)
        case "running":
            below = bar(progress, "Painting") + numbers(progress)
            acts = button("stop", "Stop", job.id)
        case "failed":
            below = job_error(job)
    close = button("close", "Close", job.id) if job.has_ended else ""
    acts = f'<div class="acts">{acts}</div>' if acts else ""
    return (
        f'<section class="card painting {job.status}" aria-label="Painting">'
        f'<header><h2>{escape(job.title)}</h2><div class="aside">{badge(job)}{close}</div></header>{obeying}'
        f'<div class="tiles large">{"".join(tiles)}</div>{below}{acts}</section>'
    )


def gallery(workspace: Workspace, selected: str, shown: Job | None) -> str:
    """The latest pictures but those of the job that is `shown` above them."""
    above = set(progress_of(workspace, shown).pictures) if shown else set()
    paths = [path for path in workspace.gallery(GALLERY_HIGH) if path.name not in above]
    if not paths:
        return "" if shown else empty("No pictures yet", "Write a prompt, press Paint, and they gather here.")
    tiles = "".join(tile(path, selected, f"Picture {path.stem}") for path in paths)
    return f'<h2>Pictures</h2><div class="tiles gallery">{tiles}</div>'


def picture_at(workspace: Workspace, name: str) -> Path:
    """The picture `name`. Raises StudioError when there is none; `name` is only ever compared."""
    for path in workspace.gallery(10_000):
        if path.name == name:
            return path
    raise StudioError("That picture is no longer there.", "Select another one.")
