"""The pictures of a running training: what has been painted so far, and what the work shows of itself."""

from __future__ import annotations

from html import escape

from studio.ui.parts.markup import file_url
from studio.workspace.jobs import Job
from studio.workspace.progress import Progress
from studio.workspace.workspace import Workspace

STRIP_HIGH = 12


def previews(workspace: Workspace, job: Job, progress: Progress) -> tuple[str, str]:
    """The newest preview, large, and a strip of the earlier ones labelled by step."""
    folder = workspace.jobs.folder(job.id)
    there = [(step, folder / file, prompt) for step, file, prompt in progress.previews]
    there = [(step, path, prompt) for step, path, prompt in there if path.is_file()]
    if not there:
        return '<div class="easel waiting"><span>The first picture appears here</span></div>', ""
    step, path, prompt = there[-1]
    text = f"{prompt}, after step {step}"
    large = (
        f'<figure class="easel"><img src="{escape(file_url(path))}" alt="{escape(text)}">'
        f"<figcaption>{escape(prompt)} · step {step}</figcaption></figure>"
    )
    stride = max(1, -(-len(there) // STRIP_HIGH))
    small = "".join(
        f'<figure><img src="{escape(file_url(path))}" alt="step {step}">'
        f"<figcaption>{step if said == prompt else escape(said)}</figcaption></figure>"
        for step, path, said in there[::stride]
    )
    return large, f'<div class="strip" aria-label="Previews by step">{small}</div>' if len(there) > 1 else ""


def insights(workspace: Workspace, job: Job, progress: Progress) -> str:
    """What the work shows of itself, each picture with its caption."""
    folder = workspace.jobs.folder(job.id)
    there = [(folder / file, caption) for file, caption in progress.insights if (folder / file).is_file()]
    figures = "".join(
        f'<figure><img src="{escape(file_url(path))}" alt="">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for path, caption in there
    )
    return f'<div class="insights">{figures}</div>' if there else ""
