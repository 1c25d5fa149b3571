"""The form of the Create tab: the prompt, the sliders of its concepts, and the settings of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.recipes.recipe import Recipe, random_seed, read_regions, write_regions
from studio.recipes.refinement_card import RefinementCard, without_idle
from studio.ui.create.knob_sliders import (
    Knob,
    knob_name,
    knobs_in,
    shown_sliders,
    slider_pool,
    strengths_and_knobs,
)
from studio.ui.create.places_board import places_board
from studio.ui.create.prompt_field import SCRIPT as FIELD_SCRIPT
from studio.ui.create.prompt_field import prompt_field
from studio.ui.create.sampling_line import GUIDANCE, PLACES, SAMPLING, SIZE, PaintSettings, sampling_line
from studio.ui.create.sampling_line import SCRIPT as LINE_SCRIPT
from studio.ui.kept_form import afresh_button
from studio.ui.parts.arguments import is_number
from studio.ui.parts.html_blocks import button_block, drop_zone, html_block
from studio.ui.parts.prompt_buttons import with_handle
from studio.ui.parts.recipe_controls import parsed, recipe_control, text_control
from studio.ui.parts.refinements import (
    chosen_refinements,
    control_values,
    refinement_controls,
)
from studio.words import tr
from studio.workspace.workspace import Workspace

PICTURES = 2  # that the form asks for at first
MAX_REGION_LETTERS = 2000  # boxes of some thirty concepts


@dataclass
class CreateForm:
    """The form's components.

    Args:
        recipe: controls by the name of the recipe's field, `regions` as a text.
        refinements: controls by the name of the refinement's setting.
        new_seed: whether each press of Paint draws a new seed.
        knobs: State of the list of `Knob`s that the first of the `sliders` move.
        marks: what of the prompt means something here, and the buttons below it; `options` lists the concepts
            that suit what is being typed, `history` earlier prompts.
        sampling: State of what the quiet `line` and the `board` of boxes show.
        last_seed: puts the seed of the last picture back.
        recipe_drop: reads the recipe in a picture.
        afresh: the block of the button that empties the form.
    """

    cards: Sequence[RefinementCard]
    recipe: dict[str, Any]
    refinements: dict[str, Any]
    new_seed: gr.Checkbox
    knobs: gr.State
    sliders: list[gr.Slider]
    marks: gr.HTML
    options: gr.HTML
    history: gr.HTML
    sampling: gr.State
    line: gr.HTML
    board: gr.HTML
    concepts: gr.HTML
    examples: gr.HTML
    notice: gr.HTML
    paint: gr.Button
    last_seed: gr.Button
    recipe_drop: gr.HTML
    afresh: gr.HTML

    def kept_sliders(self, workspace: Workspace, form: Mapping[str, Any]) -> dict[Any, Any]:
        """Return the changes that bring back the sliders as a draft of the form holds them."""
        texts = (self.recipe["prompt"], self.recipe["negative"], *self.refinement_texts)
        knobs = knobs_in(workspace, " ".join(str(form.get(text.elem_id, "")) for text in texts))
        values = {knob: form.get(knob_name(knob), knob.default) for knob in knobs}
        positions = {
            knob: at if is_number(at) and knob.low <= at <= knob.high else knob.default
            for knob, at in values.items()
        }
        return {self.knobs: knobs, **shown_sliders(self.sliders, positions)}

    @property
    def described(self) -> dict[str, Any]:
        """The controls that the line above the sliders sums up, by name."""
        names = ("prompt", "width", "height", "sampler", "steps", "guidance", "regions")
        return {name: self.recipe[name] for name in names}

    @property
    def inputs(self) -> dict[str, Any]:
        """What `recipe_from_form` reads."""
        return {
            "recipe": self.recipe,
            "refinements": self.refinements,
            "new_seed": self.new_seed,
            "knobs": self.knobs,
            "positions": self.sliders,
        }

    @property
    def outputs(self) -> list[Any]:
        """The components that `filled` changes."""
        return [*self.recipe.values(), *self.refinements.values(), self.new_seed]

    @property
    def refinement_texts(self) -> list[gr.Textbox]:
        """The controls of texts of refinements, which may name concepts."""
        return [control for control in self.refinements.values() if isinstance(control, gr.Textbox)]

    def base_defaults(self, workspace: Workspace) -> dict[Any, Any]:
        """Return the changes of the controls whose defaults depend on the base."""
        defaults = workspace.base_defaults()
        return {self.recipe["steps"]: defaults.steps, self.recipe["guidance"]: defaults.guidance}

    def filled(self, recipe: Recipe) -> dict[Any, Any]:
        """Return the changes that fill the form with a recipe, except for its sliders."""
        fields = {name: getattr(recipe, name) for name in self.recipe}
        fields["regions"] = write_regions(recipe.regions)
        refinements = control_values(recipe, self.cards)
        changes: dict[Any, Any] = {self.recipe[name]: value for name, value in fields.items()}
        changes |= {self.refinements[name]: value for name, value in refinements.items()}
        return changes | {self.new_seed: False}


def recipe_from_form(
    recipe: Mapping[str, Any],
    refinements: Mapping[str, Any],
    new_seed: bool,
    knobs: Sequence[Knob],
    positions: Sequence[float],
    cards: Sequence[RefinementCard],
) -> Recipe:
    """Return the recipe that the form holds, with a new seed when one is wanted or none is given.

    Refinements that need a concept are left out of a prompt without one. Raises StudioError for regions that
    cannot be read.
    """
    values = parsed(recipe)
    if new_seed or recipe["seed"] is None:
        values["seed"] = random_seed()
    values["regions"] = read_regions(values["regions"])
    strengths, moved = strengths_and_knobs(knobs, positions)
    refinements = chosen_refinements(refinements, cards)
    painted = Recipe(**values, strengths=strengths, knobs=moved, refinements=refinements)
    return without_idle(painted, cards)


def create_form(workspace: Workspace) -> CreateForm:
    """Build the form."""
    defaults = workspace.base_defaults()
    prompt = text_control(
        tr("Prompt"),
        "prompt",
        info=tr("Ctrl+Enter paints. Type < to choose a concept"),
        placeholder=with_handle(workspace, "", "<lily>"),
        lines=3,
        max_lines=8,
    )
    marks = button_block("prompt-marks", prompt_field(workspace, ""), FIELD_SCRIPT)
    options = html_block(elem_id="prompt-options")
    history = button_block("prompt-history")
    concepts = button_block("concept-buttons")
    with gr.Column(elem_classes="quiet-frame"):
        first = PaintSettings(0, 0, Recipe.sampler, defaults.steps, defaults.guidance, {}, {})
        line = button_block("sampling-line", sampling_line(workspace, first), LINE_SCRIPT)
        with gr.Row(elem_id=f"quiet-{SIZE}", elem_classes="quiet-part bottom"):
            width = recipe_control("width", "width", min_width=100, info=tr("0 for the base's own"))
            height = recipe_control("height", "height", min_width=100, info=tr("0 for the base's own"))
        with gr.Column(elem_id=f"quiet-{SAMPLING}", elem_classes="quiet-part"):
            sampler = recipe_control("sampler", "sampler")
            steps = recipe_control("steps", "steps", defaults.steps, buttons=["reset"])
            clip_skip = recipe_control("clip_skip", "clip-skip")
        with gr.Column(elem_id=f"quiet-{GUIDANCE}", elem_classes="quiet-part"):
            guidance = recipe_control("guidance", "guidance", defaults.guidance, buttons=["reset"])
            rescale = recipe_control("guidance_rescale", "guidance-rescale", buttons=["reset"])
        with gr.Column(elem_id=f"quiet-{PLACES}", elem_classes="quiet-part"):
            board = places_board()
            regions = text_control(
                tr("The boxes as numbers"),
                "regions",
                max_letters=MAX_REGION_LETTERS,
                info=tr("Left, top, right and bottom, as shares of the picture"),
                placeholder="lily=0,0,0.5,1 trek=0.5,0,1,1",
            )
            composing = recipe_control("composing", "composing")
    sliders = slider_pool()
    notice = html_block(elem_id="create-notice")
    paint = gr.Button(tr("Paint"), variant="primary", size="lg", elem_id="paint")
    with gr.Row(elem_classes="bottom"):
        count = recipe_control("count", "count", PICTURES, buttons=[])
        seed = recipe_control("seed", "seed", random_seed(), min_width=120)
    with gr.Row(elem_classes="tight"):
        new_seed = gr.Checkbox(True, label=tr("A new seed every time"), elem_id="new-seed")
        last_seed = gr.Button(tr("Last seed again"), size="sm", elem_id="last-seed", min_width=120)
    examples = button_block("examples")
    with gr.Accordion(tr("More"), open=False, elem_id="create-more"):
        negative = text_control(tr("Negative prompt"), "negative", info=tr("What should not be there"))
        refinements = refinement_controls(workspace.refinements)
    recipe_drop = drop_zone(
        "recipe-drop",
        tr("Read a picture's recipe"),
        tr("drop a picture painted here or in another web UI"),
        "image/png,image/jpeg,image/webp",
    )
    afresh = button_block("create-afresh", afresh_button())
    return CreateForm(
        cards=workspace.refinements,
        recipe={
            "prompt": prompt,
            "negative": negative,
            "seed": seed,
            "steps": steps,
            "guidance": guidance,
            "width": width,
            "height": height,
            "sampler": sampler,
            "clip_skip": clip_skip,
            "guidance_rescale": rescale,
            "count": count,
            "composing": composing,
            "regions": regions,
        },
        refinements=refinements,
        new_seed=new_seed,
        knobs=gr.State([]),
        sliders=sliders,
        marks=marks,
        options=options,
        history=history,
        sampling=gr.State(first),
        line=line,
        board=board,
        concepts=concepts,
        examples=examples,
        notice=notice,
        paint=paint,
        last_seed=last_seed,
        recipe_drop=recipe_drop,
        afresh=afresh,
    )
