"""Knobs that choose take turns: consecutive seeds go through all combinations of what they choose from.

The seed says which is painted. So n pictures are spread evenly, each can be painted again from its own
recipe, and pictures of random seeds come out even too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from studio.concepts.header import Header
from studio.recipes.recipe import Recipe
from studio.words import tr


def in_turn(recipe: Recipe, headers: Mapping[str, Header]) -> Recipe:
    """Return the recipe of one picture with a choice for every knob that is left at 0.

    With K_1, ..., K_M things to choose from, knob m is at 1 + floor(seed / (K_1 ... K_m-1)) mod K_m: K_1 ...
    K_M consecutive seeds have each combination once.

    Args:
        headers: by handle, of the concepts of the picture.
    """
    knobs = {handle: dict(values) for handle, values in recipe.knobs.items()}
    turn = recipe.seed
    painted = recipe.painted_handles
    # those that only a refinement names come last, so that they change no choice of the others
    for handle in sorted(recipe.handles, key=lambda handle: (handle not in painted, handle)):
        for name, knob in sorted(headers[handle].knobs_of(handle).items() if handle in headers else ()):
            if knob.choices and not knobs.get(handle, {}).get(name, knob.default):
                turn, number = divmod(turn, len(knob.choices))
                knobs.setdefault(handle, {})[name] = number + 1.0
    return dataclasses.replace(recipe, knobs=knobs)


def choices_of(recipe: Recipe, headers: Mapping[str, Header]) -> dict[str, str]:
    """Return what the knobs of one picture chose: "colour of <toys>" -> "red"."""
    settled = in_turn(recipe, headers)
    chosen = {}
    for handle in recipe.handles:
        for name, knob in headers[handle].knobs_of(handle).items() if handle in headers else ():
            number = round(settled.knobs.get(handle, {}).get(name, knob.default))
            if 1 <= number <= len(knob.choices):
                chosen[tr("{name} of {handle}", name=name.replace("_", " "), handle=handle)] = knob.choices[
                    number - 1
                ]
    return chosen
