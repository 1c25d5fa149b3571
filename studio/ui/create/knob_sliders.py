"""Sliders for the strengths and knobs of the concepts that a prompt names.

Gradio cannot add sliders while one types, so a fixed number of hidden ones is created; those that are needed
are shown with the label, help and range of a `Knob`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.concepts.header import Header
from studio.handles import handles_in
from studio.limits import MAX_STRENGTH
from studio.recipes.recipe import Recipe
from studio.settings import Knob as ConceptKnob
from studio.words import tr
from studio.workspace.workspace import Workspace

MAX_SLIDERS = 10
STRENGTH_STEP = 0.05
STRENGTH_HELP = tr("0 is the plain noun, 1 is as learned")


@dataclass(frozen=True)
class Knob:
    """What one slider moves.

    Args:
        name: a knob of the concept `handle`; empty for its strength.
        is_whole: whether it chooses, from 0 for each in turn to the last of its choices.
    """

    handle: str
    name: str
    default: float
    low: float
    high: float
    help: str
    is_whole: bool = False

    @property
    def label(self) -> str:
        """The text above the slider."""
        return knob_title(tr((self.name or "strength").replace("_", " ").capitalize()), self.handle)

    @property
    def step(self) -> float:
        """The step of the slider."""
        if self.is_whole:
            return 1.0
        return round((self.high - self.low) / 100, 6) if self.name else STRENGTH_STEP


def knobs_in(workspace: Workspace, prompts: str) -> list[Knob]:
    """Return the strengths of all concepts that prompts name, then their knobs."""
    known = workspace.concepts.headers()
    headers = {handle: known[handle] for handle in handles_in(prompts) if handle in known}
    knobs = [
        Knob(handle, "", 1.0, 0.0, MAX_STRENGTH, strength_help(header, handle))
        for handle, header in headers.items()
    ]
    for handle, header in headers.items():
        for name, knob in header.knobs_of(handle).items():
            if all(map(math.isfinite, (knob.low, knob.default, knob.high))) and knob.low < knob.high:
                span = knob.default, knob.low, knob.high
                knobs.append(Knob(handle, name, *span, knob_help(knob), bool(knob.choices)))
    return knobs[:MAX_SLIDERS]


def strength_help(header: Header, handle: str) -> str:
    """Return what the strength of a handle does; handles of one file share the change of the model."""
    others = ", ".join(header.other_handles(handle))
    if not others:
        return STRENGTH_HELP
    words = "Moves its word; the model's change is shared with {others}, at the larger strength"  # of the two
    return tr(words, others=others)


def knob_title(name: str, handle: str) -> str:
    """Return what one setting of a concept is called: "Bias of <lily>"."""
    return tr("{name} of {handle}", name=name, handle=handle)


def knob_help(knob: ConceptKnob) -> str:
    """Return what a knob of a concept does, which its file says in English."""
    if not knob.choices:
        return tr(knob.help)
    names = ", ".join(f"{number} {name}" for number, name in enumerate(knob.choices, 1))
    return tr("0 each in turn, {names}.", names=names)


def knob_name(knob: Knob) -> str:
    """Return the name under which a draft holds the position of a slider."""
    return f"knob {knob.handle} {knob.name}"


def slider_pool() -> list[gr.Slider]:
    """Create the hidden sliders."""
    return [
        gr.Slider(
            0.0,
            MAX_STRENGTH,
            value=1.0,
            step=STRENGTH_STEP,
            visible=False,
            elem_id=f"knob-slider-{number}",
            buttons=["reset"],
        )
        for number in range(MAX_SLIDERS)
    ]


def shown_sliders(sliders: Sequence[gr.Slider], positions: Mapping[Knob, float]) -> dict[Any, Any]:
    """Return the changes that show a slider for each of these knobs and hide the others."""
    changes = {slider: gr.update(visible=False) for slider in sliders}
    for slider, (knob, position) in zip(sliders, positions.items(), strict=False):
        changes[slider] = gr.update(
            visible=True,
            label=knob.label,
            info=knob.help,
            minimum=knob.low,
            maximum=knob.high,
            step=knob.step,
            value=position,
        )
    return changes


def kept_positions(
    knobs: Sequence[Knob], before: Sequence[Knob], positions: Sequence[float]
) -> dict[Knob, float]:
    """Return the position of each knob: the one it has among those shown `before`, else its default."""
    known = dict(zip(before, positions, strict=False))
    return {knob: known.get(knob, knob.default) for knob in knobs}


def recipe_positions(knobs: Sequence[Knob], recipe: Recipe) -> dict[Knob, float]:
    """Return the position of each knob in a recipe."""
    return {
        knob: recipe.knobs.get(knob.handle, {}).get(knob.name, knob.default)
        if knob.name
        else recipe.strength(knob.handle)
        for knob in knobs
    }


def strengths_and_knobs(
    knobs: Sequence[Knob], positions: Sequence[float]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the strengths and knobs of a recipe; a knob at its default is left out."""
    strengths: dict[str, float] = {}
    moved: dict[str, dict[str, float]] = {}
    for knob, position in zip(knobs, positions, strict=False):
        if not knob.name:
            strengths[knob.handle] = float(position)
        elif float(position) != knob.default:
            moved.setdefault(knob.handle, {})[knob.name] = float(position)
    return strengths, moved
