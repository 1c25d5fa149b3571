"""The cards of a tab's jobs: what is under way, and what has ended until somebody puts it away.

One card is drawn whole, that of the job that runs or else of the last that ended. Every other is a line, and
of many only the newest are listed, so that they never push the tab out of sight.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from studio.documents import DocumentError
from studio.ui.parts.html_blocks import to_int
from studio.ui.parts.job_buttons import paused_buttons
from studio.ui.parts.markup import ago, button
from studio.words import all_of, tr
from studio.workspace.job import Job
from studio.workspace.training_task import TrainingTask
from studio.workspace.workspace import Workspace

MAX_LINES = 3  # of ended jobs
MAX_UNDER_WAY = MAX_ENDED = 50
MAX_COUNTED = 500  # of ended ones; beyond these there are "many more"
MAX_NAMED = 2  # jobs that one has to wait for, by name
LINE_UP = {"create": ("create",)}  # what a kind waits behind; a painting is taken between training steps
DEVICE_KINDS = ("train", "grid", "import")
DONE_WORDS = {"train": tr("learned"), "create": tr("painted")}


@dataclass(frozen=True)
class JobCards:
    """The jobs of one kind that a tab shows, each list in the order in which it is drawn.

    Args:
        whole: those drawn as whole cards.
        waiting: others that wait or are paused, a line each.
        ended: others that have ended, a line each, even of one that is drawn whole below the first.
        more: how many more have ended and are on show.
    """

    whole: tuple[Job, ...] = ()
    waiting: tuple[Job, ...] = ()
    ended: tuple[Job, ...] = ()
    more: int = 0


def cards_of(workspace: Workspace, kind: str, opened: int = 0) -> JobCards:
    """Return which jobs of a kind are shown, and how.

    `opened`: the number of one that is drawn whole besides its line, 0 for none.
    """
    under_way = workspace.jobs.under_way(MAX_UNDER_WAY, (kind,))
    ended = workspace.jobs.on_show(kind, MAX_ENDED)
    whole = under_way[:1] if under_way and under_way[0].status != "paused" else []
    if not whole:
        whole = sorted((*under_way, *ended), key=lambda job: job.finished or 0.0)[-1:]
    waiting = [job for job in under_way if job not in whole]
    others = [job for job in ended if job not in whole]
    lines = [job for place, job in enumerate(others) if place < MAX_LINES or job.id == opened]
    count = len(ended) if len(ended) < MAX_ENDED else workspace.jobs.count_on_show(kind, MAX_COUNTED)
    more = count - len(lines) - sum(job.has_ended for job in whole)
    whole += [job for job in lines if job.id == opened]
    return JobCards(tuple(whole), tuple(waiting), tuple(lines), more)


def draw_cards(
    workspace: Workspace, kind: str, draw: Callable[[Workspace, Job], str], opened: int = 0
) -> str:
    """Return the cards of a kind; `draw` makes a whole one."""
    cards = cards_of(workspace, kind, opened)
    wholes = "".join(draw(workspace, job) for job in cards.whole)
    lines = [_waiting_line(workspace, job) for job in cards.waiting]
    lines += [_ended_line(job, job.id == opened) for job in cards.ended]
    if cards.more > 0 or len(cards.ended) > 1:
        buttons = button("put-all-away", tr("Put all away"), title=tr("The Queue goes on listing them"))
        lines.append(f'<li class="more"><span class="faint">{escape(_more(cards.more))}</span>{buttons}</li>')
    return wholes + (f'<ul class="job-lines">{"".join(lines)}</ul>' if lines else "")


def _more(count: int) -> str:
    if count >= MAX_COUNTED - MAX_ENDED:
        return tr("and many more that ended")
    return tr("and {count} more that ended", count=count) if count > 0 else ""


def put_away_button(job: Job) -> str:
    """Return the button that puts the card of an ended job away."""
    return button("put-away", tr("Put away"), job.id, title=tr("The Queue goes on listing it"))


def press_card_button(workspace: Workspace, kind: str, action: str, id: str) -> int | None:
    """Do what a card's button says; return the number of the job that is open from now on, 0 for none.

    Returns None for a button that is none of a card's.
    """
    match action:
        case "unfold":
            return workspace.jobs.get(to_int(id)).id
        case "fold":
            return 0
        case "put-away":
            workspace.jobs.put_away(to_int(id))
            return 0
        case "put-all-away":
            workspace.jobs.put_all_away(kind)
            return 0
    return None


def job_name(job: Job) -> str:
    """Return what a job is called in a line: the handles of a training, else its title."""
    if job.kind == "train":
        try:
            return all_of(TrainingTask.of(job).subject.handles)
        except DocumentError:
            pass  # the card says it
    return job.title


def place_words(ahead: Sequence[Job]) -> str:
    """Return where in the queue a job waits behind these: "queued, 2nd · after <lily>"."""
    if not ahead:
        return tr("queued, next")
    place = ordinal(len(ahead) + 1)
    names = all_of(job_name(job) for job in ahead[-MAX_NAMED:])
    if (more := len(ahead) - MAX_NAMED) > 0:
        return tr("queued, {place} · after {names} and {count} more", place=place, names=names, count=more)
    return tr("queued, {place} · after {names}", place=place, names=names)


def ordinal(number: int) -> str:
    """Return a place in a row: "1st", "12th", "22nd"."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    match last:
        case 1:
            return tr("{number}st", number=number)
        case 2:
            return tr("{number}nd", number=number)
        case 3:
            return tr("{number}rd", number=number)
    return tr("{number}th", number=number)


def jobs_ahead(workspace: Workspace, job: Job) -> list[Job]:
    """Return the jobs that come before one that waits, the one that runs first."""
    kinds = LINE_UP.get(job.kind, DEVICE_KINDS)
    ahead = []
    for other in workspace.jobs.under_way(MAX_UNDER_WAY, kinds):
        if other.id == job.id:
            break
        ahead.append(other)
    return ahead


def _waiting_line(workspace: Workspace, job: Job) -> str:
    if job.status == "paused":
        return _line(job, tr("paused"), paused_buttons(job))
    words = place_words(jobs_ahead(workspace, job))
    return _line(job, words, button("discard", tr("Cancel"), job.id))


def _ended_line(job: Job, is_open: bool) -> str:
    fold = button("fold", tr("Fold"), job.id) if is_open else button("unfold", tr("Open"), job.id)
    buttons = fold + put_away_button(job)
    when = ago(time.time() - (job.finished or 0.0))
    match job.status:
        case "done":
            return _line(job, f"{DONE_WORDS.get(job.kind, tr('done'))} · {when}", buttons)
        case "failed":
            return _line(job, tr("failed {when}: {error}", when=when, error=tr(job.error)), buttons)
    return _line(job, f"{tr('stopped')} · {when}", buttons)


def _line(job: Job, words: str, buttons: str) -> str:
    return (
        f'<li class="job-line {job.status}" data-job="{job.id}"><span><b>{escape(job_name(job))}</b>'
        f'<i> · {escape(words)}</i></span><span class="actions">{buttons}</span></li>'
    )
