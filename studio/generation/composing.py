"""Modes of composing: how several concepts share one picture without bleeding into each other.

`sum`      every edit acts everywhere, and the changes add up.
`words`    an edit of a layer that reads text acts at the tokens of its own concept only (TARA, AAAI 2026,
           which also trains with this mask; here it is applied to finished concepts).
`regions`  each concept has a region of the picture to itself. There the prompt is read as if it were the only
           concept, with plain nouns for the others (regional prompts, Mix-of-Show, Gu et al., arXiv
           2305.18292), and only there do its edits change layers that work on the picture; for the first half
           of the steps, self-attention does not cross from one region into another (the leak that
           LoRA-Composer, arXiv 2403.11627, closes). Regions are drawn by the user, or else found from the
           attention to the plain nouns in the first steps (`studio.generation.regions`). Concepts that are
           not things, such as a style, act everywhere.

A picture with a single concept is the same in all modes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from studio.edits import ActiveEdit, EditMask, attach
from studio.generation.conditions import Column, Conditions, Prompts
from studio.generation.placeholders import noun_words, placeholders, with_placeholder_nouns
from studio.models.attention import RegionMask
from studio.models.backbone import Backbone
from studio.models.words import Tokens
from studio.recipes.recipe import Recipe

LAYOUT_SHARE = 0.1  # share of the steps sampled without concepts to find regions
NOT_LOCALISABLE = {"art", "background", "drawing", "light", "painting", "place", "scene", "style"}  # nouns


def handles_with_region(recipe: Recipe, nouns: Mapping[str, str]) -> dict[str, str]:
    """Return the active handles that get a region of their own, with their nouns.

    Those are the handles whose noun is a thing, and those that were given a region; none in other modes.
    """
    if recipe.mode != "regions":
        return {}
    things = {handle: nouns[handle] for handle in recipe.active_handles}
    return {h: noun for h, noun in things.items() if noun not in NOT_LOCALISABLE or h in recipe.regions}


def layout_steps(recipe: Recipe, handles: Collection[str]) -> int:
    """Return the number of first steps sampled without concepts to find the regions of these handles.

    It is 0 when the user drew all of them.
    """
    return 0 if set(handles) <= set(recipe.regions) else max(1, round(LAYOUT_SHARE * recipe.steps))


def compose(
    backbone: Backbone,
    mode: str,
    prompts: Prompts,
    edits: Sequence[ActiveEdit],
    nouns: Mapping[str, str],
    areas: Tensor | None,
) -> Conditions:
    """Return what a picture is sampled from.

    Args:
        mode: a key of `studio.recipes.recipe.MODES`.
        nouns: for each of k handles with a region, its noun.
        areas (k, h, w), 0 or 1: their regions; None without any.
    """
    if nouns and areas is not None:
        return compose_in_regions(backbone, prompts, edits, nouns, areas)
    return (compose_at_words if mode == "words" else compose_sum)(backbone, prompts, edits)


@torch.no_grad()
def compose_sum(
    backbone: Backbone,
    prompts: Prompts,
    edits: Sequence[ActiveEdit],
    nouns: Mapping[str, str] | None = None,
) -> Conditions:
    """Compose in the mode `sum`. The prompts may use the placeholders of `nouns` (handle -> noun)."""
    nouns = nouns or {}
    with prompts.reading(backbone), noun_words(backbone, nouns), attach(backbone, edits):
        for active in edits:
            active.edit.on_prompts(backbone, [prompts.texts])
    column = Column(prompts.texts, edits)
    return Conditions.of_columns(backbone, [column], prompts, nouns, edits)


@torch.no_grad()
def compose_at_words(backbone: Backbone, prompts: Prompts, edits: Sequence[ActiveEdit]) -> Conditions:
    """Compose in the mode `words`: every edit gets a mask of the tokens of its handles."""
    with prompts.reading(backbone), attach(backbone, edits):
        tokens = [backbone.text.tokenize(prompt) for prompt in prompts.texts]
    masks = {active.handles: _token_mask(tokens, active.handles).to(backbone.device) for active in edits}
    masked = [replace(active, mask=EditMask(masks[active.handles])) for active in edits]
    return compose_sum(backbone, prompts, masked)


@torch.no_grad()
def compose_in_regions(
    backbone: Backbone,
    prompts: Prompts,
    edits: Sequence[ActiveEdit],
    nouns: Mapping[str, str],
    areas: Tensor,
) -> Conditions:
    """Compose in the mode `regions`.

    Each region has its own encoding of the prompt (a `Column`), in which the concepts of other regions are
    replaced by their plain nouns; no cell attends to the tokens of these nouns. Cells in no region, the
    background, use a column in which all of these concepts are replaced. Cells in several regions attend to
    the columns of each, and edits of layers that work on the picture are averaged there. Concepts without a
    region are in every column and act everywhere.

    Args:
        nouns: for each of k handles with a region, its noun.
        areas (k, h, w), 0 or 1: their regions, on the CPU.
    """
    background = 1 - areas.float().amax(0, keepdim=True)
    has_background = bool(background.any())  # asked on the CPU, so that no step waits for the device
    areas, background = (each.to(backbone.device, torch.float32) for each in (areas, background))
    owners = [*nouns, ""] if has_background else list(nouns)  # of each column, the handle of its region
    everywhere = edits_without_region(edits, nouns)
    columns = []
    for owner in owners:
        acting = [active for active in edits if owner in active.handles]
        texts = with_placeholder_nouns(prompts.texts, nouns, keep=owner)
        columns.append(Column(texts, [*acting, *everywhere]))
    with prompts.reading(backbone), noun_words(backbone, nouns):
        for active in edits:
            active.edit.on_prompts(backbone, [column.texts for column in columns])
        tokens = []
        for column in columns:
            with attach(backbone, column.edits):
                tokens.append([backbone.text.tokenize(text) for text in column.texts])
    # The tokens of plain nouns are hidden from all cells, so that no region paints the other concepts' nouns.
    readable = torch.cat([~_token_mask(column, set(placeholders(nouns))) for column in tokens], dim=1)
    regions = torch.cat([areas, background]) if has_background else areas
    mask = RegionMask(regions, readable.to(backbone.device), has_background)
    length, shares = len(tokens[0][0].ids), areas / areas.sum(0).clamp_min(1)
    masked = list(everywhere)
    for active in edits:
        owned = [owner in active.handles for owner in owners]
        if any(owned):
            columns_of_edit = torch.tensor(owned).repeat_interleave(length).to(backbone.device)
            area = shares[[number for number, own in enumerate(owned[: len(shares)]) if own]].sum(0)
            masked.append(replace(active, mask=EditMask(columns_of_edit.expand(2, -1), area)))
    return Conditions.of_columns(backbone, columns, prompts, nouns, masked, mask)


def edits_without_region(edits: Sequence[ActiveEdit], nouns: Collection[str]) -> list[ActiveEdit]:
    """Return the edits that act for none of the handles `nouns`, which have a region."""
    return [active for active in edits if not set(active.handles) & set(nouns)]


def _token_mask(prompts: Sequence[Tokens], handles: Collection[str]) -> Tensor:
    """Return the tokens of these handles in n prompts, as (n, L) bool."""
    mask = torch.zeros(len(prompts), len(prompts[0].ids), dtype=torch.bool)
    for row, tokens in enumerate(prompts):
        for handle in handles:
            mask[row, tokens.spans.get(handle, [])] = True
    return mask
