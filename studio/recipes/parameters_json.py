"""The `parameters` of a picture that are a JSON text: those of SwarmUI, of Fooocus, or of nobody known."""

from __future__ import annotations

from studio.documents import parse_object
from studio.errors import StudioError
from studio.recipes.fooocus import from_fooocus, is_of_fooocus
from studio.recipes.foreign_settings import MAX_SAID, shown
from studio.recipes.recipe import Recipe
from studio.recipes.swarmui import PARAMS, from_swarmui


def from_json(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in a JSON text, and sentences about it: see `from_parameters`.

    Raises:
        StudioError: the text is of a program that is not known.
        ValueError, RecursionError: it is no JSON object.
    """
    values = parse_object(text)
    if PARAMS in values:
        return from_swarmui(values)
    prompt = values.get("prompt")
    if is_of_fooocus(values) or (isinstance(prompt, str) and prompt.strip()):
        return from_fooocus(values)
    raise StudioError(
        "It has no recipe that can be read, but a JSON text of a program that is not known.",
        "Write its prompt into the form by hand. It says “{text}”.",
        text=shown(text, MAX_SAID),
    )
