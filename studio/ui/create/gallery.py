"""The pictures of the Create tab: those of the current job as they come, and the latest ones."""

from __future__ import annotations

from html import escape
from pathlib import Path

from studio.recipes.recipe import Recipe
from studio.ui.parts.job_cards import put_away_button
from studio.ui.parts.markup import button, file_url, placeholder, unreadable_card
from studio.ui.parts.pager import first_of_page, pager
from studio.ui.parts.progress_card import (
    job_error,
    progress_bar,
    progress_numbers,
    progress_of,
    status_badge,
)
from studio.ui.parts.refinements import titles_of_active
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

MAX_PICTURES = 48
MAX_NOTES = 12  # about the prompt, of one painting


def tile(path: Path, selected: str, words: str, action: str = "open") -> str:
    """Return a picture as a button; it is marked when its file is called `selected`."""
    pressed = str(path.name == selected).lower()
    return (
        f'<button type="button" class="tile" data-action="{action}" data-id="{escape(path.name)}"'
        f' aria-pressed="{pressed}">'
        f'<img src="{escape(file_url(path))}" alt="{escape(words)}" loading="lazy"></button>'
    )


def painting_card(workspace: Workspace, job: Job) -> str:
    """Return the card of a job: its pictures as soon as each is done, and empty tiles for those to come."""
    progress = progress_of(workspace, job)
    recipe = Recipe.from_json(job.task)
    painted = [workspace.pictures / name for name in progress.pictures]
    tiles = [tile(path, "", job.title) for path in painted if path.is_file()]
    if not job.has_ended:
        tiles += ['<span class="tile pending"></span>'] * max(0, recipe.count - len(tiles))
    below, buttons = "", ""
    match job.status:
        case "queued":
            trains = any(other.status == "running" for other in workspace.jobs.under_way(1, ("train",)))
            wait = "Waits for a moment between two training steps." if trains else "Waits for its turn."
            below = progress_bar(progress, "Waiting", waiting=True)
            below += f'<p class="numbers"><span>{wait}</span></p>'
            buttons = button("stop", "Cancel", job.id)
        case "running":
            below = progress_bar(progress, "Painting") + progress_numbers(progress)
            buttons = button("stop", "Stop", job.id)
        case "failed":
            below = job_error(job)
    close = put_away_button(job) if job.has_ended else ""
    buttons = f'<div class="actions">{buttons}</div>' if buttons else ""
    titles = ", ".join(titles_of_active(recipe, workspace.refinements))
    refinements = f'<p class="faint">{escape(titles)}</p>' if titles else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in progress.notes[:MAX_NOTES])
    below += f'<ul class="notes">{notes}</ul>' if notes else ""
    return (
        f'<section class="card painting {job.status}" aria-label="Painting"><header>'
        f'<h2>{escape(job.title)}</h2><div class="aside">{status_badge(job)}{close}</div></header>'
        f'{refinements}<div class="tiles large">{"".join(tiles)}</div>{below}{buttons}</section>'
    )


def latest_pictures(workspace: Workspace, selected: str, current: Job | None, page: int = 0) -> str:
    """Return a page of pictures, without those of the `current` job, which are shown above them."""
    above = set(progress_of(workspace, current).pictures) if current else set()
    count = workspace.gallery.count()
    first = first_of_page(page, count, MAX_PICTURES)
    paths = [path for path in workspace.gallery.newest(MAX_PICTURES, first) if path.name not in above]
    files = workspace.gallery.unreadable(MAX_PICTURES, first)
    unreadable = unreadable_card("Files that are no pictures", "trash", files)
    turn = pager(page, count, MAX_PICTURES, "pictures")
    if not paths and (current or turn):
        return turn + unreadable
    if not paths:
        hint = "Write a prompt, press Paint, and they gather here."
        return placeholder("No pictures yet", hint) + unreadable
    tiles = "".join(tile(path, selected, f"Picture {path.stem}") for path in paths)
    return f'<h2>Pictures</h2><div class="tiles gallery">{tiles}</div>{turn}{unreadable}'
