"""The Library tab: every concept as a card; rename, delete with a way back, import, download."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from studio.errors import StudioError
from studio.library.header import Header
from studio.library.library import Entry
from studio.ui.parts.handlers import Live, Wire, act_of, board, drawing, drop_zone, uploaded
from studio.ui.parts.markup import button, download, empty, facts, moment, note_card, size_words
from studio.ui.parts.thumbnails import portrait
from studio.workspace.workspace import Workspace


@dataclass
class ShelfTab:
    """What others need: the board whose "paint" they listen to, and the live drawings."""

    detail: gr.HTML
    lives: list[Live]


def foreign(workspace: Workspace, entry: Entry) -> bool:
    """Whether a concept was made for another base than the one that is loaded."""
    loaded = workspace.worker_state().base.get("fingerprint", "")
    return bool(loaded) and entry.header.fingerprint != loaded


def shelf(workspace: Workspace, selected: str) -> str:
    """Every concept as a card, and every file that is none with the reason."""
    entries = workspace.library.entries()
    cards = "".join(
        f'<button type="button" class="concept" data-act="select" data-id="{escape(entry.header.handle)}"'
        f' aria-pressed="{str(entry.header.handle == selected).lower()}">{portrait(workspace, entry)}'
        f"<span><code>{escape(entry.header.handle)}</code>"
        f"<small>{escape(nouns(entry.header))} · {escape(entry.header.method_title)}</small>"
        f"{'<em>other base</em>' if foreign(workspace, entry) else ''}"
        f"{'<em>weak</em>' if weak(entry.header) else ''}</span></button>"
        for entry in entries
    )
    strangers = "".join(f"<li>{escape(str(error))}</li>" for error in workspace.library.unreadable())
    if strangers:
        title = "<strong>Files that are no concepts</strong>"
        strangers = f'<div class="card refusals">{title}<ul>{strangers}</ul></div>'
    if not entries:
        return empty("The shelf is empty", "Train a concept, or drop a concept file here.") + strangers
    return f'<div class="shelf">{cards}</div>{strangers}'


def nouns(header: Header) -> str:
    """What a concept stands for: "cat", or "cat and armchair"."""
    return " and ".join(header.handles.values())


def weak(header: Header) -> bool:
    """Whether the closing pictures of a training showed too little of any of its handles."""
    return not all(verdict.learned for verdict in header.verdicts.values())


def verdicts(header: Header) -> str:
    """Whether each handle was learned, and what to change where it was not. Older files say nothing."""
    told = ""
    for handle, verdict in header.verdicts.items():
        name = f"{handle}: " if len(header.verdicts) > 1 else ""
        words = f"{name}{verdict.summary(header.settings)}"
        told += f'<p class="faint">{escape(words)}</p>' if verdict.learned else note_card(words)
    return told


def concept_card(workspace: Workspace, entry: Entry) -> str:
    """All that a concept's file says of itself."""
    header = entry.header
    warning = ""
    if foreign(workspace, entry):
        loaded = workspace.worker_state().base.get("name", "the loaded base")
        warning = note_card(f"Made for {header.base}; it cannot be painted with {loaded}.")
    settings = {name.replace("_", " ").capitalize(): value for name, value in header.settings.items()}
    others = ", ".join(header.other_handles(header.handle))
    together = {"Together with": f"{others}: the model's change is one for all of them"} if others else {}
    about = {
        "Noun": nouns(header),
        **together,
        "Method": header.method_title,
        "Paper": header.paper,
        "Photos": header.photos,
        "Steps": header.steps,
        "Final loss": f"{header.final_loss:.4f}",
        "Seed": header.seed,
        "Base": header.base,
        "Created": moment(header.created),
        "File": f"{entry.path.name}, {size_words(entry.size_bytes)}",
    }
    report = {name.replace("_", " ").capitalize(): f"{value:.3g}" for name, value in header.report.items()}
    acts = button("paint", f"Paint with {header.handle}", header.handle, "strong") + download(
        entry.path, "Download"
    )
    return (
        f'<section class="card concept-card" aria-label="Details of {escape(header.handle)}">'
        f"{portrait(workspace, entry)}"
        f'<div class="told"><h2><code>{escape(header.handle)}</code></h2>{warning}{verdicts(header)}'
        f"{facts(about)}"
        f'<div class="acts">{acts}</div>'
        f"<details><summary>Settings</summary>{facts(settings | report)}</details></div></section>"
    )


def shelf_tab(workspace: Workspace, wire: Wire) -> ShelfTab:
    """Build the tab."""
    selected, trashed = gr.State(""), gr.State(None)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=7, elem_classes="side"):
            undo = board("undo")
            shelves = board("shelf", shelf(workspace, ""))
            drop = drop_zone("concept-drop", "Import a concept", "drop a .safetensors file", ".safetensors")
        with gr.Column(scale=5, elem_classes="side"):
            notice = drawing(elem_id="library-notice")
            detail = board("concept-detail")
            with gr.Column(visible=False, elem_classes="card", elem_id="concept-edit") as editor:
                name = gr.Textbox("", label="New name", max_length=40, max_lines=1, elem_id="new-name")
                with gr.Row(elem_classes="acts"):
                    rename = gr.Button("Rename", size="sm", elem_id="rename")
                    delete = gr.Button("Delete", size="sm", variant="stop", elem_id="delete")

    def show(handle: str) -> tuple:
        entry = workspace.library.find(handle)
        return handle, concept_card(workspace, entry), gr.update(visible=True), handle.strip("<>")

    def select(event: gr.EventData) -> tuple:
        return show(act_of(event)[1])

    def rename_it(handle: str, name: str) -> tuple:
        if not name.strip():
            raise StudioError("The new name is empty.", "Write one, then press Rename.")
        return show(workspace.library.rename(handle, name).header.handle)

    def delete_it(handle: str) -> tuple:
        path = workspace.library.delete(handle)
        words = note_card(f"{handle} is in the trash.", button("undo", "Undo", kind="strong"))
        return "", "", gr.update(visible=False), path, words

    def restore(trashed: Path | None) -> tuple:
        if trashed is None:
            raise StudioError("There is nothing to bring back.", "Look into the workspace's trash folder.")
        entry = workspace.library.restore(trashed)
        return *show(entry.header.handle), None, ""

    def bring(event: gr.EventData) -> tuple:
        paths, failed = uploaded(event)
        if not paths:
            raise StudioError(f"{failed[0] if failed else 'The file'} could not be uploaded.", "Try again.")
        try:
            entry = workspace.library.add(paths[0])
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        return show(entry.header.handle)

    shown = [selected, detail, editor, name]
    wire(shelves.click, select, [], shown, notice)
    wire(rename.click, rename_it, [selected, name], shown, notice)
    wire(name.submit, rename_it, [selected, name], shown, notice)
    wire(delete.click, delete_it, [selected], [selected, detail, editor, trashed, undo], notice)
    wire(undo.click, restore, [trashed], [*shown, trashed, undo], notice)
    wire(drop.upload, bring, [], shown, notice)
    return ShelfTab(detail, [Live(shelves, lambda handle: shelf(workspace, handle), [selected])])
