"""The Create tab: a prompt with concepts in it on the left, pictures as they are painted on the right."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.recipes.foreign_syntax import foreign_notes
from studio.recipes.png import read_recipe_and_notes
from studio.recipes.recipe import Recipe
from studio.ui.create.form import CreateForm, create_form, recipe_from_form
from studio.ui.create.form_events import connect_form
from studio.ui.create.knob_sliders import knobs_in, recipe_positions, shown_sliders
from studio.ui.create.picture_panel import PicturePanel, connect_pictures
from studio.ui.kept_form import by_id
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import delete_uploads, pressed_button, uploaded_files
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.pager import turned_page
from studio.ui.parts.prompt_buttons import concept_buttons, example_buttons, with_handle
from studio.ui.parts.recipe_card import picture_card
from studio.words import tr
from studio.workspace.workspace import Workspace


@dataclass
class CreateTab:
    """What the other tabs use.

    Args:
        opened: State of the recipe of the opened picture, None when none is open; `detail` shows it.
    """

    form: CreateForm
    prompt: gr.Textbox
    opened: gr.State
    detail: gr.HTML
    views: list[LiveView]

    @property
    def kept(self) -> dict[str, Any]:
        """By name, the controls whose values outlive a reload, without the sliders."""
        return by_id(*self.form.recipe.values(), *self.form.refinements.values(), self.form.new_seed)


def create_tab(workspace: Workspace, connector: Connector) -> CreateTab:
    """Build the tab."""
    cards = workspace.refinements
    painted_seed, concept_page = gr.State(None), gr.State(0)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=5, elem_classes=["side", "sheet"]):
            form = create_form(workspace)
        with gr.Column(scale=7, elem_classes="side", elem_id="pictures-side"):
            panel = PicturePanel.build()
    prompt, seed = form.recipe["prompt"], form.recipe["seed"]
    shut = panel.shut

    def insert_handle(prompt_text: str, event: gr.EventData) -> Changes:
        action, handle = pressed_button(event)
        if (turned := turned_page(action, handle)) is not None:
            return {concept_page: turned}
        workspace.concepts.find(handle)
        return {prompt: with_handle(workspace, prompt_text, handle)}

    def write_example(event: gr.EventData) -> Changes:
        return {prompt: pressed_button(event)[1][:1000]}

    def paint(**values: Any) -> Changes:
        wanted = recipe_from_form(**values, cards=cards)
        workspace.create(wanted)
        return {seed: wanted.seed, painted_seed: wanted.seed, panel.page: 0, **shut}

    def put_back_seed(last: int | None) -> Changes:
        return {form.new_seed: False} | ({} if last is None else {seed: last})

    def read_dropped(event: gr.EventData) -> Changes:
        paths, failed = uploaded_files(event)
        if not paths:
            raise StudioError(
                "{failed} did not arrive.",
                "Try a smaller one.",
                failed=failed[0] if failed else tr("The file"),
            )
        try:
            recipe, notes = read_recipe_and_notes(paths[0])
        finally:
            delete_uploads(paths)
        recipe, renamed = workspace.former_names.present(recipe)
        recipe, changes = workspace.as_read(recipe)
        signs = foreign_notes((recipe.prompt, recipe.negative)) if notes else []
        warnings = [*workspace.reproducibility_warnings(recipe), *notes, *changes, *signs]
        card = picture_card(recipe, cards, warnings=warnings, notes=renamed)
        return {**shut, panel.opened: recipe, panel.detail: card}

    def use_recipe(recipe: Recipe | None, event: gr.EventData) -> Changes:
        if recipe is None or pressed_button(event)[0] != "use":
            return None
        knobs = knobs_in(workspace, " ".join(recipe.handles))
        positions = recipe_positions(knobs, recipe)
        return {**form.filled(recipe), form.knobs: knobs, **shown_sliders(form.sliders, positions)}

    connect = functools.partial(connector.connect, notice=form.notice)
    quietly = functools.partial(connect, refresh=False)
    written = [prompt, concept_page]
    connect(form.concepts.click, insert_handle, inputs={"prompt_text": prompt}, outputs=written)
    quietly(form.examples.click, write_example, outputs=[prompt])
    after = [seed, painted_seed, panel.page, *shut]
    connect(form.paint.click, paint, inputs=form.inputs, outputs=after, trigger_mode="once")
    last = {"last": painted_seed}
    quietly(form.last_seed.click, put_back_seed, inputs=last, outputs=[seed, form.new_seed])
    connect(form.recipe_drop.upload, read_dropped, outputs=list(shut))
    connect(
        panel.detail.click,
        use_recipe,
        inputs={"recipe": panel.opened},
        outputs=[*form.outputs, form.knobs, *form.sliders],
    )
    views = [
        *connect_form(workspace, connector, form),
        LiveView(form.concepts, functools.partial(concept_buttons, workspace), {"page": concept_page}),
        LiveView(form.examples, lambda: example_buttons(workspace)),
        *connect_pictures(workspace, connector, panel, form.recipe["count"]),
    ]
    return CreateTab(form, prompt, panel.opened, panel.detail, views)
