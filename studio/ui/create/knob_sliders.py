"""Dials: one slider for each thing that the concepts of a prompt let one move while painting.

The first dial of a concept is its strength; its file may name more (`knobs`). Gradio cannot add sliders as
one types, so a fixed pool of hidden ones is dealt out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import gradio as gr

from studio.handles import handles_in
from studio.library.header import Header
from studio.recipes.recipe import Recipe
from studio.workspace.workspace import Workspace

DIALS_HIGH = 10
STRENGTH_HELP = "0 is the plain noun, 1 is as learned"
TOGETHER_HELP = "Moves its word; the model's change is shared with {others}, at the larger strength"


@dataclass(frozen=True)
class Dial:
    """What one slider moves: the strength of `handle`, or its `knob`."""

    handle: str
    knob: str
    default: float
    low: float
    high: float
    help: str

    @property
    def label(self) -> str:
        """What stands above the slider."""
        return f"{(self.knob or 'strength').replace('_', ' ').capitalize()} of {self.handle}"


def dials_of(workspace: Workspace, prompts: str) -> list[Dial]:
    """The dials for the concepts that prompts name: every strength, then every knob."""
    there = [handle for handle in handles_in(prompts) if workspace.library.has(handle)]
    headers = {handle: workspace.library.find(handle).header for handle in there}
    dials = [Dial(handle, "", 1.0, 0.0, 2.0, strength_help(headers[handle], handle)) for handle in there]
    for handle, header in headers.items():
        for name, knob in header.knobs.items():
            if all(map(math.isfinite, (knob.low, knob.default, knob.high))) and knob.low < knob.high:
                dials.append(Dial(handle, name, knob.default, knob.low, knob.high, knob.help))
    return dials[:DIALS_HIGH]


def strength_help(header: Header, handle: str) -> str:
    """What the strength of a handle does: those of one file share what was changed in the model."""
    others = ", ".join(header.other_handles(handle))
    return TOGETHER_HELP.format(others=others) if others else STRENGTH_HELP


def dial_pool() -> list[gr.Slider]:
    """The hidden sliders."""
    return [
        gr.Slider(0.0, 2.0, value=1.0, step=0.05, visible=False, elem_id=f"dial-{number}", buttons=["reset"])
        for number in range(DIALS_HIGH)
    ]


def dealt(dials: Sequence[Dial], values: Iterable[float]) -> list[dict]:
    """Updates that show these dials at these values and hide the rest of the pool."""
    shown = [
        gr.update(
            visible=True,
            label=dial.label,
            info=dial.help,
            minimum=dial.low,
            maximum=dial.high,
            step=0.05 if not dial.knob else round((dial.high - dial.low) / 100, 6),
            value=value,
        )
        for dial, value in zip(dials, values, strict=True)
    ]
    return shown + [gr.update(visible=False)] * (DIALS_HIGH - len(shown))


def kept(dials: Sequence[Dial], before: Sequence[Dial], values: Sequence[float]) -> list[float]:
    """Where each dial stands: where it stood `before`, else where its concept wants it."""
    known = dict(zip(before, values, strict=False))
    return [known.get(dial, dial.default) for dial in dials]


def of_recipe(dials: Sequence[Dial], recipe: Recipe) -> list[float]:
    """Where each dial stood when a picture was painted."""
    return [
        recipe.knobs.get(dial.handle, {}).get(dial.knob, dial.default)
        if dial.knob
        else recipe.strength(dial.handle)
        for dial in dials
    ]


def strengths_and_knobs(
    dials: Sequence[Dial], values: Sequence[float]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """What the sliders say, as a recipe wants it; a knob left where it was is not mentioned."""
    strengths: dict[str, float] = {}
    knobs: dict[str, dict[str, float]] = {}
    for dial, value in zip(dials, values, strict=False):
        if not dial.knob:
            strengths[dial.handle] = float(value)
        elif float(value) != dial.default:
            knobs.setdefault(dial.handle, {})[dial.knob] = float(value)
    return strengths, knobs
