"""The Create tab: a prompt with concepts in it on the left, pictures as they are painted on the right."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.recipes.foreign_syntax import foreign_notes
from studio.recipes.png import read_recipe, read_recipe_and_notes
from studio.recipes.recipe import Recipe
from studio.recipes.turns import choices_of
from studio.ui.create.form import CreateForm, create_form, recipe_from_form
from studio.ui.create.gallery import latest_pictures, painting_card
from studio.ui.create.knob_sliders import Knob, kept_positions, knobs_in, recipe_positions, shown_sliders
from studio.ui.kept_form import by_id
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button, to_int, uploaded_files
from studio.ui.parts.job_cards import cards_of, draw_cards, press_card_button
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import button, note_card
from studio.ui.parts.pager import turned_page
from studio.ui.parts.prompt_buttons import concept_buttons, example_buttons, with_handle
from studio.ui.parts.recipe_card import picture_card
from studio.ui.parts.refinements import ADD, REMOVE, refined
from studio.ui.parts.unknown_words import underlined_prompt
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

SHOW_PAINTING = """() => {
  if (window.innerWidth > 720 || document.querySelector('#create-notice .error')) return;
  document.querySelector('#gallery').parentElement.scrollIntoView({behavior: 'smooth'});
}"""


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
    unfolded, selected, opened = gr.State(0), gr.State(""), gr.State(None)
    deleted = gr.State(None)  # the picture deleted last: its path in the trash, and its name
    painted_seed, picture_page, concept_page = gr.State(None), gr.State(0), gr.State(0)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=5, elem_classes=["side", "sheet"]):
            form = create_form(workspace)
        with gr.Column(scale=7, elem_classes="side"):
            painting = button_block("painting")
            painting_notice = html_block(elem_id="painting-notice")
            detail = button_block("picture-detail")
            pictures = button_block("gallery")
    prompt, negative, seed = form.recipe["prompt"], form.recipe["negative"], form.recipe["seed"]
    shut = {selected: "", opened: None, detail: ""}

    def insert_handle(prompt_text: str, event: gr.EventData) -> Changes:
        action, handle = pressed_button(event)
        if (turned := turned_page(action, handle)) is not None:
            return {concept_page: turned}
        workspace.concepts.find(handle)
        return {prompt: with_handle(workspace, prompt_text, handle)}

    def write_example(event: gr.EventData) -> Changes:
        return {prompt: pressed_button(event)[1][:1000]}

    def show_sliders(texts: list[str], knobs: list[Knob], positions: list[float]) -> Changes:
        now = knobs_in(workspace, " ".join(texts))
        underlined = {form.underlined: underlined_prompt(workspace, texts[0])}
        if now == knobs:  # where a recipe or a draft has just set the sliders, `positions` may be older
            return underlined
        sliders = shown_sliders(form.sliders, kept_positions(now, knobs, positions))
        return {form.knobs: now, **underlined, **sliders}

    def paint(**values: Any) -> Changes:
        wanted = recipe_from_form(**values, cards=cards)
        workspace.create(wanted)
        return {seed: wanted.seed, painted_seed: wanted.seed, picture_page: 0, **shut}

    def put_back_seed(last: int | None) -> Changes:
        return {form.new_seed: False} | ({} if last is None else {seed: last})

    def press_in_painting(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        match action:
            case "stop":
                workspace.jobs.request_stop(to_int(id), "keep")
            case "retry":
                workspace.retry(to_int(id))
            case "discard":
                workspace.jobs.request_stop(to_int(id), "discard")
        number = press_card_button(workspace, "create", action, id)
        return {} if number is None else {unfolded: number}

    def open_picture(event: gr.EventData) -> Changes:
        action, name = pressed_button(event)
        if (turned := turned_page(action, name)) is not None:
            return {picture_page: turned}
        if action == "trash":
            workspace.gallery.discard(name)
            return {}
        if action != "open":
            return None
        path = workspace.gallery.find(name)
        recipe, renamed = workspace.with_present_names(read_recipe(path))
        chosen = choices_of(recipe, workspace.concepts.headers())
        warnings = workspace.reproducibility_warnings(recipe)
        card = picture_card(recipe, cards, path, warnings, chosen, renamed)
        return {selected: name, opened: recipe, detail: card}

    def read_dropped(event: gr.EventData) -> Changes:
        paths, failed = uploaded_files(event)
        if not paths:
            raise StudioError(f"{failed[0] if failed else 'The file'} did not arrive.", "Try a smaller one.")
        try:
            recipe, notes = read_recipe_and_notes(paths[0])
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        recipe, renamed = workspace.with_present_names(recipe)
        recipe, changes = workspace.as_read(recipe)
        signs = foreign_notes((recipe.prompt, recipe.negative)) if notes else []
        warnings = [*workspace.reproducibility_warnings(recipe), *notes, *changes, *signs]
        card = picture_card(recipe, cards, warnings=warnings, notes=renamed)
        return {selected: "", opened: recipe, detail: card}

    def use_recipe(recipe: Recipe | None, event: gr.EventData) -> Changes:
        action, _ = pressed_button(event)
        if action == "close" or recipe is None:
            return shut
        if action != "use":
            return None
        knobs = knobs_in(workspace, " ".join(recipe.handles))
        positions = recipe_positions(knobs, recipe)
        return {**form.filled(recipe), form.knobs: knobs, **shown_sliders(form.sliders, positions)}

    def delete_picture(last: tuple[Path, str] | None, event: gr.EventData) -> Changes:
        action, name = pressed_button(event)
        if action == "undo" and last is not None:
            workspace.gallery.restore(*last)
            return {**shut, deleted: None}
        if action != "delete":
            return None
        trashed = workspace.gallery.delete(name)
        note = note_card(f"{name} is in the trash.", button("undo", "Undo", kind="strong"))
        return {**shut, detail: note, deleted: (trashed, name)}

    def paint_again(recipe: Recipe | None, event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if recipe is None or action not in ("again", ADD, REMOVE):
            return None
        workspace.create(recipe if action == "again" else refined(recipe, action, id, cards))
        return {}

    connect = functools.partial(connector.connect, notice=form.notice)
    quietly = functools.partial(connect, refresh=False)
    written = [prompt, concept_page]
    connect(form.concepts.click, insert_handle, inputs={"prompt_text": prompt}, outputs=written)
    quietly(form.examples.click, write_example, outputs=[prompt])
    texts = [prompt, negative, *form.refinement_texts]
    for text in texts:
        quietly(
            text.change,
            show_sliders,
            inputs={"texts": texts, "knobs": form.knobs, "positions": form.sliders},
            outputs=[form.knobs, form.underlined, *form.sliders],
            trigger_mode="always_last",
        )
    after = [seed, painted_seed, picture_page, *shut]
    painted = connect(form.paint.click, paint, inputs=form.inputs, outputs=after, trigger_mode="once")
    painted.then(None, js=SHOW_PAINTING)
    last = {"last": painted_seed}
    quietly(form.last_seed.click, put_back_seed, inputs=last, outputs=[seed, form.new_seed])
    connect(painting.click, press_in_painting, outputs=[unfolded], notice=painting_notice)
    for source in (painting, pictures):
        connect(source.click, open_picture, outputs=[*shut, picture_page], notice=painting_notice)
    connect(form.recipe_drop.upload, read_dropped, outputs=list(shut))
    connect(
        detail.click,
        use_recipe,
        inputs={"recipe": opened},
        outputs=[*shut, *form.outputs, form.knobs, *form.sliders],
    )
    trash = {"inputs": {"last": deleted}, "outputs": [*shut, deleted], "notice": painting_notice}
    connect(detail.click, delete_picture, **trash)
    again = {"inputs": {"recipe": opened}, "notice": painting_notice, "trigger_mode": "once"}
    connect(detail.click, paint_again, **again)

    def current(unfolded: int) -> Job | None:
        return next(iter(cards_of(workspace, "create", unfolded).whole), None)

    def draw_paintings(unfolded: int) -> str:
        return draw_cards(workspace, "create", painting_card, unfolded)

    views = [
        LiveView(form.concepts, functools.partial(concept_buttons, workspace), {"page": concept_page}),
        LiveView(form.examples, lambda: example_buttons(workspace)),
        LiveView(painting, draw_paintings, {"unfolded": unfolded}),
        LiveView(
            pictures,
            lambda unfolded, selected, page: latest_pictures(workspace, selected, current(unfolded), page),
            {"unfolded": unfolded, "selected": selected, "page": picture_page},
        ),
    ]
    return CreateTab(form, prompt, opened, detail, views)
