"""A recipe in words, and a picture beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from studio.recipes.recipe import MODES, TUNING_STEPS, Recipe, write_regions
from studio.ui.parts.markup import button, download, facts, file_url, note_card

OBEY_HELP = "Paint it again, with a concept that leaves the rest of the prompt alone. Nothing else changes."
PLAIN_HELP = "Paint it again, with the concept as it was learned."


def recipe_facts(recipe: Recipe) -> str:
    """Everything in a recipe that a person may want to read."""
    strengths = ", ".join(f"{handle} {strength:g}" for handle, strength in recipe.strengths.items())
    knobs = ", ".join(
        f"{name.replace('_', ' ')} {value:g} of {handle}"
        for handle, moved in recipe.knobs.items()
        for name, value in moved.items()
    )
    return facts(
        {
            "Without": recipe.negative,
            "Strength": strengths,
            "Moved": knobs,
            "Seed": recipe.seed,
            "Steps": recipe.steps,
            "Guidance": f"{recipe.guidance:g}",
            "Obeying": f"in {recipe.obeying} steps" if recipe.obeying else "",
            "Composing": MODES.get(recipe.composing, "") if len(recipe.active_handles) > 1 else "",
            "Regions": write_regions(recipe.regions),
            "Base": Path(recipe.base).name,
        }
    )


def picture_card(recipe: Recipe, path: Path | None = None, doubts: Sequence[str] = ()) -> str:
    """A picture with its recipe, and why another would come of it here; a recipe alone when the picture was
    only dropped in to be read."""
    seen = f'<img src="{escape(file_url(path))}" alt="{escape(recipe.prompt)}">' if path else ""
    acts = button("use", "Use this recipe", kind="strong") + button("again", "Paint it again")
    if recipe.obeying:
        acts += button("obey", "Without obeying", 0, title=PLAIN_HELP)
    elif recipe.active_handles:
        acts += button("obey", "Make this prompt obey", TUNING_STEPS, title=OBEY_HELP)
    acts += button("compare", "Compare from here")
    acts += download(path, "Download") if path else ""
    acts += button("shut", "Close")
    told = note_card(" ".join(["It will not be the very same picture here.", *doubts])) if doubts else ""
    return (
        f'<section class="card picture" aria-label="Picture and recipe">{seen}<div class="told">'
        f"<blockquote>{escape(recipe.prompt)}</blockquote>{recipe_facts(recipe)}{told}"
        f'<div class="acts">{acts}</div></div></section>'
    )
