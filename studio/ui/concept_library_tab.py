"""The Library tab: every concept as a card; rename, delete and undo, import, download."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from studio.concepts.concept_library import Entry
from studio.concepts.header import Header, is_ours
from studio.errors import StudioError, shortened
from studio.ui.export_panel import export_menu, exported
from studio.ui.import_form import discard_upload, import_form, keep_upload
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import (
    button_block,
    drop_zone,
    html_block,
    pressed_button,
    uploaded_files,
)
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import (
    button,
    download,
    facts,
    file_size,
    local_time,
    note_card,
    placeholder,
    unreadable_card,
)
from studio.ui.parts.pager import first_of_page, pager, turned_page
from studio.ui.parts.thumbnails import portrait
from studio.ui.trash_panel import trash_panel
from studio.workspace.workspace import Workspace

PAGE_SIZE = 60


@dataclass
class LibraryTab:
    """What the other tabs use.

    Args:
        detail: the block whose "paint" button writes a handle into the prompt of Create.
    """

    detail: gr.HTML
    views: list[LiveView]


def is_of_other_base(header: Header, loaded: Mapping[str, Any]) -> bool:
    """Return whether a concept was made for another base than the one that the worker has loaded."""
    return bool(loaded) and header.fingerprint != loaded.get("fingerprint")


def fits_base(header: Header, loaded: Mapping[str, Any]) -> bool:
    """Return whether a concept can be used on the loaded base, as far as its header tells.

    `Concept.check` decides; it knows the shapes too.
    """
    if not is_of_other_base(header, loaded):
        return True
    return not header.dependencies and header.base_kind in ("", loaded.get("kind"))


def base_note(header: Header, loaded: Mapping[str, Any]) -> str:
    """Return what to know of a concept that was made on another base than the loaded one, else nothing."""
    if not is_of_other_base(header, loaded):
        return ""
    name = loaded.get("name", "the loaded base")
    if fits_base(header, loaded):
        return f"Made on {header.base}: with {name} it may look different."
    return f"Made for {header.base}; it cannot be painted with {name}."


def concept_cards(workspace: Workspace, selected: str, page: int = 0) -> str:
    """Return a page of concepts as cards, and the files that are no concepts with the reason."""
    everything = workspace.concepts.entries()
    first = first_of_page(page, len(everything), PAGE_SIZE)
    entries = everything[first : first + PAGE_SIZE]
    loaded = workspace.worker_state().base
    cards = "".join(
        f'<button type="button" class="concept" data-action="select" data-id="{escape(entry.header.handle)}"'
        f' aria-pressed="{str(entry.header.handle == selected).lower()}">{portrait(workspace, entry)}'
        f"<span><code>{escape(entry.header.handle)}</code>"
        f"<small>{escape(nouns(entry.header))} · {escape(entry.header.method_title)}</small>"
        f"{'<em>other base</em>' if is_of_other_base(entry.header, loaded) else ''}"
        f"{'<em>weak</em>' if is_weak(entry.header) else ''}</span></button>"
        for entry in entries
    )
    unreadable = unreadable_card("Files that are no concepts", "trash", workspace.concepts.unreadable())
    if not entries:
        hint = "Train a concept, or drop a concept file here."
        return placeholder("The Library is empty", hint) + unreadable
    turn = pager(page, len(everything), PAGE_SIZE, "concepts")
    return f'<div class="concept-cards">{cards}</div>{turn}{unreadable}'


def nouns(header: Header) -> str:
    """Return what a concept stands for: "cat", or "cat and armchair"."""
    return " and ".join(header.handles.values())


def is_weak(header: Header) -> bool:
    """Return whether the verdict at the end of the training was bad for any of its handles."""
    return not all(verdict.learned for verdict in header.verdicts.values())


def verdict_notes(header: Header) -> str:
    """Return whether each handle was learned, and what to change where it was not.

    Empty for older files, which have no verdict.
    """
    notes = ""
    for handle, verdict in header.verdicts.items():
        name = f"{handle}: " if len(header.verdicts) > 1 else ""
        words = f"{name}{verdict.summary(header.settings)}"
        notes += f'<p class="faint">{escape(words)}</p>' if verdict.learned else note_card(words)
    return notes


def concept_card(workspace: Workspace, entry: Entry) -> str:
    """Return the card with everything that a concept's file says about itself."""
    header = entry.header
    note = base_note(header, workspace.worker_state().base)
    warning = note_card(note) if note else ""
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
        "Memory": header.memory,
        "Seed": header.seed,
        "Base": header.base,
        "Created": local_time(header.created),
        "File": f"{shortened(entry.path.name)}, {file_size(entry.size_bytes)}",
    }
    report = {name.replace("_", " ").capitalize(): f"{value:.3g}" for name, value in header.report.items()}
    buttons = button("paint", f"Paint with {header.handle}", header.handle, "strong")
    buttons += download(entry.path, "Download")
    return (
        f'<section class="card concept-card" aria-label="Details of {escape(header.handle)}">'
        f"{portrait(workspace, entry)}"
        f'<div class="card-text"><h2><code>{escape(header.handle)}</code></h2>{warning}'
        f"{verdict_notes(header)}{facts(about)}"
        f'<div class="actions">{buttons}</div>{export_menu(header.handle)}'
        f"<details><summary>Settings</summary>{facts(settings | report)}</details></div></section>"
    )


def library_tab(workspace: Workspace, connector: Connector) -> LibraryTab:
    """Build the tab."""
    selected, deleted, page = gr.State(""), gr.State(None), gr.State(0)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=7, elem_classes="side"):
            undo = button_block("undo")
            cards = button_block("library-cards")
            text = "a concept, or an embedding or LoRA of another program"
            drop = drop_zone(
                "concept-drop", "Import a .safetensors file", text, ".safetensors,.pt,.bin,.ckpt"
            )
            form = import_form()
            trash_place = gr.Column(elem_id="trash-place")
        with gr.Column(scale=5, elem_classes="side"):
            notice = html_block(elem_id="library-notice")
            detail = button_block("concept-detail")
            exports = button_block("concept-export")
            with gr.Column(visible=False, elem_classes="card", elem_id="concept-edit") as editor:
                new_name = gr.Textbox("", label="New name", max_length=40, max_lines=1, elem_id="new-name")
                with gr.Row(elem_classes="actions"):
                    rename = gr.Button("Rename", size="sm", elem_id="rename")
                    delete = gr.Button("Delete", size="sm", variant="stop", elem_id="delete")
    shown = [selected, detail, exports, editor, new_name]

    def show(handle: str) -> dict[Any, Any]:
        return {
            selected: handle,
            detail: concept_card(workspace, workspace.concepts.find(handle)),
            exports: "",
            editor: gr.update(visible=True),
            new_name: handle.strip("<>"),
        }

    def select_concept(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if (turned := turned_page(action, id)) is not None:
            return {page: turned}
        if action != "trash":
            return show(id)
        workspace.concepts.discard(id)
        return {undo: note_card(f"{id} is in the trash.")}

    def rename_concept(handle: str, name: str) -> Changes:
        if not name.strip():
            raise StudioError("The new name is empty.", "Write one, then press Rename.")
        return show(workspace.rename(handle, name).header.handle)

    def delete_concept(handle: str) -> Changes:
        path = workspace.concepts.delete(handle)
        note = note_card(f"{handle} is in the trash.", button("undo", "Undo", kind="strong"))
        return {
            selected: "",
            detail: "",
            exports: "",
            editor: gr.update(visible=False),
            deleted: path,
            undo: note,
        }

    def restore_concept(path: Path | None) -> Changes:
        if path is None:
            raise StudioError("There is nothing to bring back.", "Look into the workspace's trash folder.")
        return show(workspace.concepts.restore(path).header.handle) | {deleted: None, undo: ""}

    def import_concept(event: gr.EventData) -> Changes:
        paths, failed = uploaded_files(event)
        if not paths:
            raise StudioError(f"{failed[0] if failed else 'The file'} could not be uploaded.", "Try again.")
        try:
            if not is_ours(paths[0]):
                return form.opened_with(keep_upload(workspace, paths[0]))
            entry = workspace.concepts.add(paths[0])
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        return show(entry.header.handle) | {page: 0}

    def import_foreign(file: str, name: str, noun: str, trigger: str) -> Changes:
        if not Path(file).is_file():
            raise StudioError("The file is gone.", "Drop it in again.")
        job = workspace.import_foreign(Path(file), name, noun, trigger)
        discard_upload(file)
        words = f"{job.title} is being imported. It appears here, or in the Queue with the reason why not."
        return form.closed() | {undo: note_card(words)}

    def cancel_import(file: str) -> Changes:
        discard_upload(file)
        return form.closed()

    def press_in_detail(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action == "close-export":
            return {exports: ""}
        if action != "export":
            return None  # "paint" is for Create
        program, _, handle = id.partition(" ")
        return {exports: exported(workspace, workspace.concepts.find(handle), program)}

    connect = functools.partial(connector.connect, outputs=shown, notice=notice)
    connect(cards.click, select_concept, outputs=[*shown, undo, page])
    for event in (rename.click, new_name.submit):
        connect(event, rename_concept, inputs={"handle": selected, "name": new_name})
    left = [selected, detail, exports, editor, deleted, undo]
    connect(delete.click, delete_concept, inputs={"handle": selected}, outputs=left)
    connect(undo.click, restore_concept, inputs={"path": deleted}, outputs=[*shown, deleted, undo])
    connect(drop.upload, import_concept, outputs=[*shown, page, *form.outputs])
    connect(form.start.click, import_foreign, inputs=form.inputs, outputs=[*form.outputs, undo])
    connect(form.cancel.click, cancel_import, inputs={"file": form.file}, outputs=form.outputs)
    for block in (detail, exports):
        connect(block.click, press_in_detail, outputs=[exports])
    states = {"selected": selected, "page": page}
    view = LiveView(cards, functools.partial(concept_cards, workspace), states)
    with trash_place:
        trash = trash_panel(workspace, connector, notice)
    return LibraryTab(detail, [view, trash])
