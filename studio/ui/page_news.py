"""What a page says while nobody looks at it: its title, the counts on the tabs, and calls when a job ends.

`scripts/page_news.js` reads it. Counts of what is new, and whether to call, are a matter of each browser.
"""

from __future__ import annotations

import time
from html import escape
from typing import Any

import gradio as gr

from studio.ui.parts.html_blocks import html_block
from studio.ui.parts.job_cards import job_name
from studio.ui.parts.page_files import page_script
from studio.ui.parts.progress_card import progress_of
from studio.words import tr, trn
from studio.workspace.job import Job
from studio.workspace.workspace import Workspace

MAX_UNDER_WAY = 100
MAX_ENDED = 20  # of each kind
NEW_SECONDS = 86400.0  # what ended longer ago is no news
NAME_LETTERS = 60
CALL = escape(tr("Call me when a job ends"))
CALL_SWITCH = (
    f'<button type="button" id="call-switch" aria-label="{CALL}" title="{CALL}">'
    '<svg viewBox="0 0 24 24" aria-hidden="true">'
    '<path d="M6 9a6 6 0 0 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9"/><path d="M10 20a2.2 2.2 0 0 0 4 0"/></svg>'
    "</button>"
)
TABS = {"train": "train", "create": "create"}  # the tab that shows jobs of a kind


def page_news(workspace: Workspace) -> dict[str, Any]:
    """Return the news.

    title: what runs and how far it is, empty for nothing. waiting: jobs that run or wait. ended: for each job
    that ended lately, a key, its tab, when it ended, and a sentence.
    """
    under_way = [job for job in workspace.jobs.under_way(MAX_UNDER_WAY) if job.status != "paused"]
    running = [job for job in under_way if job.status == "running"]
    since = time.time() - NEW_SECONDS
    ended = [
        {"key": f"{job.id} {job.finished}", "tab": tab, "at": job.finished, "words": ended_words(job)}
        for kind, tab in TABS.items()
        for job in workspace.jobs.on_show(kind, MAX_ENDED)
        if (job.finished or 0.0) > since
    ]
    title = running_words(workspace, running[0]) if running else ""
    return {"title": title, "waiting": len(under_way), "ended": ended}


def running_words(workspace: Workspace, job: Job) -> str:
    """Return a running job for the title: "62 % · <lily>", "getting ready · <lily>"."""
    progress, name = progress_of(workspace, job), _short_name(job)
    if not progress.steps or (job.kind == "train" and not progress.has_learned):
        return tr("getting ready · {name}", name=name)
    if job.kind == "train" and not progress.is_learning:
        return tr("finishing · {name}", name=name)
    return f"{round(100 * progress.fraction)} % · {name}"


def ended_words(job: Job) -> str:
    """Return how a job ended, in a sentence."""
    name = _short_name(job)
    match job.status:
        case "failed":
            return tr("{name} failed. {error}", name=name, error=job.error)
        case "stopped":
            return tr("{name} was stopped.", name=name)
    if job.kind == "train":
        return tr("{name} is learned.", name=name)
    pictures = job.outcome.get("pictures", [])
    count = len(pictures) if isinstance(pictures, list) else 0
    return trn(
        "{count} picture of “{name}” is painted.",
        "{count:,} pictures of “{name}” are painted.",
        count,
        name=name,
    )


def _short_name(job: Job) -> str:
    name = job_name(job)
    return name if len(name) <= NAME_LETTERS else f"{name[: NAME_LETTERS - 1]}…"


def news_block() -> gr.HTML:
    """Create the block that runs the script; `scripts/live_views.js` hands it the news."""
    return html_block(elem_id="page-news", js_on_load=page_script("page_news"))
