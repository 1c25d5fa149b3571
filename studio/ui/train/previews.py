"""The pictures of a running training: previews of what it has learned, and pictures about the work."""

from __future__ import annotations

from html import escape
from pathlib import Path

from studio.ui.parts.markup import button, file_url
from studio.words import tr
from studio.workspace.checkpoints import KEPT, steps_in
from studio.workspace.jobs import Job
from studio.workspace.progress import Progress
from studio.workspace.workspace import Workspace

MAX_STRIP = 24
REPLACING = tr("Use this step? What the training made in the end goes to the trash.")
RELEASING = tr("Let this step go? It cannot be brought back.")
EMPTY_STRIP = f'<div class="strip waiting" aria-hidden="true">{"<i></i>" * 5}</div>'


def previews(workspace: Workspace, job: Job, progress: Progress) -> tuple[str, str]:
    """Return the newest preview, large, and a strip of previews labelled by step.

    All can be enlarged, and those whose step was saved can be kept.
    """
    folder = workspace.jobs.folder(job.id)
    known = [(step, folder / file, prompt) for step, file, prompt in progress.previews]
    known = [(step, path, prompt) for step, path, prompt in known if path.is_file()]
    # while there may be more, the place of the strip is kept, so that nothing below it moves
    empty = "" if job.has_ended else EMPTY_STRIP
    if not known:
        words = tr("No picture was painted") if job.has_ended else tr("The first picture appears here")
        return f'<div class="large-preview waiting"><span>{escape(words)}</span></div>', empty
    prompt = known[0][2]  # that of the method; samples of a person's own come after it
    step, path, _ = next(one for one in reversed(known) if one[2] == prompt)
    after = tr("step {step}", step=step)
    large = (
        f'<figure class="large-preview">{_enlarging(path, prompt, step)}'
        f"<figcaption>{escape(prompt)} · {escape(after)}</figcaption></figure>"
    )
    stride = max(1, -(-len(known) // MAX_STRIP))
    there = set(steps_in(folder)) & set(progress.checkpoints) if progress.checkpoints else set()
    kept = set(steps_in(folder, KEPT)) if progress.checkpoints else set()
    small = ""
    for step, path, its_prompt in known[::stride]:
        own = its_prompt == prompt
        caption = str(step) if own else f"{escape(its_prompt)} · {step}"
        small += f"<figure>{_enlarging(path, its_prompt, step)}<figcaption>{caption}</figcaption>"
        small += f"{_keeping(job, step, step in kept) if own and step in there else ''}</figure>"
    label = tr("Previews by step")
    strip = (
        f'<div class="strip" role="group" tabindex="0" aria-label="{escape(label)}">{small}</div>'
        if len(known) > 1
        else empty
    )
    return large, strip


def _enlarging(path: Path, prompt: str, step: int) -> str:
    """Return a preview as a button that opens it in the lightbox, beside the other previews."""
    words = tr("{prompt}, after step {step}", prompt=prompt, step=step)
    label, words = escape(tr("Enlarge: {picture}", picture=words)), escape(words)
    return (
        f'<button type="button" class="enlarging" data-enlarge="{escape(path.name)}" data-words="{words}"'
        f' data-src="{escape(file_url(path))}" aria-label="{label}">'
        f'<img src="{escape(file_url(path))}" alt="{words}"></button>'
    )


def _keeping(job: Job, step: int, is_kept: bool) -> str:
    """Return the button that keeps a step, or that it is kept."""
    if is_kept:
        return f'<span class="kept-step">{escape(tr("kept"))}</span>'
    title = tr("Keep what was learned after step {step}, as a small file beside the training", step=step)
    return button("keep-step", tr("Keep this step"), f"{job.id} {step}", "link", title=title)


def kept_steps(workspace: Workspace, job: Job, progress: Progress) -> str:
    """Return the steps that were kept or are suggested, each with what can be done with it."""
    if not progress.checkpoints:
        return ""
    folder = workspace.jobs.folder(job.id)
    kept = steps_in(folder, KEPT)
    suggested = progress.suggested if progress.suggested in steps_in(folder) else 0
    lines = ""
    for step in sorted({*kept, *([suggested] if suggested else [])}):
        id = f"{job.id} {step}"
        words = tr("looks better than the end") if step == suggested else tr("kept")
        buttons = button("promote-step", tr("Make it a concept"), id)
        if job.status == "done":
            buttons += button("use-step", tr("Use it in place of the last"), id, ask=REPLACING)
        if step in kept:
            buttons += button("release-step", tr("Let it go"), id, "danger", ask=RELEASING)
        name = tr("<b>Step {step}</b>", step=step)
        lines += f'<li><span>{name} · {escape(words)}</span><span class="actions">{buttons}</span></li>'
    return f'<ul class="job-lines kept-steps">{lines}</ul>' if lines else ""


def insights(workspace: Workspace, job: Job, progress: Progress) -> str:
    """Return the pictures about the work with their captions, such as the attention of a word."""
    folder = workspace.jobs.folder(job.id)
    known = [(folder / file, caption) for file, caption in progress.insights if (folder / file).is_file()]
    figures = "".join(
        f'<figure><img src="{escape(file_url(path))}" alt="">'
        f"<figcaption>{escape(tr(caption))}</figcaption></figure>"
        for path, caption in known
    )
    return f'<div class="insights">{figures}</div>' if known else ""
