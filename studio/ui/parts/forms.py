"""Form controls made from settings: label, help, bounds and choices are written at the setting alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from studio.settings import Field
from studio.words import tr

MAX_SLIDER = 64  # a whole number up to here gets a slider, a larger one a number field


def explanation(field: Field, with_default: bool = True) -> str:
    """Return the text under a control: help, bounds with their unit, the default and its source."""
    parts = [tr(field.help)]
    if field.bounds:
        unit = f" {tr(field.unit)}" if field.unit else ""
        parts.append(f"{field.bounds}{unit}.")
    if with_default:
        parts.append(tr("Recipe: {value}.", value=setting_text(field, field.default)))
    if field.source:
        parts.append(f"({tr(field.source)})")
    return " ".join(part for part in parts if part)


def setting_text(field: Field, value: Any) -> str:
    """Return the value of a setting as its control shows it."""
    return tr(str(value)) if field.choices else value_text(value)


def value_text(value: Any) -> str:
    """Return a value as people write it: 0.002, not 0.0020000000000000001; on and off for True and False."""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    return f"{value:g}" if isinstance(value, float) else str(value)


def control(
    field: Field, elem_id: str, with_default: bool = True, as_slider: bool = False
) -> gr.components.Component:
    """Create the control that suits a field's kind and range.

    A number field does not enforce the bounds while one types; they are checked when the form is sent, so
    that the user reads a sentence.
    """
    common: dict[str, Any] = {"label": tr(field.title), "elem_id": elem_id}
    common["info"] = explanation(field, with_default)
    match field.kind:
        case "bool":
            return gr.Checkbox(field.default, **common)
        case "choice":
            choices = [(tr(choice), choice) for choice in field.choices]
            return gr.Dropdown(choices, value=field.default, **common)
        case "text":
            return gr.Textbox(field.default, **common)
        case "int" if field.low is not None and field.high is not None and field.high <= MAX_SLIDER:
            return gr.Slider(field.low, field.high, value=field.default, step=1, **common)
        case "int":
            return gr.Number(field.default, precision=0, **common)
        case "float" if as_slider and field.low is not None and field.high is not None:
            step = (field.high - field.low) / 100
            return gr.Slider(field.low, field.high, value=field.default, step=step, **common)
    return gr.Number(field.default, step=None, **common)


def controls(
    fields: Sequence[Field], prefix: str, with_default: bool = True, as_slider: bool = False
) -> dict[str, gr.components.Component]:
    """Create one control for each field, by its name.

    Args:
        prefix: beginning of the element ids.
        with_default: whether the text under a control names the default.
        as_slider: whether decimal numbers get a slider; rates over several powers of ten need a number field.
    """
    ids = {field.name: f"{prefix}-{field.name}".replace("_", "-") for field in fields}
    return {field.name: control(field, ids[field.name], with_default, as_slider) for field in fields}


def filled_in(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every field by name: its default where a number field was emptied.

    Raises KeyError when a field has no value.
    """
    named = {field.name: values[field.name] for field in fields}
    return {field.name: field.default if named[field.name] is None else named[field.name] for field in fields}


def defaults(fields: Sequence[Field]) -> dict[str, Any]:
    """Return the default of every field by name."""
    return {field.name: field.default for field in fields}
