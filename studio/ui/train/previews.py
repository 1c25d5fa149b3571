"""The pictures of a running training: previews of what it has learned, and pictures about the work."""

from __future__ import annotations

from html import escape

from studio.ui.parts.markup import file_url
from studio.workspace.jobs import Job
from studio.workspace.progress import Progress
from studio.workspace.workspace import Workspace

MAX_STRIP = 12
EMPTY_STRIP = f'<div class="strip waiting" aria-hidden="true">{"<i></i>" * 5}</div>'


def previews(workspace: Workspace, job: Job, progress: Progress) -> tuple[str, str]:
    """Return the newest preview, large, and a strip of previews labelled by step."""
    folder = workspace.jobs.folder(job.id)
    known = [(step, folder / file, prompt) for step, file, prompt in progress.previews]
    known = [(step, path, prompt) for step, path, prompt in known if path.is_file()]
    # while there may be more, the place of the strip is kept, so that nothing below it moves
    empty = "" if job.has_ended else EMPTY_STRIP
    if not known:
        words = "No picture was painted" if job.has_ended else "The first picture appears here"
        return f'<div class="large-preview waiting"><span>{words}</span></div>', empty
    step, path, prompt = known[-1]
    text = f"{prompt}, after step {step}"
    large = (
        f'<figure class="large-preview"><img src="{escape(file_url(path))}" alt="{escape(text)}">'
        f"<figcaption>{escape(prompt)} · step {step}</figcaption></figure>"
    )
    stride = max(1, -(-len(known) // MAX_STRIP))
    small = "".join(
        f'<figure><img src="{escape(file_url(path))}" alt="step {step}">'
        f"<figcaption>{step if its_prompt == prompt else escape(its_prompt)}</figcaption></figure>"
        for step, path, its_prompt in known[::stride]
    )
    strip = (
        f'<div class="strip" role="group" tabindex="0" aria-label="Previews by step">{small}</div>'
        if len(known) > 1
        else empty
    )
    return large, strip


def insights(workspace: Workspace, job: Job, progress: Progress) -> str:
    """Return the pictures about the work with their captions, such as the attention of a word."""
    folder = workspace.jobs.folder(job.id)
    known = [(folder / file, caption) for file, caption in progress.insights if (folder / file).is_file()]
    figures = "".join(
        f'<figure><img src="{escape(file_url(path))}" alt="">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for path, caption in known
    )
    return f'<div class="insights">{figures}</div>' if known else ""
