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
from studio.words import in_small_letters, tr

TERMS = {  # what the papers and other programs call it
    tr("Without"): tr("negative prompt"),
    tr("Strength"): tr("scale of a concept: 0 is the plain noun, 1 is as learned"),
    tr("Adjusted"): tr("knobs of a concept that are not at their defaults"),
    tr("Chosen"): tr("what a concept of several categories is here"),
    tr("Seed"): tr("seed of the initial noise"),
    tr("Steps"): tr("sampling steps"),
    tr("Guidance"): tr("scale of classifier-free guidance"),
    tr("Size"): tr("width and height in pixels; usual is the base's own"),
    tr("Clip skip"): tr("layers of the text encoder, counted from the last"),
    tr("Rescale"): tr("guidance rescale: less contrast under strong guidance"),
    tr("Regions"): tr("left, top, right and bottom, as shares of the picture"),
    tr("Base"): tr("base model"),
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
        tr("{knob} {value:g} of {handle}", knob=_knob(name), value=value, handle=handle)
        for handle, values in recipe.knobs.items()
        for name, value in values.items()
    )
    is_sized, usual = recipe.width or recipe.height, tr("usual")
    return facts(
        {
            tr("Without"): recipe.negative,
            tr("Strength"): strengths,
            tr("Adjusted"): knobs,
            tr("Chosen"): ", ".join(f"{what}: {name}" for what, name in chosen.items()),
            tr("Seed"): recipe.seed,
            tr("Steps"): recipe.steps,
            tr("Guidance"): f"{recipe.guidance:g}",
            tr("Size"): f"{recipe.width or usual} × {recipe.height or usual}" if is_sized else "",
            tr("Sampler"): recipe.sampler,
            tr("Clip skip"): recipe.clip_skip if recipe.clip_skip != Recipe.clip_skip else "",
            tr("Rescale"): f"{recipe.guidance_rescale:g}" if recipe.guidance_rescale else "",
            **refinement_facts(recipe, cards),
            tr("Composing"): MODES.get(recipe.composing, "") if len(recipe.active_handles) > 1 else "",
            tr("Regions"): write_regions(recipe.regions),
            tr("Base"): f"{Path(recipe.base).name} [{recipe.base_hash}]"
            if recipe.base_hash
            else Path(recipe.base).name,
        },
        TERMS | refinement_help(cards),
    )


def _knob(name: str) -> str:
    return in_small_letters(tr(name.replace("_", " ").capitalize()))


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
    differs = " ".join([tr("It will not be the very same picture here."), *warnings])
    note = note_card(differs) if warnings else ""
    close = icon_button("close", tr("Close"), "close")
    buttons = _buttons(recipe, cards, path, starred, before)
    return (
        f'<section class="card picture" aria-label="{escape(tr("Picture and recipe"))}">'
        f"{_image(recipe, path, before)}{close}"
        f'<div class="icon-row" role="group" aria-label="{escape(tr("What to do with it"))}">{buttons}</div>'
        f'<div class="card-text"><blockquote>{escape(recipe.prompt)}</blockquote>{listed}{note}</div>'
        "</section>"
    )


def _image(recipe: Recipe, path: Path | None, before: Before | None) -> str:
    if path is None:
        return ""
    if before is not None:
        pair = slider(before.path, path, tr("before"), tr("after {change}", change=before.change))
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
    buttons = icon_button("more", tr("More like this: the same recipe, new seeds"), "more", word=tr("More"))
    buttons += icon_button("again", tr("Paint it again"), "again", word=tr("Again"))
    buttons += icon_button("use", tr("Use this recipe"), "use", word=tr("Recipe"))
    buttons += refinement_buttons(recipe, cards)
    buttons += icon_button("compare", tr("Compare from here"), "compare", word=tr("Compare"))
    buttons += copy_button(recipe.prompt, tr("Copy the prompt"), word=tr("Copy"))
    if path and before:
        enlarge = escape(tr("Enlarge"))
        buttons += (
            f'<button type="button" class="icon-button" data-tip="{enlarge}" {_enlarging(recipe, path)}>'
            f'{icon("enlarge")}<small aria-hidden="true">{enlarge}</small></button>'
        )
    if path:
        buttons += icon_download(path, tr("Download"), word=tr("Save"))
    if path and starred is not None:
        buttons += icon_button("star", tr("Star"), "star", path.name, word=tr("Star"), pressed=starred)
        buttons += icon_button("delete", tr("Delete"), "delete", path.name, word=tr("Delete"))
    return buttons


def _enlarging(recipe: Recipe, path: Path) -> str:
    """Return the attributes of a button that opens the lightbox, `scripts/lightbox.js`, on a picture."""
    return (
        f'data-enlarge="{escape(path.name)}" data-src="{escape(file_url(path))}"'
        f' data-words="{escape(recipe.prompt)}" aria-label="{escape(tr("Enlarge"))}"'
    )
