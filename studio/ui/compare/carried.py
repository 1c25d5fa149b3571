"""What a grid takes over from the picture that it starts from and has no control for, such as its size.

It is kept as the recipe's JSON in a hidden text, so that a reload brings it back with the rest of the form,
and said in the form, with a button that leaves it out.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from html import escape

from studio.errors import StudioError
from studio.recipes.recipe import Recipe
from studio.ui.compare.pair_choice import changed_values, setting_title, value_words
from studio.ui.parts.markup import button
from studio.words import tr

FORGET = "forget"  # the action of the button
NOT_CARRIED = ("base", "base_hash")  # a grid is painted on the base that is loaded


def carried_text(recipe: Recipe, fields: Collection[str]) -> str:
    """Return the text that `carried_recipe` reads.

    It holds nothing that the form holds, nor the files of concepts: the queue looks them up again.

    Args:
        fields: the names of a recipe's fields that have a control in the form.
    """
    carried = {name: value for name, value in recipe.to_json().items() if name not in (*fields, "concepts")}
    return json.dumps({"prompt": "", **carried}, ensure_ascii=False)


def carried_recipe(text: str) -> Recipe | None:
    """Return the recipe in a text; None for no text, and for one that cannot be read."""
    try:
        return Recipe.from_json(json.loads(text)) if text else None
    except (ValueError, StudioError):
        return None


def carried_note(text: str, fields: Collection[str]) -> str:
    """Return, as HTML, what the recipe in a text says beside what the form shows; empty for nothing.

    Args:
        fields: as of `carried_text`.
    """
    recipe = carried_recipe(text)
    if recipe is None:
        return ""
    found = changed_values(Recipe("").flat(), recipe.flat())
    said = [
        f"{setting_title(name)} {value_words(value)}"
        for name, (_, value) in found.items()
        if name not in (*fields, *NOT_CARRIED)
    ]
    if not said:
        return ""
    words = tr("As in the picture it comes from: {settings}.", settings=", ".join(said))
    leave = button(FORGET, tr("Leave that out"), kind="link")
    return f'<p class="faint carried">{escape(words)} {leave}</p>'
