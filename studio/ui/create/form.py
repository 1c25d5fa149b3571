"""The form of the Create tab: the prompt, its dials, and everything else that a recipe holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gradio as gr

from studio.recipes.recipe import MODES, TUNING_STEPS, Recipe, random_seed, read_regions, write_regions
from studio.ui.create.knob_sliders import Dial, dial_pool, strengths_and_knobs
from studio.ui.parts.handlers import board, drawing, drop_zone
from studio.ui.parts.prompt_buttons import chips, examples, with_handle
from studio.workspace.workspace import Workspace


@dataclass
class CreateForm:
    """The form's parts. `fields` holds what a recipe needs, in the order that `recipe_of` reads."""

    prompt: gr.Textbox
    negative: gr.Textbox
    seed: gr.Number
    again: gr.Checkbox
    steps: gr.Slider
    guidance: gr.Slider
    count: gr.Slider
    obeying: gr.Slider
    composing: gr.Radio
    regions: gr.Textbox
    sliders: list[gr.Slider]
    chips: gr.HTML
    examples: gr.HTML
    notice: gr.HTML
    paint: gr.Button
    reuse: gr.Button
    reader: gr.HTML

    @property
    def fields(self) -> list[gr.components.Component]:
        """The controls that `recipe_of` reads and `filled` writes."""
        return [
            self.prompt,
            self.negative,
            self.seed,
            self.again,
            self.steps,
            self.guidance,
            self.count,
            self.obeying,
            self.composing,
            self.regions,
        ]


def recipe_of(fields: tuple, dials: list[Dial], values: tuple) -> Recipe:
    """The recipe that the form holds; a new seed when one was asked for or none is there. A prompt without a
    concept has nothing that could obey, so it is not asked to."""
    prompt, negative, seed, again, steps, guidance, count, obeying, composing, regions = fields
    strengths, knobs = strengths_and_knobs(dials, values)
    recipe = Recipe(
        prompt=(prompt or "").strip(),
        negative=(negative or "").strip(),
        strengths=strengths,
        knobs=knobs,
        seed=random_seed() if again or seed is None else int(seed),
        steps=int(steps),
        guidance=float(guidance),
        count=int(count),
        obeying=int(obeying),
        composing=composing,
        regions=read_regions(regions or ""),
    )
    return recipe if recipe.active_handles else replace(recipe, obeying=0)


def filled(recipe: Recipe) -> tuple:
    """The form's fields as a recipe wants them."""
    return (
        recipe.prompt,
        recipe.negative,
        recipe.seed,
        False,
        recipe.steps,
        recipe.guidance,
        recipe.count,
        recipe.obeying,
        recipe.composing,
        write_regions(recipe.regions),
    )


def create_form(workspace: Workspace) -> CreateForm:
    """Lay the form out."""
    defaults = workspace.base_defaults()
    prompt = gr.Textbox(
        "",
        label="Prompt",
        info="Ctrl+Enter paints",
        placeholder=with_handle(workspace, "", "<lily>"),
        lines=3,
        max_lines=8,
        max_length=1000,
        elem_id="prompt",
    )
    chip_board = board("concept-chips", chips(workspace))
    example_board = board("examples", examples(workspace))
    sliders = dial_pool()
    notice = drawing(elem_id="create-notice")
    paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint")
    with gr.Row(elem_classes="bottom"):
        count = gr.Slider(1, 8, value=2, step=1, label="Pictures", elem_id="count", buttons=[])
        seed = gr.Number(random_seed(), precision=0, label="Seed", elem_id="seed", min_width=120)
    with gr.Row(elem_classes="tight"):
        again = gr.Checkbox(True, label="A new seed every time", elem_id="random-seed")
        reuse = gr.Button("Last seed again", size="sm", elem_id="reuse-seed", min_width=120)
    with gr.Accordion("More", open=False, elem_id="create-more"):
        negative = gr.Textbox(
            "", label="Negative prompt", info="What should not be there", max_length=1000, elem_id="negative"
        )
        steps = gr.Slider(
            1,
            100,
            value=defaults.steps,
            step=1,
            label="Steps",
            info="More are finer and slower",
            elem_id="steps",
            buttons=["reset"],
        )
        guidance = gr.Slider(
            0,
            20,
            value=defaults.guidance,
            step=0.5,
            label="Guidance",
            info="How closely the prompt is followed",
            elem_id="guidance",
            buttons=["reset"],
        )
        obeying = gr.Slider(
            0,
            50,
            value=0,
            step=1,
            label="Obeying",
            info=f"{TUNING_STEPS} steps make a concept leave the rest alone",
            elem_id="obeying",
            buttons=["reset"],
        )
        composing = gr.Radio(
            [(does, way) for way, does in MODES.items()],
            value=Recipe.composing,
            label="Several concepts in one picture",
            elem_id="composing",
        )
        regions = gr.Textbox(
            "",
            label="Their parts, if you want to say where",
            info="Left, top, right and bottom, as shares of the picture",
            placeholder="lily=0,0,0.5,1 trek=0.5,0,1,1",
            max_length=500,
            elem_id="regions",
        )
    words = "drop a PNG painted here or in another web UI"
    reader = drop_zone("recipe-drop", "Read a picture's recipe", words, "image/png")
    return CreateForm(
        prompt=prompt,
        negative=negative,
        seed=seed,
        again=again,
        steps=steps,
        guidance=guidance,
        count=count,
        obeying=obeying,
        composing=composing,
        regions=regions,
        sliders=sliders,
        chips=chip_board,
        examples=example_board,
        notice=notice,
        paint=paint,
        reuse=reuse,
        reader=reader,
    )
