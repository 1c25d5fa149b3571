"""Concepts as cards: a page of the Library's, and the card with all that a concept's file says of itself."""

from __future__ import annotations

from html import escape

from studio.concepts.concept_library import Entry
from studio.concepts.header import Header
from studio.errors import shortened
from studio.ui.base_notes import base_note, is_of_other_base
from studio.ui.concept_extras import badges, download_link, score_words, star_button
from studio.ui.concept_tools import no_concept_found, wanted_concepts
from studio.ui.export_panel import export_menu
from studio.ui.parts import verdict_view
from studio.ui.parts.forms import value_text
from studio.ui.parts.markup import (
    button,
    error_card,
    facts,
    file_size,
    local_time,
    note_card,
    placeholder,
    unreadable_card,
)
from studio.ui.parts.pager import first_of_page, pager
from studio.ui.parts.thumbnails import portrait
from studio.words import all_of, tr
from studio.workspace.concept_search import NEWEST
from studio.workspace.workspace import Workspace

PAGE_SIZE = 60


def concept_cards(
    workspace: Workspace,
    selected: str,
    page: int = 0,
    text: str = "",
    order: str = NEWEST,
    starred: bool = False,
) -> str:
    """Return a page of the wanted concepts as cards, and the files that are no concepts with the reason."""
    shelf, wanted = workspace.concepts.shelf, wanted_concepts(text, order, starred)
    found = workspace.concept_search.find(shelf, wanted)
    first = first_of_page(page, len(found), PAGE_SIZE)
    loaded, other_base = workspace.worker_state().base, tr("other base")
    cards = "".join(
        f'<button type="button" class="concept" data-action="select" data-id="{escape(entry.header.handle)}"'
        f' aria-pressed="{str(entry.header.handle == selected).lower()}">{portrait(workspace, entry)}'
        f"<span><code>{escape(entry.header.handle)}</code>{badges(workspace, entry)}"
        f"<small>{escape(nouns(entry.header))} · {escape(tr(entry.header.method_title))}</small>"
        f"{f'<em>{escape(other_base)}</em>' if is_of_other_base(entry.header, loaded) else ''}"
        f"{verdict_view.weak_badge(entry.header)}</span></button>"
        for entry in found[first : first + PAGE_SIZE]
    )
    trouble = error_card(workspace.marks.trouble) if workspace.marks.trouble else ""
    below = trouble + unreadable_card(
        tr("Files that are no concepts"), "trash", workspace.concepts.unreadable()
    )
    if not shelf.entries:
        hint = tr("Train a concept, or drop a concept file here.")
        return placeholder(tr("The Library is empty"), hint) + below
    if not found:
        return no_concept_found(wanted) + below
    turn = pager(page, len(found), PAGE_SIZE, "concepts")
    return f'<div class="concept-cards">{cards}</div>{turn}{below}'


def nouns(header: Header) -> str:
    """Return what a concept stands for: "cat", or "cat and armchair"."""
    return all_of(header.handles.values())


def concept_card(workspace: Workspace, entry: Entry) -> str:
    """Return the card with everything that a concept's file says about itself."""
    header = entry.header
    note = base_note(header, workspace.worker_state().base)
    warning = note_card(note) if note else ""
    settings = {
        tr(name.replace("_", " ").capitalize()): value_text(value) for name, value in header.settings.items()
    }
    others = ", ".join(header.other_handles(header.handle))
    shared = tr("{others}: the model's change is one for all of them", others=others)
    together = {tr("Together with"): shared} if others else {}
    about = {
        tr("Noun"): nouns(header),
        tr("Score"): score_words(header),
        **together,
        tr("Method"): tr(header.method_title),
        tr("Paper"): header.paper,
        tr("Photos"): header.photos or "",
        tr("Steps"): header.steps or "",  # what another program has learned does not say
        tr("Final loss"): f"{header.final_loss:.4f}" if header.steps else "",
        tr("Memory"): header.memory,
        tr("Seed"): header.seed if header.steps else "",
        tr("Base"): header.base,
        tr("Created"): local_time(header.created),
        tr("File"): f"{shortened(entry.path.name)}, {file_size(entry.size_bytes)}",
    }
    report = {
        tr(name.replace("_", " ").capitalize()): f"{value:.3g}" for name, value in header.report.items()
    }
    photos, label = workspace.photos_of(header.handle), tr("Details of {handle}", handle=header.handle)
    buttons = button("paint", tr("Paint with {handle}", handle=header.handle), header.handle, "strong")
    buttons += download_link(workspace, entry) + star_button(workspace, entry)
    return (
        f'<section class="card concept-card" aria-label="{escape(label)}">'
        f"{verdict_view.photo_and_picture(photos, portrait(workspace, entry))}"
        f'<div class="card-text"><h2><code>{escape(header.handle)}</code></h2>{warning}'
        f"{verdict_view.verdict_notes(header)}{facts(about)}"
        f'<div class="actions">{buttons}</div>{export_menu(header.handle)}'
        f"<details><summary>{escape(tr('Settings'))}</summary>{facts(settings | report)}</details>"
        "</div></section>"
    )
