"""The Queue tab: all jobs, running, waiting and ended."""

from __future__ import annotations

import functools
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button, to_int
from studio.ui.parts.job_buttons import (
    further_buttons,
    paused_buttons,
    press_job_button,
    running_buttons,
    waiting_buttons,
)
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import button, duration, error_card, local_time, placeholder, unreadable_card
from studio.ui.parts.pager import first_of_page, pager, turned_page
from studio.ui.parts.progress_card import progress_bar, progress_numbers, progress_of, status_badge
from studio.words import tr
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

PAGE_SIZE = 50
MAX_UNDER_WAY = 1000
KIND_WORDS = {
    "train": tr("Training"),
    "create": tr("Painting"),
    "grid": tr("Grid"),
    "import": tr("Import"),
}


def job_row(workspace: Workspace, job: Job, place: int = 0, places: int = 1) -> str:
    """Return a job as a row of the list. One that waits is at `place`, from 0, among `places`."""
    below, buttons = "", ""
    match job.status:
        case "queued":
            buttons = waiting_buttons(job, place, places)
        case "running":
            progress = progress_of(workspace, job)
            below = progress_bar(progress, job.title) + progress_numbers(progress)
            buttons = running_buttons(job, progress.has_learned)
        case "paused":
            progress = progress_of(workspace, job)
            below = progress_bar(progress, job.title) + progress_numbers(progress) if progress.steps else ""
            buttons = paused_buttons(job)
        case "done":
            buttons = further_buttons(workspace, job)
        case "failed":
            below = error_card(StudioError(job.error, job.hint))
            buttons = button("retry", tr("Retry"), job.id, "strong")
        case "stopped":
            buttons = button("retry", tr("Retry"), job.id)
    spent = ""
    if job.finished and job.started:
        time = duration(job.finished - job.started)
        spent = f" · {escape(tr('took {time}', time=time))}"
    return (
        f'<li class="job {job.status}" data-job="{job.id}"><div class="line">{status_badge(job)}'
        f"<div><b>{escape(job.title)}</b><small>{escape(KIND_WORDS.get(job.kind, job.kind))} {job.id}"
        f" · {local_time(job.created)}{spent}</small></div>"
        f'<div class="actions">{buttons}</div></div>{below}</li>'
    )


def job_list(workspace: Workspace, page: int = 0) -> str:
    """Return running and waiting jobs in the order they are done, then a page of ended ones, newest first."""
    under_way, count = workspace.jobs.under_way(MAX_UNDER_WAY), workspace.jobs.count_ended()
    ended = workspace.jobs.ended(PAGE_SIZE, first_of_page(page, count, PAGE_SIZE))
    damaged = unreadable_card(
        tr("Jobs that cannot be read"), "delete", workspace.jobs.unreadable(), label=tr("Delete")
    )
    if not (under_way or ended):
        hint = tr("Trainings and paintings line up here; one is done at a time.")
        if len(workspace.worker_states()) > 1:
            hint = tr("Trainings and paintings line up here; one is done at a time on each device.")
        return placeholder(tr("Nothing in the queue"), hint) + damaged
    waiting = [job.id for job in under_way if job.status == "queued"]
    places = {number: place for place, number in enumerate(waiting)}
    paused = [job for job in under_way if job.status == "paused"]
    others = [job for job in under_way if job.status != "paused"]
    more = len(others) - PAGE_SIZE
    more_words = escape(tr("{count} more wait behind these.", count=more))
    behind = f'<p class="faint">{more_words}</p>' if more > 0 else ""
    parts = []
    for title, group, below in (
        (tr("Now and next"), others[:PAGE_SIZE], behind),
        (tr("Paused"), paused, ""),
        (tr("Ended"), ended, ""),
    ):
        if group:
            rows = "".join(job_row(workspace, job, places.get(job.id, 0), len(waiting)) for job in group)
            parts.append(f'<h2>{escape(title)}</h2><ul class="jobs">{rows}</ul>{below}')
    return "".join(parts) + pager(page, count, PAGE_SIZE, "ended jobs") + damaged


def queue_tab(workspace: Workspace, connector: Connector) -> LiveView:
    """Build the tab."""
    notice = html_block(elem_id="queue-notice")
    jobs, page = button_block("queue"), gr.State(0)

    def press_in_queue(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if (turned := turned_page(action, id)) is not None:
            return {page: turned}
        if action == "delete" and to_int(id) in workspace.jobs.unreadable():
            workspace.jobs.delete(to_int(id))
        else:
            press_job_button(workspace, action, id)
        return {}

    connector.connect(jobs.click, press_in_queue, outputs=[page], notice=notice)
    return LiveView(jobs, functools.partial(job_list, workspace), {"page": page})
