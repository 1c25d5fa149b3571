"""The pictures of the Create tab: those of the current job as they come, and the latest ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from studio.errors import shortened
from studio.recipes.recipe import Recipe
from studio.ui.create.gallery_tools import nothing_found
from studio.ui.parts.job_cards import put_away_button
from studio.ui.parts.markup import button, duration, error_card, file_url, placeholder, unreadable_card
from studio.ui.parts.pager import first_of_page, pager
from studio.ui.parts.progress_card import (
    job_error,
    progress_bar,
    progress_numbers,
    progress_of,
    status_badge,
)
from studio.ui.parts.refinements import picture_before, titles_of_active
from studio.ui.parts.slider import slider, waiting_slider
from studio.words import tr, trn
from studio.workspace.jobs import Job
from studio.workspace.picture_search import PictureFilter
from studio.workspace.pictures import EVERYTHING, PicturePage
from studio.workspace.workspace import Workspace

MAX_PICTURES = 48
MAX_NOTES = 12  # about the prompt, of one painting


def tile(path: Path, selected: str, words: str, action: str = "open", starred: bool = False) -> str:
    """Return a picture as a button; it is marked when its file is called `selected`, or has a star."""
    pressed = str(path.name == selected).lower()
    star = (
        f'<span class="tile-star" role="img" aria-label="{escape(tr("starred"))}">★</span>' if starred else ""
    )
    return (
        f'<button type="button" class="tile" data-action="{action}" data-id="{escape(path.name)}"'
        f' aria-pressed="{pressed}">'
        f'<img src="{escape(file_url(path))}" alt="{escape(words)}" loading="lazy">{star}</button>'
    )


def painting_card(workspace: Workspace, job: Job, selected: str = "") -> str:
    """Return the card of a job: its pictures as soon as each is done, and empty tiles for those to come.

    A single picture that is painted again with a refinement is shown beside the one without, under a slider.
    What stands below the pictures is as high at the end as before, so that nothing moves.
    """
    progress = progress_of(workspace, job)
    recipe = Recipe.from_json(job.task)
    stars = workspace.gallery.stars.names()
    painted = [path for name in progress.pictures if (path := workspace.pictures / name).is_file()]
    tiles = [tile(path, selected, recipe.prompt, starred=path.name in stars) for path in painted]
    if not job.has_ended:
        tiles += ['<span class="tile pending"></span>'] * max(0, recipe.count - len(tiles))
    foot, aside = "", ""
    match job.status:
        case "queued":
            trains = any(other.status == "running" for other in workspace.jobs.under_way(1, ("train",)))
            wait = tr("Waits for its turn.")
            if trains:
                wait = tr("Waits for a moment between two training steps.")
            foot = progress_bar(progress, tr("Waiting"), waiting=True)
            foot += f'<p class="numbers"><span>{escape(wait)}</span></p>'
            aside = button("stop", tr("Cancel"), job.id)
        case "running":
            foot = progress_bar(progress, tr("Painting")) + progress_numbers(progress)
            aside = button("stop", tr("Stop"), job.id)
        case "done" | "stopped":
            foot = f'<p class="numbers"><span>{escape(_painted_words(job, len(painted)))}</span></p>'
        case "failed":
            foot = job_error(job)
    aside += put_away_button(job) if job.has_ended else ""
    titles = ", ".join(titles_of_active(recipe, workspace.refinements))
    refinements = f'<p class="faint">{escape(titles)}</p>' if titles else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in progress.notes[:MAX_NOTES])
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    return (
        f'<section class="card painting {job.status}" aria-label="{escape(tr("Painting"))}"><header>'
        f'<h2>{escape(job.title)}</h2><div class="aside">{status_badge(job)}{aside}</div></header>'
        f"{refinements}{_pair(workspace, job, recipe, painted)}"
        f'<div class="tiles large">{"".join(tiles)}</div>'
        f'<div class="painting-foot">{foot}</div>{notes}</section>'
    )


def _painted_words(job: Job, count: int) -> str:
    """Return how many pictures a job has painted, and in how long."""
    if not (job.finished and job.started):
        return trn("{count} picture", "{count:,} pictures", count)
    time = duration(job.finished - job.started)
    return trn("{count} picture in {time}", "{count:,} pictures in {time}", count, time=time)


def _pair(workspace: Workspace, job: Job, recipe: Recipe, painted: Sequence[Path]) -> str:
    """Return a picture before and after a refinement under a slider, at first the one before alone.

    Empty for other paintings.
    """
    if recipe.count != 1 or (before := picture_before(workspace, recipe)) is None:
        return ""
    if not painted:  # it is to come, or was deleted
        return "" if job.has_ended else waiting_slider(before.path, tr("before"))
    return slider(before.path, painted[0], tr("before"), tr("after {change}", change=before.change))


def latest_pictures(
    workspace: Workspace,
    selected: str,
    current: Job | None,
    page: int = 0,
    wanted: PictureFilter = EVERYTHING,
) -> str:
    """Return a page of the wanted pictures, without those of the `current` job, which stand above them."""
    above = set(progress_of(workspace, current).pictures) if current else set()
    first = first_of_page(page, workspace.gallery.count(wanted), MAX_PICTURES)
    shown = workspace.gallery.page(MAX_PICTURES, first, wanted)
    paths = [path for path in shown.paths if path.name not in above]
    unreadable = unreadable_card(tr("Files that are no pictures"), "trash", shown.unreadable)
    turn = pager(page, shown.count, MAX_PICTURES, "pictures")
    stars = workspace.gallery.stars.trouble
    unreadable += error_card(stars) if stars else ""
    if not paths and wanted.is_on and not shown.count:
        return nothing_found(wanted) + unreadable
    if not paths and (current or turn):
        return turn + unreadable
    if not paths:
        hint = tr("Write a prompt, press Paint, and they gather here.")
        return placeholder(tr("No pictures yet"), hint) + unreadable
    tiles = "".join(
        tile(path, selected, _words(path, shown), starred=path.name in shown.starred) for path in paths
    )
    title = escape(tr("Pictures"))
    return f'<h2 class="unseen">{title}</h2><div class="tiles gallery">{tiles}</div>{turn}{unreadable}'


def _words(path: Path, page: PicturePage) -> str:
    """Return what a picture shows in words: its prompt, else its name."""
    return shortened(page.prompts.get(path.name) or tr("Picture {name}", name=path.stem))
