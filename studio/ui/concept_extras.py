"""On a concept's card, what a person adds: star, note and cover; and the photos that it was made from."""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from studio.concepts.concept_library import Entry
from studio.concepts.header import Header
from studio.errors import DiskError
from studio.handles import handles_in
from studio.limits import MAX_NOTE_LETTERS
from studio.ui.export_panel import export_folder
from studio.ui.parts.icons import icon_button
from studio.ui.parts.markup import download, file_url
from studio.ui.parts.thumbnails import small_file, thumbnail
from studio.words import tr, trn
from studio.workspace.concept_search import score_of
from studio.workspace.picture_search import PictureFilter
from studio.workspace.workspace import Workspace

STAR, COVER = "star", "cover"  # actions of buttons; the id is the handle, of a cover with the file behind it
MAX_COVERS = 11  # pictures to choose from, beside the preview
MAX_PHOTOS_SHOWN = 12
SCORE_HELP = tr(
    "How much of the likeness that its photos have to each other its pictures have, after training"
)


def star_button(workspace: Workspace, entry: Entry) -> str:
    """Return the switch of a concept's star."""
    starred = workspace.marks.of(entry.header).starred
    label = tr("Take the star away") if starred else tr("Give it a star")
    return icon_button(STAR, label, "star", entry.header.handle, pressed=starred)


def badges(workspace: Workspace, entry: Entry) -> str:
    """Return the score of a concept and its star, for its card in the list."""
    score = score_words(entry.header)
    words = f'<i class="score" title="{escape(SCORE_HELP)}">{score}</i>' if score else ""
    if workspace.marks.of(entry.header).starred:
        words += f'<i class="starred" title="{escape(tr("Starred"))}">★</i>'
    return words


def score_words(header: Header) -> str:
    """Return the score of a concept as a share; empty where no verdict was given."""
    score = score_of(header)
    return "" if score is None else f"{min(max(score, 0.0), 1.0):.0%}"


def download_link(workspace: Workspace, entry: Entry) -> str:
    """Return the link that saves a concept, its note inside if the disk has room for that copy."""
    try:
        path = workspace.marks.with_note(entry, export_folder(workspace))
    except DiskError:  # what the card says counts for more
        path = entry.path
    return download(path, tr("Download"), entry.path.name)


def note_field() -> gr.Textbox:
    """Create the field for the note on a concept."""
    return gr.Textbox(
        "",
        label=tr("Note"),
        info=tr("For yourself. It goes along when the concept is renamed or downloaded."),
        max_length=MAX_NOTE_LETTERS,
        lines=2,
        elem_id="concept-note",
    )


def photos_section(workspace: Workspace, handle: str) -> str:
    """Return the photos that a concept was made from, empty where they are not here."""
    folder = workspace.photos_of(handle)
    paths = sorted(folder.glob("*.png")) if folder else []
    if not paths:
        return ""
    shown = [small for path in paths[:MAX_PHOTOS_SHOWN] if (small := small_file(workspace, path))]
    pictures = "".join(f'<img src="{escape(file_url(path))}" alt="" loading="lazy">' for path in shown)
    words = trn(
        "{count} photo, kept with the training and not in the concept’s file.",
        "{count:,} photos, kept with the training and not in the concept’s file.",
        len(paths),
    )
    if len(paths) > len(shown):
        words += " " + tr("{count} more are not shown.", count=len(paths) - len(shown))
    return (
        f'<section class="made-from" aria-label="{escape(tr("Photos"))}">'
        f"<h3>{escape(tr('Made from these photos'))}</h3>"
        f'<div class="tiles small">{pictures}</div><p class="faint">{escape(words)}</p></section>'
    )


def cover_section(workspace: Workspace, entry: Entry) -> str:
    """Return the pictures that may stand for a concept: its preview, and the newest painted with it."""
    header = entry.header
    chosen = workspace.marks.of(header).cover or ""
    page = workspace.gallery.page(4 * MAX_COVERS, wanted=PictureFilter(header.handle))
    made = [path for path in page.paths if header.handle in handles_in(page.prompts.get(path.name, ""))]
    names = [path.name for path in made[:MAX_COVERS]]
    if chosen and chosen not in names:
        names = [chosen, *names][:MAX_COVERS]
    preview = thumbnail(workspace, entry)
    tiles = _cover_tile(header.handle, "", tr("The preview of its training"), preview, not chosen)
    for name in names:
        small = small_file(workspace, workspace.pictures / name)
        tiles += _cover_tile(header.handle, name, tr("Picture {name}", name=name), small, name == chosen)
    if not names:
        hint = tr("Paint with it in Create, and its pictures can be chosen here.")
        tiles += f'<p class="faint">{escape(hint)}</p>'
    listed = f'<div class="tiles small">{tiles}</div>'
    return f'<details class="cover-choice"><summary>{escape(tr("Cover"))}</summary>{listed}</details>'


def _cover_tile(handle: str, name: str, words: str, path: Path | None, chosen: bool) -> str:
    if path is None:
        return ""
    return (
        f'<button type="button" class="tile" data-action="{COVER}" data-id="{escape(f"{handle} {name}")}"'
        f' aria-pressed="{str(chosen).lower()}" title="{escape(words)}">'
        f'<img src="{escape(file_url(path))}" alt="{escape(words)}" loading="lazy"></button>'
    )
