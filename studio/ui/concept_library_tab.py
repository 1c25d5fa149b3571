"""The Library tab: every concept as a card; rename, delete and undo, import, download."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.concepts.concept_library import Entry
from studio.errors import StudioError
from studio.ui.concept_cards import concept_card, concept_cards
from studio.ui.concept_extras import (
    COVER,
    STAR,
    cover_section,
    note_field,
    photos_section,
)
from studio.ui.concept_tools import concept_tools
from studio.ui.export_panel import exported
from studio.ui.import_form import import_form
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import (
    button_block,
    drop_zone,
    hidden_text,
    html_block,
    pressed_button,
)
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import (
    button,
    note_card,
)
from studio.ui.parts.pager import turned_page
from studio.ui.parts.search_field import SHOW_ALL, STARRED, starred_switch
from studio.ui.trash_panel import trash_panel
from studio.words import tr
from studio.workspace.concept_marks import concept_key
from studio.workspace.workspace import Workspace


@dataclass
class LibraryTab:
    """What the other tabs use.

    Args:
        detail: the block whose "paint" button writes a handle into the prompt of Create.
    """

    detail: gr.HTML
    views: list[LiveView]


def library_tab(workspace: Workspace, connector: Connector) -> LibraryTab:
    """Build the tab."""
    selected, deleted, page = gr.State(""), gr.State(None), gr.State(0)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=7, elem_classes="side"):
            undo = button_block("undo")
            tools = concept_tools()
            cards = button_block("library-cards")
            text = tr("a concept, or an embedding or LoRA of another program")
            drop = drop_zone(
                "concept-drop", tr("Import a .safetensors file"), text, ".safetensors,.pt,.bin,.ckpt"
            )
            form = import_form()
            trash_place = gr.Column(elem_id="trash-place")
        with gr.Column(scale=5, elem_classes="side"):
            notice = html_block(elem_id="library-notice")
            detail = button_block("concept-detail")
            exports = button_block("concept-export")
            with gr.Column(visible=False, elem_classes="card", elem_id="concept-edit") as editor:
                note = note_field()
                new_name = gr.Textbox(
                    "", label=tr("New name"), max_length=40, max_lines=1, elem_id="new-name"
                )
                with gr.Row(elem_classes="actions"):
                    rename = gr.Button(tr("Rename"), size="sm", elem_id="rename")
                    delete = gr.Button(tr("Delete"), size="sm", variant="stop", elem_id="delete")
            extras = button_block("concept-extras")
    noted = hidden_text()  # `concept_key` of the concept whose note stands in the field
    shown = [selected, exports, editor, new_name, note, noted]

    def entry_of(handle: str) -> Entry | None:
        return workspace.concepts.find(handle) if workspace.concepts.has(handle) else None

    def draw_detail(selected: str) -> str:
        entry = entry_of(selected)
        return concept_card(workspace, entry) if entry else ""

    def draw_extras(selected: str) -> str:
        entry = entry_of(selected)
        return cover_section(workspace, entry) + photos_section(workspace, selected) if entry else ""

    def show(handle: str) -> dict[Any, Any]:
        header = workspace.concepts.find(handle).header
        return {
            selected: handle,
            exports: "",
            editor: gr.update(visible=True),
            new_name: handle.strip("<>"),
            note: workspace.marks.note(header),
            noted: concept_key(header),
        }

    def select_concept(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if (turned := turned_page(action, id)) is not None:
            return {page: turned}
        if action == SHOW_ALL:
            return {page: 0, **tools.all_shown()}
        if action != "trash":
            return show(id)
        workspace.concepts.discard(id)
        return {undo: note_card(tr("{name} is in the trash.", name=id))}

    def rename_concept(handle: str, name: str) -> Changes:
        if not name.strip():
            raise StudioError("The new name is empty.", "Write one, then press Rename.")
        return show(workspace.rename(handle, name).header.handle)

    def delete_concept(handle: str) -> Changes:
        path = workspace.concepts.delete(handle)
        words = tr("{name} is in the trash.", name=handle)
        said = note_card(words, button("undo", tr("Undo"), kind="strong"))
        return {
            selected: "",
            exports: "",
            editor: gr.update(visible=False),
            deleted: path,
            undo: said,
        }

    def restore_concept(path: Path | None) -> Changes:
        if path is None:
            raise StudioError("There is nothing to bring back.", "Look into the workspace's trash folder.")
        return show(workspace.concepts.restore(path).header.handle) | {deleted: None, undo: ""}

    def press_in_detail(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action == "close-export":
            return {exports: ""}
        if action == STAR:
            header = workspace.concepts.find(id).header
            workspace.marks.change(header, starred=not workspace.marks.of(header).starred)
            return {}
        if action != "export":
            return None  # "paint" is for Create
        program, _, handle = id.partition(" ")
        return {exports: exported(workspace, workspace.concepts.find(handle), program)}

    def choose_cover(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action != COVER:
            return None
        handle, _, name = id.partition(" ")
        path = workspace.gallery.find(name) if name else None
        workspace.marks.change(workspace.concepts.find(handle).header, cover=path.name if path else None)
        return {}

    def write_note(key: str, text: str) -> Changes:
        found = (entry for entry in workspace.concepts.entries() if concept_key(entry.header) == key)
        if (entry := next(found, None)) is not None and text != workspace.marks.note(entry.header):
            workspace.marks.write_note(entry.header, text)
        return {}

    def press_in_bar(starred: bool, event: gr.EventData) -> Changes:
        if pressed_button(event)[0] != STARRED:
            return None
        return {tools.starred: not starred, tools.bar: starred_switch(not starred), page: 0}

    connect = functools.partial(connector.connect, outputs=shown, notice=notice)
    of_tools = [tools.search, tools.starred, tools.bar]
    connect(cards.click, select_concept, outputs=[*shown, undo, page, *of_tools])
    connect(tools.bar.click, press_in_bar, inputs={"starred": tools.starred}, outputs=[*of_tools, page])
    for changed in (tools.search.change, tools.order.change):
        connect(changed, lambda: {page: 0}, outputs=[page], trigger_mode="always_last")
    connect(extras.click, choose_cover, outputs=[])
    written = {"key": noted, "text": note}
    connect(note.blur, write_note, inputs=written, outputs=[], trigger_mode="always_last")
    for event in (rename.click, new_name.submit):
        connect(event, rename_concept, inputs={"handle": selected, "name": new_name})
    left = [selected, exports, editor, deleted, undo]
    connect(delete.click, delete_concept, inputs={"handle": selected}, outputs=left)
    connect(undo.click, restore_concept, inputs={"path": deleted}, outputs=[*shown, deleted, undo])
    imported = [*shown, page]
    form.connect(workspace, connector, drop, lambda one: show(one) | {page: 0}, imported, undo, notice)
    for block in (detail, exports):
        connect(block.click, press_in_detail, outputs=[exports])
    states = {"selected": selected, "page": page, **tools.states}
    # what the card shows of a concept is always of the one selected last, however late an answer comes
    views = [
        LiveView(cards, functools.partial(concept_cards, workspace), states),
        LiveView(detail, draw_detail, {"selected": selected}),
        LiveView(extras, draw_extras, {"selected": selected}),
    ]
    with trash_place:
        trash = trash_panel(workspace, connector, notice)
    return LibraryTab(detail, [*views, trash])
