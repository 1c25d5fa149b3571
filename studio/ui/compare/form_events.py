"""Events of the Compare tab's form: choices, example values and the count follow what one types."""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr

from studio.ui.compare.axis_choices import NOTHING, axis_choices, axis_help, example_for
from studio.ui.compare.carried import FORGET, carried_note
from studio.ui.compare.grid_form import DEFAULTS, GridForm, count_pictures
from studio.ui.create.prompt_field import notes_list
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import pressed_button
from studio.ui.parts.pager import turned_page
from studio.ui.parts.prompt_buttons import with_handle
from studio.workspace.workspace import Workspace


def connect_form(
    workspace: Workspace, connector: Connector, form: GridForm, tab: gr.Tab, concept_page: gr.State
) -> None:
    """Connect the controls of the form to each other.

    Args:
        tab: the one that it stands in.
        concept_page: which page of concepts its buttons show.
    """
    prompt = form.recipe["prompt"]

    def insert_handle(prompt_text: str, event: gr.EventData) -> Changes:
        action, handle = pressed_button(event)
        if (turned := turned_page(action, handle)) is not None:
            return {concept_page: turned}
        workspace.concepts.find(handle)
        return {prompt: with_handle(workspace, prompt_text, handle)}

    def offer_choices(prompt_text: str, names: dict[str, str]) -> Changes:
        changes: dict[Any, Any] = {}
        headers, cards = workspace.concepts.headers(), workspace.refinements
        for place, name in names.items():
            choices = axis_choices(headers, cards, prompt_text or "", optional=place == "rows")
            known = {choice for _, choice in choices}
            kept = name if name in known else DEFAULTS[place]
            changes[form.axes[place].name] = gr.update(choices=choices, value=kept)
        return changes

    def note_words(prompt_text: str) -> Changes:
        return {form.notes: notes_list(workspace, prompt_text or "")}

    def show_carried(text: str) -> Changes:
        return {form.carried: carried_note(text or "", form.recipe.keys())}

    def leave_out(event: gr.EventData) -> Changes:
        return {form.base: ""} if pressed_button(event)[0] == FORGET else {}

    def suggest_values(box: gr.Textbox, name: str, prompt_text: str) -> Changes:
        values = example_for(workspace, name, prompt_text or "")
        info = axis_help(workspace, name)
        return {box: gr.update(value=values, info=info, visible=name != NOTHING)}

    def show_count(columns: dict[str, str], rows: dict[str, str]) -> Changes:
        return {form.count: count_pictures(columns, rows, workspace.refinements)}

    quietly = functools.partial(connector.connect, notice=form.notice, refresh=False)
    latest = functools.partial(quietly, trigger_mode="always_last")
    texts = {"prompt_text": prompt}
    connect = functools.partial(connector.connect, notice=form.notice)
    connect(form.concepts.click, insert_handle, inputs=texts, outputs=[prompt, concept_page])
    names = {place: axis.name for place, axis in form.axes.items()}
    for event in (prompt.change, tab.select):
        latest(event, offer_choices, inputs={**texts, "names": names}, outputs=list(names.values()))
    latest(form.base.change, show_carried, inputs={"text": form.base}, outputs=[form.carried])
    quietly(form.carried.click, leave_out, outputs=[form.base])
    latest(prompt.change, note_words, inputs=texts, outputs=[form.notes])
    for axis in form.axes.values():
        latest(
            axis.name.input,
            functools.partial(suggest_values, axis.values),
            inputs={"name": axis.name, **texts},
            outputs=[axis.values],
        )
        for control in (axis.name, axis.values):
            latest(control.change, show_count, inputs=form.axis_inputs, outputs=[form.count])
