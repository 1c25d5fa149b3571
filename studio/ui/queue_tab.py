"""The Queue tab: all jobs, running, waiting and ended."""

from __future__ import annotations

from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button, to_int
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import button, duration, error_card, local_time, placeholder, unreadable_card
from studio.ui.parts.progress_card import progress_bar, progress_numbers, progress_of, status_badge
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

KIND_WORDS = {"train": "Training", "create": "Painting", "grid": "Grid"}


def job_row(workspace: Workspace, job: Job) -> str:
    """Return a job as a row of the list."""
    below, buttons = "", ""
    match job.status:
        case "queued":
            buttons = button("discard", "Cancel", job.id)
        case "running":
            progress = progress_of(workspace, job)
            below = progress_bar(progress, job.title) + progress_numbers(progress)
            if not job.stop_request and job.kind == "train":
                buttons = button("keep", "Stop and keep", job.id) + button(
                    "discard", "Stop and discard", job.id
                )
            elif not job.stop_request:
                buttons = button("keep", "Stop", job.id)
        case "failed":
            below = error_card(StudioError(job.error, job.hint))
            buttons = button("retry", "Retry", job.id, "strong")
        case "stopped":
            buttons = button("retry", "Retry", job.id)
    spent = f" · took {duration(job.finished - job.started)}" if job.finished and job.started else ""
    return (
        f'<li class="job {job.status}" data-job="{job.id}"><div class="line">{status_badge(job)}'
        f"<div><b>{escape(job.title)}</b><small>{KIND_WORDS.get(job.kind, job.kind)} {job.id}"
        f" · {local_time(job.created)}{spent}</small></div>"
        f'<div class="actions">{buttons}</div></div>{below}</li>'
    )


def job_list(workspace: Workspace) -> str:
    """Return all jobs: running and waiting ones in the order they are done, then ended ones, newest first."""
    jobs = workspace.jobs.newest()
    damaged = unreadable_card(
        "Jobs that cannot be read", "delete", workspace.jobs.unreadable(), label="Delete"
    )
    if not jobs:
        hint = "Trainings and paintings line up here; one is done at a time."
        return placeholder("Nothing in the queue", hint) + damaged
    order = {"running": 0, "queued": 1}
    under_way = sorted(
        (job for job in jobs if not job.has_ended), key=lambda job: (order[job.status], job.id)
    )
    ended = [job for job in jobs if job.has_ended]
    parts = []
    for title, group in (("Now and next", under_way), ("Ended", ended)):
        if group:
            rows = "".join(job_row(workspace, job) for job in group)
            parts.append(f'<h2>{title}</h2><ul class="jobs">{rows}</ul>')
    return "".join(parts) + damaged


def queue_tab(workspace: Workspace, connector: Connector) -> LiveView:
    """Build the tab."""
    notice = html_block(elem_id="queue-notice")
    jobs = button_block("queue", job_list(workspace))

    def press_in_queue(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action in ("keep", "discard"):
            workspace.jobs.get(to_int(id))
            workspace.jobs.request_stop(to_int(id), "keep" if action == "keep" else "discard")
        elif action == "retry":
            workspace.retry(to_int(id))
        elif action == "delete" and to_int(id) in workspace.jobs.unreadable():
            workspace.jobs.delete(to_int(id))
        return {}

    connector.connect(jobs.click, press_in_queue, notice=notice)
    return LiveView(jobs, lambda: job_list(workspace))
