"""The form of the Compare tab: a prompt, and the two things that a grid changes in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.limits import MAX_TEXT_LETTERS
from studio.recipes.axis import SINGLE, Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe, random_seed
from studio.recipes.refinement_card import RefinementCard, without_idle
from studio.ui.compare.axis_choices import NOTHING, axis_choices, axis_help, example_for
from studio.ui.compare.carried import carried_text
from studio.ui.kept_form import fits
from studio.ui.parts.html_blocks import button_block, hidden_text, html_block
from studio.ui.parts.prompt_buttons import with_handle
from studio.ui.parts.recipe_controls import parsed, recipe_control, text_control
from studio.words import tr, trn
from studio.workspace.workspace import Workspace

DEFAULTS = {"columns": "guidance", "rows": "seed"}  # what each changes until something else is chosen
TITLES = {"columns": tr("Columns"), "rows": tr("Rows")}


@dataclass
class AxisControls:
    """What columns or rows change, and its values."""

    name: gr.Dropdown
    values: gr.Textbox

    @property
    def inputs(self) -> dict[str, Any]:
        """What `axis_from_form` reads."""
        return {"name": self.name, "values": self.values}


@dataclass
class GridForm:
    """The form's components.

    Args:
        recipe: controls by the name of the recipe's field, for what all cells share.
        base: hidden text of the recipe of the picture that the grid starts from, empty without one; it holds
            what has no control here, such as strengths (`studio.ui.compare.carried`).
        carried: says what that is.
        axes: "columns" and "rows".
        notes: what of the prompt means nothing here, and why.
    """

    recipe: dict[str, Any]
    base: gr.Textbox
    carried: gr.HTML
    axes: dict[str, AxisControls]
    notes: gr.HTML
    concepts: gr.HTML
    count: gr.HTML
    notice: gr.HTML
    paint: gr.Button

    @property
    def kept(self) -> list[Any]:
        """The controls whose values outlive a reload."""
        axes = (control for axis in self.axes.values() for control in (axis.name, axis.values))
        return [*self.recipe.values(), self.base, *axes]

    @property
    def axis_inputs(self) -> dict[str, Any]:
        """What `count_pictures` reads."""
        return {place: axis.inputs for place, axis in self.axes.items()}

    @property
    def inputs(self) -> dict[str, Any]:
        """What `grid_from_form` reads."""
        return {"recipe": self.recipe, "base": self.base, **self.axis_inputs}

    @property
    def outputs(self) -> list[Any]:
        """The components that `filled` changes."""
        return [*self.recipe.values(), self.base]

    def kept_axes(self, workspace: Workspace, form: Mapping[str, Any]) -> dict[Any, Any]:
        """Return the changes that bring back the axes as a draft of the form holds them.

        What an axis may change depends on the concepts that are here: one that is gone gets the default.
        """
        prompt = str(form.get("grid-prompt", ""))
        headers, changes = workspace.concepts.headers(), dict[Any, Any]()
        for place, axis in self.axes.items():
            choices = axis_choices(headers, workspace.refinements, prompt, optional=place == "rows")
            name = form.get(str(axis.name.elem_id), DEFAULTS[place])
            values = form.get(str(axis.values.elem_id), axis.values.value)
            if name not in {choice for _, choice in choices}:
                name, values = DEFAULTS[place], None
            if not isinstance(values, str) or not fits(axis.values, values):
                values = example_for(workspace, str(name), prompt)
            changes[axis.name] = gr.update(choices=choices, value=name)
            changes[axis.values] = gr.update(
                value=values, info=axis_help(workspace, str(name)), visible=name != NOTHING
            )
        return changes

    def base_defaults(self, workspace: Workspace) -> dict[Any, Any]:
        """Return the changes of the controls whose defaults depend on the base."""
        defaults = workspace.base_defaults()
        return {self.recipe["steps"]: defaults.steps, self.recipe["guidance"]: defaults.guidance}

    def filled(self, recipe: Recipe) -> dict[Any, Any]:
        """Return the changes that fill the form with a recipe."""
        return {self.recipe[name]: getattr(recipe, name) for name in self.recipe} | {
            self.base: carried_text(recipe, self.recipe)
        }


def axis_from_form(values: Mapping[str, str], cards: Sequence[RefinementCard]) -> Axis:
    """Return one axis of the grid. Raises StudioError when its values are not understood."""
    if values["name"] == NOTHING:
        return SINGLE
    return Axis.parse(values["name"], values["values"] or "", cards)


def grid_from_form(
    recipe: Mapping[str, Any],
    base: Recipe | None,
    columns: Mapping[str, str],
    rows: Mapping[str, str],
    cards: Sequence[RefinementCard],
) -> Grid:
    """Return the grid that the form holds. Raises StudioError when an axis is not understood."""
    fields = parsed(recipe)
    base = base or Recipe("")
    named = dataclasses.replace(base, **fields).handles
    shared = dataclasses.replace(
        base,
        **fields,
        strengths={handle: value for handle, value in base.strengths.items() if handle in named},
        knobs={handle: values for handle, values in base.knobs.items() if handle in named},
        regions={handle: box for handle, box in base.regions.items() if handle in named},
        count=1,
    )
    return Grid(without_idle(shared, cards), axis_from_form(columns, cards), axis_from_form(rows, cards))


def count_pictures(
    columns: Mapping[str, str], rows: Mapping[str, str], cards: Sequence[RefinementCard]
) -> str:
    """Return how many pictures the axes make, or what is wrong with them."""
    try:
        x, y = axis_from_form(columns, cards), axis_from_form(rows, cards)
    except StudioError as error:
        return f'<p class="faint">{escape(str(error))}</p>'
    words = trn(
        "{columns} × {rows}: {count} picture",
        "{columns} × {rows}: {count} pictures",
        len(x.values) * len(y.values),
        columns=len(x.values),
        rows=len(y.values),
    )
    return f'<p class="faint">{escape(words)}</p>'


def axis_controls(workspace: Workspace, place: str, optional: bool) -> AxisControls:
    """Build the controls of the columns or rows, side by side.

    Args:
        place: "columns" or "rows".
        optional: whether "Nothing" can be chosen.
    """
    name = DEFAULTS[place]
    with gr.Row(elem_classes="axis"):
        dropdown = gr.Dropdown(
            axis_choices({}, workspace.refinements, "", optional),  # those of concepts come with the tab
            value=name,
            label=TITLES[place],
            elem_id=f"{place}-name",
            scale=2,
            min_width=120,
        )
        values = gr.Textbox(
            example_for(workspace, name, ""),
            label=tr("Values"),
            info=axis_help(workspace, name),
            max_length=400,
            max_lines=2,
            elem_id=f"{place}-values",
            scale=3,
            min_width=140,
        )
    return AxisControls(dropdown, values)


def grid_form(workspace: Workspace) -> GridForm:
    """Build the form."""
    base_defaults = workspace.base_defaults()
    prompt = text_control(
        tr("Prompt"), "grid-prompt", placeholder=with_handle(workspace, "", "<lily>"), lines=2, max_lines=6
    )
    notes = html_block(elem_id="grid-prompt-notes")
    carried = button_block("grid-carried")
    concepts = button_block("grid-concept-buttons")
    axes = {
        "columns": axis_controls(workspace, "columns", optional=False),
        "rows": axis_controls(workspace, "rows", optional=True),
    }
    first = {place: {"name": axis.name.value, "values": axis.values.value} for place, axis in axes.items()}
    count = html_block(count_pictures(**first, cards=workspace.refinements), "grid-count")
    notice = html_block(elem_id="grid-notice")
    paint = gr.Button(tr("Paint the grid"), variant="primary", size="lg", elem_id="paint-grid")
    with gr.Accordion(tr("More"), open=False, elem_id="grid-more"):
        plain: dict[str, Any] = {"help": False, "buttons": []}
        seed = recipe_control("seed", "grid-seed", random_seed())
        steps = recipe_control("steps", "grid-steps", base_defaults.steps, **plain)
        guidance = recipe_control("guidance", "grid-guidance", base_defaults.guidance, **plain)
        negative = text_control(tr("Negative prompt"), "grid-negative")
    return GridForm(
        recipe={
            "prompt": prompt,
            "negative": negative,
            "seed": seed,
            "steps": steps,
            "guidance": guidance,
        },
        base=hidden_text("grid-base", MAX_TEXT_LETTERS),
        carried=carried,
        axes=axes,
        notes=notes,
        concepts=concepts,
        count=count,
        notice=notice,
        paint=paint,
    )
