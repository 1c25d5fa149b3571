"""Controls of a recipe's own settings, for the forms of Create and Compare.

Bounds, help, choices and defaults come from the fields of `Recipe`. What the page adds is written here: words
that suit a picture, and narrower sliders, on which the usual values are easier to hit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from studio.recipes.recipe import MODES, Recipe
from studio.settings import Field, fields_of
from studio.words import tr

FIELDS = {field.name: field for field in fields_of(Recipe)}
MAX_SLIDER = {"steps": 100, "guidance": 20, "count": 8, "guidance_rescale": 1}
SLIDER_STEP = {"guidance": 0.5, "guidance_rescale": 0.05}
LISTS = ("sampler",)  # choices of which one is seen at a time
LABELS = {"count": tr("Pictures"), "composing": tr("Several concepts in one picture")}
WITHOUT_HELP = ("count", "seed", "composing")  # their labels say it all


def recipe_control(
    name: str, elem_id: str, value: Any = None, *, help: bool = True, **options: Any
) -> gr.components.Component:
    """Create the control of a field of `Recipe`.

    Args:
        value: what it starts with; the field's default when None.
        help: whether the field's help stands below the label.
        options: more options of the component.
    """
    field = FIELDS[name]
    common = {
        "value": field.default if value is None else value,
        "label": LABELS.get(name, tr(field.title)),
        "info": tr(field.help).rstrip(".") if help and name not in WITHOUT_HELP else None,
        "elem_id": elem_id,
        **options,
    }
    if name in LISTS:
        return gr.Dropdown(list(field.choices), **common)
    if field.choices:
        return gr.Radio([(MODES.get(choice, choice), choice) for choice in field.choices], **common)
    if name in MAX_SLIDER:
        return gr.Slider(field.low, MAX_SLIDER[name], step=SLIDER_STEP.get(name, 1), **common)
    return gr.Number(precision=0 if field.kind == "int" else None, **common)


def text_control(label: str, elem_id: str, max_letters: int = 1000, **options: Any) -> gr.Textbox:
    """Create the control of a text of a recipe, such as its prompt."""
    return gr.Textbox("", label=label, max_length=max_letters, elem_id=elem_id, **options)


def parsed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of recipe controls in the types of the fields, texts without spaces around them.

    Bounds are not checked: `Recipe.checked` does.
    """
    return {name: _typed(value, FIELDS.get(name)) for name, value in values.items()}


def _typed(value: Any, field: Field | None) -> Any:
    if field is None:
        return (value or "").strip()
    match field.kind:
        case "int":
            return field.default if value is None else int(value)
        case "float":
            return field.default if value is None else float(value)
    return value
