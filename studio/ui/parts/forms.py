"""A form for a method's settings: controls made from the fields of its card, and nothing written twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from studio.method import MethodCard
from studio.settings import Field

SLIDER_HIGH = 64


def explanation(field: Field) -> str:
    """What stands under a control: help, bounds with their unit, and where the default comes from."""
    parts = [field.help]
    if field.kind in ("int", "float") and field.low is not None and field.high is not None:
        unit = f" {field.unit}" if field.unit else ""
        parts.append(f"{field.low:g} to {field.high:g}{unit}.")
    if field.kind != "bool":
        parts.append(f"Recipe: {shown(field.default)}.")
    else:
        parts.append(f"Recipe: {'on' if field.default else 'off'}.")
    if field.source:
        parts.append(f"({field.source})")
    return " ".join(part for part in parts if part)


def shown(value: Any) -> str:
    """A setting as people write it: 0.002, not 0.0020000000000000001."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def control(field: Field, elem_id: str) -> gr.components.Component:
    """The control that suits a field's kind and range. Bounds are checked when the form is sent, so that
    the answer is a sentence and not a refused key press."""
    common: dict[str, Any] = {"label": field.title, "info": explanation(field), "elem_id": elem_id}
    match field.kind:
        case "bool":
            return gr.Checkbox(field.default, **common)
        case "choice":
            return gr.Dropdown(list(field.choices), value=field.default, **common)
        case "text":
            return gr.Textbox(field.default, **common)
        case "int" if field.low is not None and field.high is not None and field.high <= SLIDER_HIGH:
            return gr.Slider(field.low, field.high, value=field.default, step=1, **common)
        case "int":
            return gr.Number(field.default, precision=0, **common)
    return gr.Number(field.default, step=None, **common)


def controls(card: MethodCard) -> list[gr.components.Component]:
    """One control for each field of the card, in its order."""
    return [control(field, f"setting-{card.id}-{field.name}".replace("_", "-")) for field in card.fields]


def settings_of(card: MethodCard, values: Sequence[Any]) -> dict[str, Any]:
    """What the form holds, by name; a number field that was emptied takes its default."""
    named = zip(card.fields, values, strict=True)
    return {field.name: field.default if value is None else value for field, value in named}


def recipe_values(card: MethodCard) -> list[Any]:
    """The form as the recipe fills it."""
    return [field.default for field in card.fields]
