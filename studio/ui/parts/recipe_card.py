"""A card with a picture, its recipe in words, and buttons to go on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType

from studio.recipes.recipe import MODES, Recipe, write_regions
from studio.recipes.refinement_card import RefinementCard
from studio.ui.parts.icons import copy_button, icon, icon_button, icon_download
from studio.ui.parts.markup import facts, file_url, note_card
from studio.ui.parts.refinements import Before, refinement_buttons, refinement_facts, refinement_help
from studio.ui.parts.slider import slider

TERMS = {  # what the papers and other programs call it
    "Without": "negative prompt",
    "Strength": "scale of a concept: 0 is the plain noun, 1 is as learned",
    "Adjusted": "knobs of a concept that are not at their defaults",
    "Chosen": "what a concept of several categories is here",
    "Seed": "seed of the initial noise",
    "Steps": "sampling steps",
    "Guidance": "scale of classifier-free guidance",
    "Size": "width and height in pixels; usual is the base's own",
    "Clip skip": "layers of the text encoder, counted from the last",
    "Rescale": "guidance rescale: less contrast under strong guidance",
    "Regions": "left, top, right and bottom, as shares of the picture",
    "Base": "base model",
}


def recipe_facts(
    recipe: Recipe, cards: Sequence[RefinementCard] = (), chosen: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return a recipe as a list of facts; `chosen` are the names of what its knobs chose.

    Left out are the prompt, empty values, refinements that are off, and the mode of composing where fewer
    than two concepts act.
    """
    strengths = ", ".join(f"{handle} {strength:g}" for handle, strength in recipe.strengths.items())
    knobs = ", ".join(
        f"{name.replace('_', ' ')} {value:g} of {handle}"
        for handle, values in recipe.knobs.items()
        for name, value in values.items()
    )
    is_sized = recipe.width or recipe.height
    return facts(
        {
            "Without": recipe.negative,
            "Strength": strengths,
            "Adjusted": knobs,
            "Chosen": ", ".join(f"{what}: {name}" for what, name in chosen.items()),
            "Seed": recipe.seed,
            "Steps": recipe.steps,
            "Guidance": f"{recipe.guidance:g}",
            "Size": f"{recipe.width or 'usual'} × {recipe.height or 'usual'}" if is_sized else "",
            "Sampler": recipe.sampler,
            "Clip skip": recipe.clip_skip if recipe.clip_skip != Recipe.clip_skip else "",
            "Rescale": f"{recipe.guidance_rescale:g}" if recipe.guidance_rescale else "",
            **refinement_facts(recipe, cards),
            "Composing": MODES.get(recipe.composing, "") if len(recipe.active_handles) > 1 else "",
            "Regions": write_regions(recipe.regions),
            "Base": f"{Path(recipe.base).name} [{recipe.base_hash}]"
            if recipe.base_hash
            else Path(recipe.base).name,
        },
        TERMS | refinement_help(cards),
    )


def picture_card(
    recipe: Recipe,
    cards: Sequence[RefinementCard] = (),
    path: Path | None = None,
    warnings: Sequence[str] = (),
    chosen: Mapping[str, str] = MappingProxyType({}),
    starred: bool | None = None,
    before: Before | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Return the card of a picture, or of a recipe alone.

    Args:
        cards: the refinements of the workspace.
        path: the picture; None when its file was only dropped in to be read.
        warnings: why painting the recipe here may give another picture.
        chosen: see `recipe_facts`.
        starred: whether it has a star; None for a picture outside the gallery, which gets none.
        before: the same picture without a refinement, which is shown beside it under a slider.
        notes: sentences about the recipe that change nothing in the picture.
    """
    listed = "".join(f'<p class="faint">{escape(note)}</p>' for note in notes)
    listed += recipe_facts(recipe, cards, chosen)
    note = note_card(" ".join(["It will not be the very same picture here.", *warnings])) if warnings else ""
    close = icon_button("close", "Close", "close")
    buttons = _buttons(recipe, cards, path, starred, before)
    return (
        '<section class="card picture" aria-label="Picture and recipe">'
        f"{_image(recipe, path, before)}{close}"
        f'<div class="icon-row" role="group" aria-label="What to do with it">{buttons}</div>'
        f'<div class="card-text"><blockquote>{escape(recipe.prompt)}</blockquote>{listed}{note}</div>'
        "</section>"
    )


def _image(recipe: Recipe, path: Path | None, before: Before | None) -> str:
    if path is None:
        return ""
    if before is not None:
        pair = slider(before.path, path, "before", f"after {before.change}")
        return f'<div class="picture-pair">{pair}</div>'
    image = f'<img src="{escape(file_url(path))}" alt="{escape(recipe.prompt)}">'
    return f'<button type="button" class="enlarge" {_enlarging(recipe, path)}>{image}</button>'


def _buttons(
    recipe: Recipe,
    cards: Sequence[RefinementCard],
    path: Path | None,
    starred: bool | None,
    before: Before | None,
) -> str:
    buttons = icon_button("more", "More like this: the same recipe, new seeds", "more", word="More")
    buttons += icon_button("again", "Paint it again", "again", word="Again")
    buttons += icon_button("use", "Use this recipe", "use", word="Recipe")
    buttons += refinement_buttons(recipe, cards)
    buttons += icon_button("compare", "Compare from here", "compare", word="Compare")
    buttons += copy_button(recipe.prompt, "Copy the prompt", word="Copy")
    if path and before:
        buttons += (
            f'<button type="button" class="icon-button" data-tip="Enlarge" {_enlarging(recipe, path)}>'
            f'{icon("enlarge")}<small aria-hidden="true">Enlarge</small></button>'
        )
    if path:
        buttons += icon_download(path, "Download", word="Save")
    if path and starred is not None:
        buttons += icon_button("star", "Star", "star", path.name, word="Star", pressed=starred)
        buttons += icon_button("delete", "Delete", "delete", path.name, word="Delete")
    return buttons


def _enlarging(recipe: Recipe, path: Path) -> str:
    """Return the attributes of a button that opens the lightbox, `assets/lightbox.js`, on a picture."""
    return (
        f'data-enlarge="{escape(path.name)}" data-src="{escape(file_url(path))}"'
        f' data-words="{escape(recipe.prompt)}" aria-label="Enlarge"'
    )
