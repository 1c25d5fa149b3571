"""Events of the Create tab's form: what is shown below and above the prompt follows what one fills in."""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr

from studio.recipes.recipe import Recipe, write_regions
from studio.ui.create.form import CreateForm
from studio.ui.create.knob_sliders import Knob, kept_positions, knobs_in, shown_sliders
from studio.ui.create.places_board import board_state, boxes_in, with_sent_boxes
from studio.ui.create.prompt_field import handle_options, prompt_field
from studio.ui.create.prompt_history import prompt_history
from studio.ui.create.sampling_line import PaintSettings, concepts_of, sampling_line
from studio.ui.parts.arguments import checked_text, event_values
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import pressed_button
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.recipe_controls import parsed
from studio.words import tr
from studio.workspace.workspace import Workspace

MAX_TYPED = 40  # letters of a handle


def connect_form(workspace: Workspace, connector: Connector, form: CreateForm) -> list[LiveView]:
    """Connect the prompt, its earlier versions, the line of settings and the boxes; return the views."""
    prompt = form.recipe["prompt"]

    def show_sliders(texts: list[str], knobs: list[Knob], positions: list[float]) -> Changes:
        now = knobs_in(workspace, " ".join(texts))
        marks = {form.marks: prompt_field(workspace, texts[0])}
        if now == knobs:  # where a recipe or a draft has just set the sliders, `positions` may be older
            return marks
        sliders = shown_sliders(form.sliders, kept_positions(now, knobs, positions))
        return {form.knobs: now, **marks, **sliders}

    def offer_handles(event: gr.EventData) -> Changes:
        typed = checked_text(tr("The name"), event_values(event).get("typed"), MAX_TYPED)
        return {form.options: handle_options(workspace, typed)}

    def press_below(prompt_text: str, event: gr.EventData) -> Changes:
        """Open the earlier prompts, or keep this one or one of those."""
        action, earlier = pressed_button(event)
        if action == "favourite":
            wanted = (earlier or prompt_text).strip()
            favourites = workspace.favourite_prompts
            favourites.keep(wanted, wanted not in favourites.all())
        elif action != "history":
            return None
        return {form.history: prompt_history(workspace), form.marks: prompt_field(workspace, prompt_text)}

    def describe(values: dict[str, Any], sampling: PaintSettings) -> Changes:
        fields = parsed(values)
        fields["boxes"] = boxes_in(fields.pop("regions"))
        fields["nouns"] = concepts_of(workspace, fields.pop("prompt"))
        now = PaintSettings(**fields)
        return None if now == sampling else {form.sampling: now}

    def set_boxes(regions: str, event: gr.EventData) -> Changes:
        boxes = with_sent_boxes(boxes_in(regions), event)
        changes = {form.recipe["regions"]: write_regions(boxes)}
        return changes | ({form.recipe["composing"]: Recipe.composing} if boxes else {})

    connect = functools.partial(connector.connect, notice=form.notice)
    quietly = functools.partial(connect, refresh=False)
    latest = functools.partial(quietly, trigger_mode="always_last")
    texts = [prompt, form.recipe["negative"], *form.refinement_texts]
    for text in texts:
        latest(
            text.change,
            show_sliders,
            inputs={"texts": texts, "knobs": form.knobs, "positions": form.sliders},
            outputs=[form.knobs, form.marks, *form.sliders],
        )
    latest(form.marks.input, offer_handles, outputs=[form.options])
    for block in (form.marks, form.history):
        quietly(block.click, press_below, inputs={"prompt_text": prompt}, outputs=[form.history, form.marks])
    connect(
        functools.partial(gr.on, [control.change for control in form.described.values()]),
        describe,
        inputs={"values": form.described, "sampling": form.sampling},
        outputs=[form.sampling],
        trigger_mode="always_last",
    )
    latest(
        form.board.input,
        set_boxes,
        inputs={"regions": form.recipe["regions"]},
        outputs=[form.recipe["regions"], form.recipe["composing"]],
    )
    now = {"now": form.sampling}
    return [
        LiveView(form.line, functools.partial(sampling_line, workspace), now),
        LiveView(form.board, functools.partial(board_state, workspace), now),
    ]
