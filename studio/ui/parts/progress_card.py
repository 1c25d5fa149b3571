"""Cards of running work: progress bar, numbers, loss curve, previews."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.ui.parts.job_buttons import further_buttons, paused_buttons, running_buttons
from studio.ui.parts.job_cards import jobs_ahead, place_words, put_away_button
from studio.ui.parts.markup import button, duration, error_card
from studio.ui.parts.verdict_view import photo_and_picture, verdict_notes
from studio.ui.train.previews import insights, kept_steps, previews
from studio.words import tr, trn
from studio.workspace.going_on import can_train_further
from studio.workspace.job_log import LOG
from studio.workspace.jobs import Job
from studio.workspace.progress import Progress
from studio.workspace.training_task import TrainingTask
from studio.workspace.workspace import Workspace

CURVE_WIDTH, CURVE_HEIGHT = 320.0, 84.0
CURVE_POINTS = 120
MEAN_SHARE = 1 / 12
MAX_NOTES = 4
REREAD_SECONDS = 0.9
MAX_READ = 500  # logs whose progress is remembered
MAX_DRAWN = 8  # cards of trainings that are remembered
STATUS_WORDS = {
    "queued": tr("waiting"),
    "running": tr("running"),
    "paused": tr("paused"),
    "done": tr("done"),
    "failed": tr("failed"),
    "stopped": tr("stopped"),
}


@dataclass(frozen=True)
class ReadLog:
    """A job's progress as it was when its log had this size, read at this time of a monotonic clock."""

    size: int
    time: float
    progress: Progress


@dataclass(frozen=True)
class DrawnCard:
    """The card of a training as it was drawn last.

    Args:
        job, progress, beside: what it was drawn from (`_beside`).
        html: the card.
    """

    job: Job
    progress: Progress
    beside: tuple[object, ...]
    html: str


_read: dict[Path, ReadLog] = {}
_drawn: dict[Path, DrawnCard] = {}


def progress_of(workspace: Workspace, job: Job) -> Progress:
    """Return how far a job is.

    The log of a running job is read at most once in REREAD_SECONDS, for all who look at the page together.
    """
    log = workspace.jobs.folder(job.id) / LOG
    size, now = log.stat().st_size if log.exists() else 0, time.monotonic()
    known = _read.get(log)
    is_fresh = known is not None and not job.has_ended and now - known.time < REREAD_SECONDS
    if known is None or not (known.size == size or is_fresh):
        while len(_read) >= MAX_READ:
            _read.pop(next(iter(_read)), None)
        known = _read[log] = ReadLog(size, now, workspace.progress(job))
    return known.progress


def smoothed(values: Sequence[float]) -> list[float]:
    """Return an exponential mean over about the last twelfth of the values, corrected for its start."""
    keep = 1 - 1 / max(1.0, MEAN_SHARE * len(values))
    mean, weight, result = 0.0, 0.0, []
    for value in values:
        mean = keep * mean + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        result.append(mean / weight)
    return result


def loss_curve(points: Sequence[tuple[int, float]]) -> str:
    """Return the loss as an inline SVG: every value pale, and their running mean on top.

    With fewer than three values its space stays empty, so that nothing below moves when it appears.
    """
    if len(points) < 3:
        return '<figure class="curve"></figure>'
    mean = smoothed([loss for _, loss in points])
    stride = max(1, len(points) // CURVE_POINTS)
    kept = range(len(points) - 1, -1, -stride)[::-1]
    high = sorted(loss for _, loss in points)[int(0.98 * (len(points) - 1))] or 1.0
    first, last = points[0][0], points[-1][0]

    def path(values: Sequence[float]) -> str:
        return " ".join(
            f"{(points[i][0] - first) / max(1, last - first) * CURVE_WIDTH:.1f},"
            f"{CURVE_HEIGHT - min(values[i] / high, 1.0) * (CURVE_HEIGHT - 4):.1f}"
            for i in kept
        )

    label = tr("Loss, running mean {loss} at step {step}", loss=f"{mean[-1]:.3f}", step=last)
    return (
        f'<figure class="curve"><svg viewBox="0 0 {CURVE_WIDTH:.0f} {CURVE_HEIGHT:.0f}" role="img"'
        f' preserveAspectRatio="none" aria-label="{escape(label)}">'
        f'<polyline class="raw" points="{path([loss for _, loss in points])}"/>'
        f'<polyline class="mean" points="{path(mean)}"/></svg>'
        f"<figcaption><span>{escape(tr('loss'))}</span><b>{mean[-1]:.3f}</b></figcaption></figure>"
    )


def progress_bar(progress: Progress, label: str, waiting: bool = False) -> str:
    """Return a progress bar; it pulses while the share that is done is unknown."""
    percent = round(100 * progress.fraction)
    unknown = waiting or not progress.steps
    known = "" if unknown else f' aria-valuenow="{percent}"'
    kind = "bar unknown" if unknown else "bar"
    return (
        f'<div class="{kind}" role="progressbar" aria-label="{escape(label)}" aria-valuemin="0"'
        f' aria-valuemax="100"{known}><i style="width:{100 if unknown else percent}%"></i></div>'
    )


def progress_numbers(progress: Progress) -> str:
    """Return step, speed and time left, in words."""
    if not progress.steps:
        return f'<p class="numbers"><span>{escape(tr("getting ready …"))}</span></p>'
    parts = [tr("step <b>{step}</b> of {steps}", step=progress.step, steps=progress.steps)]
    if progress.rate >= 1:
        rate = f"{progress.rate:.{1 if progress.rate < 100 else 0}f}"
        parts.append(escape(tr("{rate} steps/s", rate=rate)))
    elif progress.rate > 0:
        parts.append(escape(tr("{seconds} s per step", seconds=f"{1 / progress.rate:.1f}")))
    if progress.seconds_left is not None and (progress.step < progress.steps or progress.is_preparing):
        parts.append(escape(tr("about {time} left", time=duration(progress.seconds_left))))
    if progress.stage:
        parts.append(escape(tr(progress.stage)))
    return f'<p class="numbers">{"".join(f"<span>{part}</span>" for part in parts)}</p>'


def status_badge(job: Job) -> str:
    """Return a job's status as a small label."""
    words = STATUS_WORDS[job.status]
    if job.stop_request and job.status == "running":
        words = tr("pausing") if job.stop_request == "pause" else tr("stopping")
    return f'<span class="badge {job.status}">{escape(words)}</span>'


def job_error(job: Job) -> str:
    """Return a card that says why a job failed, with a button to try again."""
    return error_card(StudioError(job.error, job.hint), button("retry", tr("Retry"), job.id, "strong"))


def training_card(workspace: Workspace, job: Job) -> str:
    """Return the card of a training, whatever its status. It is drawn once for everybody who looks at it."""
    progress, folder = progress_of(workspace, job), workspace.jobs.folder(job.id)
    known, beside = _drawn.get(folder), _beside(workspace, job)
    if known is None or known.progress is not progress or (known.job, known.beside) != (job, beside):
        while len(_drawn) >= MAX_DRAWN:
            _drawn.pop(next(iter(_drawn)), None)
        html = _draw_training(workspace, job, progress)
        known = _drawn[folder] = DrawnCard(job, progress, beside, html)
    return known.html


def _learned(job: Job) -> str:
    """Return the handle of what a finished training has learned."""
    return str(job.outcome.get("handle", TrainingTask.of(job).handle))


def _beside(workspace: Workspace, job: Job) -> tuple[object, ...]:
    """Return what a training's card shows that is said neither by the job nor by its log."""
    match job.status:
        case "queued":
            return (place_words(jobs_ahead(workspace, job)),)
        case "done":
            return workspace.concepts.has(_learned(job)), can_train_further(workspace.jobs, job)
    return ()


def _draw_training(workspace: Workspace, job: Job, progress: Progress) -> str:
    task = TrainingTask.of(job)
    handle = task.handle
    learning = tr("Learning {handle}", handle=handle)
    large, strip = previews(workspace, job, progress)
    buttons, words = "", ""
    match job.status:
        case "queued":
            place = place_words(jobs_ahead(workspace, job))
            words = f'<p class="numbers"><span>{escape(place)}</span></p>'
            words += progress_bar(progress, tr("Waiting"), waiting=True)
            buttons = button("discard", tr("Cancel"), job.id)
        case "running":
            words = progress_bar(progress, learning) + progress_numbers(progress)
            if job.stop_request:
                pauses = job.stop_request == "pause"
                soon = tr("Pausing after this step …") if pauses else tr("Stopping after this step …")
                words += f'<p class="numbers"><span>{escape(soon)}</span></p>'
            buttons = running_buttons(job, progress.has_learned)
        case "paused":
            words = progress_bar(progress, learning) + progress_numbers(progress)
            words += f"<p>{escape(tr('Paused. What was learned so far is kept on the disk.'))}</p>"
            buttons = paused_buttons(job)
        case "done":
            learned = _learned(job)
            spent = duration((job.finished or 0) - (job.started or 0))
            is_here = workspace.concepts.has(learned)
            said = tr("{handle} is in your Library after {time}.", handle=learned, time=spent)
            if not is_here:
                said = tr(
                    "{handle} was learned in {time}. It is no longer in your Library.",
                    handle=learned,
                    time=spent,
                )
            said += " " + tr("Stopped early, and kept.") if job.stop_request == "keep" else ""
            words = f"<p>{escape(said)}</p>"
            large = photo_and_picture(workspace.jobs.folder(job.id) / "photos", large)
            if is_here:
                words += verdict_notes(workspace.concepts.find(learned).header)
                buttons = button("paint", tr("Paint with {handle}", handle=learned), learned, "strong")
            buttons += further_buttons(workspace, job) + put_away_button(job)
        case "failed":
            words = job_error(job)
            buttons = put_away_button(job)
        case "stopped":
            words = f"<p>{escape(tr('Stopped. Nothing was kept.'))}</p>"
            buttons = button("retry", tr("Train again"), job.id) + put_away_button(job)
    lately = map(escape, progress.notes[-MAX_NOTES:])
    notes = "".join(f"<li>{note}</li>" for note in lately if note not in words)  # the verdict is a card
    label = escape(tr("Training of {handle}", handle=handle))
    return (
        f'<section class="card training {job.status}" data-job="{job.id}" aria-label="{label}">{large}'
        f'<div class="card-text"><header><h2>{_heading(job, handle)}</h2>{status_badge(job)}</header>'
        f'<p class="faint">{escape(_about(job, task, progress))}</p>'
        f'{words}{loss_curve(progress.curve)}<ul class="notes">{notes}</ul>'
        f'<div class="actions">{buttons}</div></div>{strip}{kept_steps(workspace, job, progress)}'
        f"{insights(workspace, job, progress)}</section>"
    )


def _heading(job: Job, handle: str) -> str:
    """Return the heading of a training's card as HTML."""
    name = escape(handle)
    match job.status:
        case "done":
            return tr("Learned <code>{handle}</code>", handle=name)
        case "running":
            return tr("Learning <code>{handle}</code>", handle=name)
    return tr("Training <code>{handle}</code>", handle=name)


def _about(job: Job, task: TrainingTask, progress: Progress) -> str:
    """Return what a training learns from what and how, and while it runs what it will need."""
    words = trn(
        "the {noun} in {count} photo, with {method}",
        "the {noun} in {count:,} photos, with {method}",
        task.photos,
        noun=task.noun,
        method=tr(task.method_title or job.title.split(" with ")[-1]),
    )
    if job.status != "running" or not progress.estimate:
        return words
    return f"{words} · {tr('{estimate} in all', estimate=progress.estimate)}"
