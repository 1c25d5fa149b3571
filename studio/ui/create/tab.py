"""The Create tab: a prompt with concepts in it on the left, pictures as they are painted on the right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gradio as gr

from studio.errors import StudioError
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.ui.create.form import create_form, filled, recipe_of
from studio.ui.create.gallery import gallery, painting_card, picture_at
from studio.ui.create.knob_sliders import DIALS_HIGH, Dial, dealt, dials_of, kept, of_recipe
from studio.ui.parts.handlers import Live, Wire, act_of, board, drawing, uploaded, whole
from studio.ui.parts.progress_card import current_job
from studio.ui.parts.prompt_buttons import chips, examples, with_handle
from studio.ui.parts.recipe_card import picture_card
from studio.workspace.workspace import Workspace

REMEMBERED_SECONDS = 600.0
ELSEWHERE = ("obey", "again", "compare")  # acts of an opened picture that leave the form as it is
SHOW_PAINTING = """() => {
  if (window.innerWidth > 720 || document.querySelector('#create-notice .error')) return;
  document.querySelector('#gallery').parentElement.scrollIntoView({behavior: 'smooth'});
}"""


@dataclass
class CreateTab:
    """What others need: the prompt to write a handle into, where a picture with its recipe is opened (the
    `opened` recipe and its `detail`), and the live drawings."""

    prompt: gr.Textbox
    opened: gr.State
    detail: gr.HTML
    lives: list[Live]


def create_tab(workspace: Workspace, wire: Wire) -> CreateTab:
    """Build the tab."""
    closed, selected, opened = gr.State(0), gr.State(""), gr.State(None)
    dials, last_seed = gr.State([]), gr.State(None)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=5, elem_classes=["side", "sheet"]):
            form = create_form(workspace)
        with gr.Column(scale=7, elem_classes="side"):
            painting = board("painting")
            painting_notice = drawing(elem_id="painting-notice")
            detail = board("picture-detail")
            pictures = board("gallery")

    def insert(prompt: str, event: gr.EventData) -> str:
        handle = act_of(event)[1]
        workspace.library.find(handle)
        return with_handle(workspace, prompt, handle)

    def example(event: gr.EventData) -> str:
        return act_of(event)[1][:1000]

    def deal(prompt: str, negative: str, before: list[Dial], *values: float) -> tuple:
        now = dials_of(workspace, f"{prompt} {negative}")
        return now, *dealt(now, kept(now, before, values))

    def start(now: list[Dial], *fields_and_values: object) -> tuple:
        fields, values = fields_and_values[:-DIALS_HIGH], fields_and_values[-DIALS_HIGH:]
        recipe = recipe_of(fields, now, values)
        workspace.create(recipe)
        return recipe.seed, recipe.seed, "", None, ""

    def last(before: int | None, now: int | None) -> tuple:
        return (now if before is None else before), False

    def press(closed: int, event: gr.EventData) -> int:
        act, id = act_of(event)
        match act:
            case "stop":
                workspace.jobs.request_stop(whole(id), "keep")
            case "retry":
                workspace.retry(whole(id))
            case "close":
                return whole(id)
        return closed

    def open_picture(event: gr.EventData) -> tuple | None:
        act, name = act_of(event)
        if act != "open":
            return None
        path = picture_at(workspace, name)
        recipe = read_recipe(path)
        return name, recipe, picture_card(recipe, path, workspace.reproducibility_warnings(recipe))

    def read(event: gr.EventData) -> tuple:
        paths, failed = uploaded(event)
        if not paths:
            raise StudioError(f"{failed[0] if failed else 'The file'} did not arrive.", "Try a smaller one.")
        try:
            recipe = read_recipe(paths[0])
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        return "", recipe, picture_card(recipe, doubts=workspace.reproducibility_warnings(recipe))

    def use(recipe: Recipe | None, event: gr.EventData) -> tuple | None:
        act = act_of(event)[0]
        if act in ELSEWHERE:
            return None
        if act != "use" or recipe is None:
            return "", None, "", *[gr.skip()] * (len(form.fields) + 1 + DIALS_HIGH)
        now = dials_of(workspace, f"{recipe.prompt} {recipe.negative}")
        return gr.skip(), recipe, gr.skip(), *filled(recipe), now, *dealt(now, of_recipe(now, recipe))

    def paint_again(recipe: Recipe | None, event: gr.EventData) -> tuple | None:
        act, steps = act_of(event)
        if recipe is None or act not in ("again", "obey"):
            return None
        workspace.create(replace(recipe, obeying=whole(steps)) if act == "obey" else recipe)
        return ()

    notice, quiet = form.notice, {"looks_again": False}
    wire(form.chips.click, insert, [form.prompt], [form.prompt], notice, **quiet)
    wire(form.examples.click, example, [], [form.prompt], notice, **quiet)
    typing = {"trigger_mode": "always_last", **quiet}
    for text in (form.prompt, form.negative):
        inputs = [form.prompt, form.negative, dials, *form.sliders]
        wire(text.change, deal, inputs, [dials, *form.sliders], notice, **typing)
    inputs = [dials, *form.fields, *form.sliders]
    outputs = [form.seed, last_seed, selected, opened, detail]
    started = wire(form.paint.click, start, inputs, outputs, notice, trigger_mode="once")
    started.then(None, js=SHOW_PAINTING)
    wire(form.reuse.click, last, [last_seed, form.seed], [form.seed, form.again], notice, **quiet)
    wire(painting.click, press, [closed], [closed], painting_notice)
    for source in (painting, pictures):
        wire(source.click, open_picture, [], [selected, opened, detail], painting_notice)
    wire(form.reader.upload, read, [], [selected, opened, detail], notice)
    outputs = [selected, opened, detail, *form.fields, dials, *form.sliders]
    wire(detail.click, use, [opened], outputs, notice)
    wire(detail.click, paint_again, [opened], [], painting_notice, trigger_mode="once")

    def draw(closed: int) -> str:
        job = current_job(workspace, "create", closed, REMEMBERED_SECONDS)
        return painting_card(workspace, job) if job else ""

    def rest(closed: int, selected: str) -> str:
        job = current_job(workspace, "create", closed, REMEMBERED_SECONDS)
        return gallery(workspace, selected, job)

    lives = [
        Live(form.chips, lambda: chips(workspace)),
        Live(form.examples, lambda: examples(workspace)),
        Live(painting, draw, [closed]),
        Live(pictures, rest, [closed, selected]),
    ]
    return CreateTab(form.prompt, opened, detail, lives)
