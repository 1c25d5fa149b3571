"""The Queue tab: what runs, what waits, what failed and why, what came of the rest."""

from __future__ import annotations

from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import Live, Wire, act_of, board, drawing, whole
from studio.ui.parts.markup import button, duration, empty, error_card, moment
from studio.ui.parts.progress_card import badge, bar, numbers, progress_of
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

KIND_WORDS = {"train": "Training", "create": "Painting", "grid": "Grid"}


def row(workspace: Workspace, job: Job) -> str:
    """One job."""
    below, acts = "", ""
    match job.status:
        case "queued":
            acts = button("discard", "Cancel", job.id)
        case "running":
            progress = progress_of(workspace, job)
            below = bar(progress, job.title) + numbers(progress)
            if not job.wish and job.kind == "train":
                acts = button("keep", "Stop and keep", job.id) + button("discard", "Stop and discard", job.id)
            elif not job.wish:
                acts = button("keep", "Stop", job.id)
        case "failed":
            below = error_card(StudioError(job.error, job.hint))
            acts = button("retry", "Retry", job.id, "strong")
        case "stopped":
            acts = button("retry", "Retry", job.id)
    spent = f" · took {duration(job.finished - job.started)}" if job.finished and job.started else ""
    return (
        f'<li class="job {job.status}" data-job="{job.id}"><div class="line">{badge(job)}'
        f"<div><b>{escape(job.title)}</b><small>{KIND_WORDS.get(job.kind, job.kind)} {job.id}"
        f' · {moment(job.created)}{spent}</small></div><div class="acts">{acts}</div></div>{below}</li>'
    )


def queue(workspace: Workspace) -> str:
    """All jobs: those under way in the order they are done, then the ended ones, newest first."""
    jobs = workspace.jobs.list()
    if not jobs:
        return empty("Nothing in the queue", "Trainings and paintings line up here; one is done at a time.")
    order = {"running": 0, "queued": 1}
    under_way = sorted(
        (job for job in jobs if not job.has_ended), key=lambda job: (order[job.status], job.id)
    )
    ended = [job for job in jobs if job.has_ended]
    parts = []
    for title, group in (("Now and next", under_way), ("Ended", ended)):
        if group:
            rows = "".join(row(workspace, job) for job in group)
            parts.append(f'<h2>{title}</h2><ul class="jobs">{rows}</ul>')
    return "".join(parts)


def queue_tab(workspace: Workspace, wire: Wire) -> Live:
    """Build the tab."""
    notice = drawing(elem_id="queue-notice")
    jobs = board("queue", queue(workspace))

    def press(event: gr.EventData) -> tuple:
        act, id = act_of(event)
        if act in ("keep", "discard"):
            workspace.jobs.get(whole(id))
            workspace.jobs.request_stop(whole(id), "keep" if act == "keep" else "discard")
        elif act == "retry":
            workspace.retry(whole(id))
        return ()

    wire(jobs.click, press, [], [], notice)
    return Live(jobs, lambda: queue(workspace))
