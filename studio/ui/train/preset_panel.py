"""The handlers of one's own presets: keep the present settings, use, rename and delete."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.method_card import MethodCard
from studio.ui.parts.forms import filled_in
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, pressed_button, written_text
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import button, note_card
from studio.ui.train.method_choice import MethodChoice, kind_showing, show_methods
from studio.ui.train.preset_list import (
    APPLY,
    BACK,
    DELETE,
    DISCARD,
    KEEP,
    RENAME,
    preset_list,
    preset_row,
)
from studio.ui.train.settings_fold import SettingsFold
from studio.words import tr
from studio.workspace.workspace import Workspace


def preset_panel(
    workspace: Workspace,
    methods: Sequence[MethodCard],
    connector: Connector,
    notice: gr.HTML,
    choice: MethodChoice,
    fold: SettingsFold,
    row_place: gr.Column,
) -> list[LiveView]:
    """Build the row of presets in `row_place` and the list in the fold; returns what changes in them."""
    known = {card.id: card for card in methods}
    deleted = gr.State(None)  # the path in the trash
    with row_place:
        row = button_block("preset-row")
    with fold.presets:
        listed = button_block("preset-list")
        said = button_block("preset-note")

    def card_of(id: str, name: str) -> MethodCard:
        if id not in known:
            raise StudioError(
                "This studio does not have the method of {name}.", "Choose another preset.", name=name
            )
        return workspace.tuned(known[id])

    def applied(name: str, what: str) -> dict[Any, Any]:
        preset = workspace.presets.find(name)
        card = card_of(preset.method, name)
        values = preset.values_for(card)
        kind = kind_showing(known[card.id], what, methods)
        return {
            choice.what: kind,
            choice.method: show_methods(kind, card.id, methods),
            **fold.values_of(card, values),
            said: note_card(tr("The settings are those of “{name}”.", name=preset.name)),
        }

    def press(
        method_id: str,
        what: str,
        settings: dict[str, dict[str, Any]],
        deleted_path: Path | None,
        event: gr.EventData,
    ) -> Changes:
        action, id = pressed_button(event)
        if action == APPLY:
            return applied(id, what)
        if action == KEEP:
            card = card_of(method_id, tr("this"))
            values = card.parse(filled_in(card.fields, settings[card.id]))
            preset = workspace.presets.save(written_text(event), card.id, values)
            return {said: note_card(tr("These settings are kept as “{name}”.", name=preset.name))}
        if action == RENAME:
            workspace.presets.rename(id, written_text(event))
            return {said: ""}
        if action == DELETE:
            undo = button(BACK, tr("Undo"), kind="strong")
            note = note_card(tr("“{name}” is in the trash.", name=id), undo)
            return {deleted: workspace.presets.delete(id), said: note}
        if action == BACK:
            if deleted_path is None:
                raise StudioError("There is nothing to bring back.", "Look into the trash in the Library.")
            workspace.trash.restore(deleted_path.name)
            return {deleted: None, said: ""}
        if action == DISCARD:
            workspace.presets.discard(id)
            return {said: note_card(tr("{name} is in the trash.", name=id))}
        return None

    inputs = {
        "method_id": choice.method,
        "what": choice.what,
        "settings": fold.settings,
        "deleted_path": deleted,
    }
    outputs = [choice.what, choice.method, *fold.every, deleted, said]
    for block in (row, listed, said):
        connector.connect(block.click, press, inputs=inputs, outputs=outputs, notice=notice)
    return [
        LiveView(row, functools.partial(preset_row, workspace)),
        LiveView(listed, functools.partial(preset_list, workspace, methods)),
    ]
