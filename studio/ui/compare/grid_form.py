"""The form of the Compare tab: a prompt, and the two things that a grid changes in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.handles import handles_in
from studio.recipes.axis import EXAMPLES, FIELDS, PLAIN, SINGLE, STRENGTH, STRENGTH_EXAMPLE, WORDS, Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe, random_seed
from studio.ui.parts.handlers import board, drawing
from studio.ui.parts.prompt_buttons import chips, with_handle
from studio.workspace.workspace import Workspace

NOTHING = "nothing"
DEFAULTS = ("guidance", "seed")  # what columns and rows change until something else is chosen
NUMBERS_HELP = "With commas, or from:to:by as in 0.4:1.0:0.2"
HELPS = {
    "concept": f"Names that take turns in the prompt; “{PLAIN}” is the model without the concept",
    "method": "Concepts of the same noun, learned with these methods, take turns in the prompt",
    "prompt": "Words of the prompt, then what takes their place: red, blue, green",
    "seed": "With commas, or from:to as in 1:4",
    "composing": "Ways in which several concepts share the picture",
    NOTHING: "The grid has one row",
}


@dataclass
class GridForm:
    """The form's parts. `fields` are what `grid_of` reads; `base` holds what a picture's recipe has beyond
    them, such as strengths."""

    prompt: gr.Textbox
    chips: gr.HTML
    names: list[gr.Dropdown]
    values: list[gr.Textbox]
    count: gr.HTML
    notice: gr.HTML
    paint: gr.Button
    seed: gr.Number
    steps: gr.Slider
    guidance: gr.Slider
    negative: gr.Textbox
    base: gr.State

    @property
    def axes(self) -> list[gr.components.Component]:
        """Name and values of the columns, then of the rows."""
        return [self.names[0], self.values[0], self.names[1], self.values[1]]

    @property
    def shared(self) -> list[gr.components.Component]:
        """What all cells have in common, in the order of `filled`."""
        return [self.prompt, self.negative, self.seed, self.steps, self.guidance, self.base]


def filled(recipe: Recipe) -> tuple:
    """The shared part of the form, as a recipe wants it."""
    return recipe.prompt, recipe.negative, recipe.seed, recipe.steps, recipe.guidance, recipe


def axis_of(name: str, values: str) -> Axis:
    """One direction as the form says it."""
    return SINGLE if name == NOTHING else Axis.parse(name, values or "")


def grid_of(shared: tuple, axes: tuple) -> Grid:
    """The grid that the form holds. Raises StudioError when an axis is not understood."""
    prompt, negative, seed, steps, guidance, base = shared
    named = handles_in(f"{prompt} {negative}")
    kept = base or Recipe("")
    recipe = dataclasses.replace(
        kept,
        prompt=(prompt or "").strip(),
        negative=(negative or "").strip(),
        strengths={handle: value for handle, value in kept.strengths.items() if handle in named},
        knobs={handle: moved for handle, moved in kept.knobs.items() if handle in named},
        regions={handle: box for handle, box in kept.regions.items() if handle in named},
        seed=int(seed or 0),
        steps=int(steps),
        guidance=float(guidance),
        count=1,
    )
    return Grid(recipe, axis_of(*axes[:2]), axis_of(*axes[2:]))


def counted(axes: tuple) -> str:
    """How many pictures the axes make, or what is wrong with them."""
    try:
        x, y = axis_of(*axes[:2]), axis_of(*axes[2:])
    except StudioError as error:
        return f'<p class="faint">{escape(str(error))}</p>'
    columns, rows = len(x.values), len(y.values)
    pictures = "1 picture" if columns * rows == 1 else f"{columns * rows} pictures"
    return f'<p class="faint">{columns} × {rows}: {pictures}</p>'


def choices(workspace: Workspace, prompt: str) -> list[tuple[str, str]]:
    """What a grid may change, as (words, name)."""
    headers = workspace.library.headers()
    knobs = list(dict.fromkeys(knob for header in headers.values() for knob in header.knobs))
    names = [*WORDS, STRENGTH, *knobs, "guidance", "steps", "seed"]
    there = [handle for handle in handles_in(prompt) if handle in headers]
    if len(there) > 1:
        for handle in there:
            names += [f"{handle.strip('<>')}.{knob}" for knob in (STRENGTH, *headers[handle].knobs)]
    names += [name for name in FIELDS if name not in (*names, "negative", "size")]
    return [("Prompt words" if name == "prompt" else Axis(name, ()).title, name) for name in names]


def example(workspace: Workspace, name: str, prompt: str) -> str:
    """Values to begin with."""
    headers = workspace.library.headers()
    knob = name.rpartition(".")[2]
    if name == "concept":
        return ", ".join([*(handle.strip("<>") for handle in list(headers)[:4]), PLAIN])
    if name == "method":
        nouns = {headers[handle].handles[handle] for handle in handles_in(prompt) if handle in headers}
        alike = [header for header in headers.values() if nouns & set(header.handles.values())]
        return ", ".join(dict.fromkeys(header.method_title for header in alike))
    if knob == STRENGTH:
        return STRENGTH_EXAMPLE
    for header in headers.values():
        if knob in header.knobs:
            low, high = header.knobs[knob].low, header.knobs[knob].high
            return f"{low:g}:{high:g}:{(high - low) / 4:g}"
    return EXAMPLES.get(name, "")


def axis_row(words: str, place: str, name: str, options: list[tuple[str, str]], one: bool) -> tuple:
    """What changes and its values, side by side."""
    with gr.Row(elem_classes="axis"):
        none = [("Nothing", NOTHING)] if one else []
        what = gr.Dropdown(
            [*none, *options], value=name, label=words, elem_id=f"{place}-name", scale=2, min_width=120
        )
        values = gr.Textbox(
            EXAMPLES[name],
            label="Values",
            info=HELPS.get(name, NUMBERS_HELP),
            max_length=400,
            max_lines=2,
            elem_id=f"{place}-values",
            scale=3,
            min_width=140,
        )
    return what, values


def grid_form(workspace: Workspace) -> GridForm:
    """Lay the form out."""
    defaults = workspace.base_defaults()
    prompt = gr.Textbox(
        "",
        label="Prompt",
        placeholder=with_handle(workspace, "", "<lily>"),
        lines=2,
        max_lines=6,
        max_length=1000,
        elem_id="grid-prompt",
    )
    chip_board = board("grid-chips", chips(workspace))
    options = choices(workspace, "")
    columns = axis_row("Columns", "columns", DEFAULTS[0], options, one=False)
    rows = axis_row("Rows", "rows", DEFAULTS[1], options, one=True)
    first = tuple(text for name in DEFAULTS for text in (name, EXAMPLES[name]))
    count = drawing(counted(first), "grid-count")
    notice = drawing(elem_id="grid-notice")
    paint = gr.Button("Paint the grid", variant="primary", size="lg", elem_id="paint-grid")
    with gr.Accordion("More", open=False, elem_id="grid-more"):
        seed = gr.Number(random_seed(), precision=0, label="Seed", elem_id="grid-seed")
        steps = gr.Slider(
            1, 100, value=defaults.steps, step=1, label="Steps", elem_id="grid-steps", buttons=[]
        )
        guidance = gr.Slider(
            0, 20, value=defaults.guidance, step=0.5, label="Guidance", elem_id="grid-guidance", buttons=[]
        )
        negative = gr.Textbox("", label="Negative prompt", max_length=1000, elem_id="grid-negative")
    return GridForm(
        prompt=prompt,
        chips=chip_board,
        names=[columns[0], rows[0]],
        values=[columns[1], rows[1]],
        count=count,
        notice=notice,
        paint=paint,
        seed=seed,
        steps=steps,
        guidance=guidance,
        negative=negative,
        base=gr.State(None),
    )
