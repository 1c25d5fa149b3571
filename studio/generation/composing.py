"""Ways of composing: how several concepts share one picture without bleeding into each other.

`sum`      every edit acts everywhere, and the changes add up.
`words`    an edit of a layer that reads text acts at the tokens of its own concept only (TARA, AAAI 2026,
           there trained so; here only painted so).
`regions`  each concept has a part of the picture to itself. There, the prompt is read as if it were the only
           concept, with plain nouns for the others (regional prompts, Mix-of-Show, Gu et al., arXiv
           2305.18292), and only there do its edits change layers that work on the picture; for the first half
           of the steps, self-attention does not cross from one part into another (the leak that
           LoRA-Composer, arXiv 2403.11627, closes). The parts are given by hand, or else the base begins the
           picture with the plain nouns: where each of them looks is where its concept goes on
           (`studio.generation.regions`). What is in no place, such as a style, acts everywhere.

A picture with a single concept is painted in the same way by all of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.edits import ActiveEdit, EditMask, attach
from studio.handles import HANDLE
from studio.models.attention import RegionMask
from studio.models.backbone import Backbone
from studio.models.text_reader import Tokens
from studio.recipes.recipe import Recipe

SELF_MASK_SHARE = 0.5  # share of the steps in which regions do not look at each other
LAYOUT_SHARE = 0.1  # share of the steps that the base paints with plain nouns, to see where each will be
NOT_LOCALISABLE = {"art", "background", "drawing", "light", "painting", "place", "scene", "style"}  # nouns


@dataclass(frozen=True)
class Conditions:
    """What a picture is painted from: the encoded negative prompt and prompt, `hidden` (2, L, D), the edits
    that act, and who may look where, if not everybody everywhere."""

    hidden: Tensor
    edits: Sequence[ActiveEdit] = ()
    mask: RegionMask | None = None


def handles_with_region(recipe: Recipe, nouns: Mapping[str, str]) -> dict[str, str]:
    """The acting handles that are to have a region of their own, with their nouns: those whose `nouns` are
    things, and those that were given one by hand; none where there are no regions."""
    if recipe.mode != "regions":
        return {}
    things = {handle: nouns[handle] for handle in recipe.active_handles}
    return {h: noun for h, noun in things.items() if noun not in NOT_LOCALISABLE or h in recipe.regions}


def layout_steps(recipe: Recipe, placed: Collection[str]) -> int:
    """With how many steps the base begins a picture, to find the regions that are not given by hand."""
    return 0 if set(placed) <= set(recipe.regions) else max(1, round(LAYOUT_SHARE * recipe.steps))


def compose(
    backbone: Backbone,
    way: str,
    prompts: Sequence[str],
    actives: Sequence[ActiveEdit],
    nouns: Mapping[str, str],
    areas: Tensor,
) -> Conditions:
    """What a negative prompt and a prompt are painted from in one of the ways. `nouns` maps each of k placed
    handles to its noun; `areas` (k, h, w), 0 or 1, are their cells of the picture."""
    if nouns:
        return compose_in_regions(backbone, prompts, actives, nouns, areas)
    return (compose_at_words if way == "words" else compose_sum)(backbone, prompts, actives)


@torch.no_grad()
def compose_sum(backbone: Backbone, prompts: Sequence[str], actives: Sequence[ActiveEdit]) -> Conditions:
    """The way `sum`."""
    with attach(backbone, actives):
        hidden = backbone.text.read(prompts).hidden
        for active in actives:
            active.edit.on_prompts(backbone, [prompts])
    return Conditions(hidden, actives)


@torch.no_grad()
def compose_at_words(backbone: Backbone, prompts: Sequence[str], actives: Sequence[ActiveEdit]) -> Conditions:
    """The way `words`."""
    with attach(backbone, actives):
        tokens = [backbone.text.tokenize(prompt) for prompt in prompts]
    places = {active.handles: _places(tokens, active.handles).to(backbone.device) for active in actives}
    reaching = [replace(active, mask=EditMask(places[active.handles])) for active in actives]
    return compose_sum(backbone, prompts, reaching)


@torch.no_grad()
def compose_in_regions(
    backbone: Backbone,
    prompts: Sequence[str],
    actives: Sequence[ActiveEdit],
    nouns: Mapping[str, str],
    areas: Tensor,
) -> Conditions:
    """The way `regions`. What no area covers is painted from the plain nouns alone. Where areas overlap, both
    readings are seen, and edits of layers that work on the picture are averaged.

    Concepts that are not among `nouns`, such as a style, have no region: they are in every reading and act
    everywhere.
    """
    areas = areas.to(backbone.device, torch.float32)
    rest = 1 - areas.amax(0, keepdim=True)
    ground = bool(rest.any())
    alone = [*nouns, ""] if ground else list(nouns)
    columns = [with_placeholder_nouns(prompts, nouns, keep) for keep in alone]
    placeless = edits_without_region(actives, nouns)
    words = []
    with noun_words(backbone, nouns):
        for keep, column in zip(alone, columns, strict=True):
            own = [active for active in actives if keep in active.handles]
            with attach(backbone, [*own, *placeless]):
                words.append(backbone.text.read(column))
        for active in actives:
            active.edit.on_prompts(backbone, columns)
    hidden = torch.cat([column.hidden for column in words], dim=1)
    readable = torch.cat([~_places(column.tokens, set(placeholders(nouns))) for column in words], dim=1)
    shares = areas / areas.sum(0).clamp_min(1)
    reaching = list(placeless)
    for active in actives:
        own = [keep in active.handles for keep in alone]
        if any(own):
            tokens = torch.tensor(own, device=backbone.device).repeat_interleave(hidden.shape[1] // len(own))
            area = shares[own[: len(shares)]].sum(0)
            reaching.append(replace(active, mask=EditMask(tokens.expand(len(prompts), -1), area)))
    sight = RegionMask(torch.cat([areas, rest]) if ground else areas, readable.to(backbone.device), ground)
    return Conditions(hidden, reaching, sight)


def edits_without_region(actives: Sequence[ActiveEdit], nouns: Collection[str]) -> list[ActiveEdit]:
    """The edits of no handle that has a region."""
    return [active for active in actives if not set(active.handles) & set(nouns)]


def placeholders(nouns: Mapping[str, str]) -> dict[str, str]:
    """For each handle the word that stands for its noun, so that one knows where in a prompt that is."""
    return {f"<noun-{number}>": handle for number, handle in enumerate(nouns)}


def noun_words(backbone: Backbone, nouns: Mapping[str, str]) -> AbstractContextManager[None]:
    """Let prompts use the placeholders: each is read as its noun."""
    return backbone.text.new_words(
        {word: backbone.text.embeddings_of(nouns[handle]) for word, handle in placeholders(nouns).items()}
    )


def with_placeholder_nouns(prompts: Sequence[str], nouns: Mapping[str, str], keep: str = "") -> list[str]:
    """The prompts with a placeholder for every handle of `nouns` but `keep`."""
    words = {handle: word for word, handle in placeholders(nouns).items() if handle != keep}

    def word(match: re.Match[str]) -> str:
        return words.get(match.group().lower(), match.group())

    return [HANDLE.sub(word, prompt) for prompt in prompts]


def _places(prompts: Sequence[Tokens], handles: Collection[str]) -> Tensor:
    """At which tokens (n, L) of n prompts these handles stand."""
    mask = torch.zeros(len(prompts), len(prompts[0].ids), dtype=torch.bool)
    for row, tokens in enumerate(prompts):
        for handle in handles:
            mask[row, tokens.spans.get(handle, [])] = True
    return mask
