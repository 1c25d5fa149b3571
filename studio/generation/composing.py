"""Modes of composing: how several concepts share one picture without bleeding into each other.

`sum`      every edit acts everywhere, and the changes add up.
`words`    an edit of a layer that reads text acts at the tokens of its own concept only (TARA, AAAI
           2026; there trained so, here only painted so).
`regions`  each concept has a region of the picture to itself. There the prompt is read as if it were the only
           concept, with plain nouns for the others (regional prompts, Mix-of-Show, Gu et al., arXiv
           2305.18292), and only there do its edits change layers that work on the picture; for the first half
           of the steps, self-attention does not cross from one region into another (the leak that
           LoRA-Composer, arXiv 2403.11627, closes). Regions are drawn by the user, or else found from the
           attention to the plain nouns in the first steps (`studio.generation.regions`). Concepts that are in
           no place, such as a style, act everywhere.

A picture with a single concept is the same in all modes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from studio.edits import ActiveEdit, EditMask, attach
from studio.handles import HANDLE
from studio.models.attention import RegionMask
from studio.models.backbone import Backbone
from studio.models.text_reader import Amendment
from studio.models.words import Tokens, Words
from studio.recipes.recipe import Recipe

SELF_MASK_SHARE = 0.5  # share of the steps in which self-attention stays inside its region
LAYOUT_SHARE = 0.1  # share of the steps sampled without concepts to find regions
NOT_LOCALISABLE = {"art", "background", "drawing", "light", "painting", "place", "scene", "style"}  # nouns

Reading = Callable[[Tensor | None], Words]


@dataclass(frozen=True)
class Conditions:
    """Everything the sampler needs besides noise.

    Args:
        reading: encodes the negative prompt and the prompt (2, L, D) at a timestep.
        edits: with strengths and masks.
        mask: the regional attention mask, or None.
        is_timed: whether the encodings depend on the timestep.
    """

    reading: Reading
    edits: Sequence[ActiveEdit] = ()
    mask: RegionMask | None = None
    is_timed: bool = False
    _once: dict[str, Words] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, words: Words) -> Conditions:
        """Return conditions that are always these encodings, without edits."""
        return cls(lambda t: words)

    def at(self, t: Tensor) -> Words:
        """Return the encodings at timestep t (); encoded once where nothing depends on it."""
        if self.is_timed:
            return self.reading(t)
        if not self._once:
            self._once["words"] = self.reading(None)
        return self._once["words"]


@dataclass(frozen=True)
class Prompts:
    """What a picture's encodings are made from.

    Args:
        negative, prompt: the texts.
        amendments: changes of everything that is encoded, each with whether it depends on the timestep.
    """

    negative: str
    prompt: str
    amendments: tuple[tuple[Amendment, bool], ...] = ()

    @property
    def texts(self) -> tuple[str, str]:
        """Return the negative prompt and the prompt."""
        return self.negative, self.prompt


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
    """Compose in the mode `sum`. The prompts may use the placeholders of `nouns`."""
    with noun_words(backbone, nouns or {}), attach(backbone, edits):
        for active in edits:
            active.edit.on_prompts(backbone, [prompts.texts])
    reading, is_timed = _reading(backbone, [(prompts.texts, edits)], prompts.amendments, nouns)
    return Conditions(reading, edits, is_timed=is_timed)


@torch.no_grad()
def compose_at_words(backbone: Backbone, prompts: Prompts, edits: Sequence[ActiveEdit]) -> Conditions:
    """Compose in the mode `words`."""
    with attach(backbone, edits):
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

    What no area covers is painted from the plain nouns alone. Where areas overlap, both encodings are seen,
    and edits of layers that work on the picture are averaged. Concepts without a region are in every reading
    and act everywhere.
    """
    rest = 1 - areas.float().amax(0, keepdim=True)
    ground = bool(rest.any())  # asked on the CPU, where areas are made: nobody waits for the device
    areas, rest = (area.to(backbone.device, torch.float32) for area in (areas, rest))
    alone = [*nouns, ""] if ground else list(nouns)
    columns = [with_placeholder_nouns(prompts.texts, nouns, keep) for keep in alone]
    everywhere = edits_without_region(edits, nouns)
    parts = []
    for keep, column in zip(alone, columns, strict=True):
        acting = [active for active in edits if keep in active.handles]
        parts.append((column, [*acting, *everywhere]))
    with noun_words(backbone, nouns):
        for active in edits:
            active.edit.on_prompts(backbone, columns)
        tokens = []
        for column, acting in parts:
            with attach(backbone, acting):
                tokens.append([backbone.text.tokenize(text) for text in column])
    length = len(tokens[0][0].ids)
    readable = torch.cat([~_token_mask(column, set(placeholders(nouns))) for column in tokens], dim=1)
    shares = areas / areas.sum(0).clamp_min(1)
    masked = list(everywhere)
    for active in edits:
        own = [keep in active.handles for keep in alone]
        if any(own):
            own_tokens = torch.tensor(own).repeat_interleave(length).to(backbone.device)
            area = shares[[number for number, mine in enumerate(own[: len(shares)]) if mine]].sum(0)
            masked.append(replace(active, mask=EditMask(own_tokens.expand(len(columns[0]), -1), area)))
    mask = RegionMask(torch.cat([areas, rest]) if ground else areas, readable.to(backbone.device), ground)
    reading, is_timed = _reading(backbone, parts, prompts.amendments, nouns)
    return Conditions(reading, masked, mask, is_timed)


def _reading(
    backbone: Backbone,
    parts: Sequence[tuple[Sequence[str], Sequence[ActiveEdit]]],
    amendments: Sequence[tuple[Amendment, bool]] = (),
    nouns: Mapping[str, str] | None = None,
) -> tuple[Reading, bool]:
    """Return a function that encodes prompts, and whether its answer depends on the timestep.

    `parts` are (negative prompt, prompt) pairs, each with the edits that act while it is read; their
    encodings are joined along the token axis.
    """

    def reading(t: Tensor | None) -> Words:
        words = []
        with torch.no_grad(), noun_words(backbone, nouns or {}), amended(backbone, amendments):
            for texts, edits in parts:
                with attach(backbone, edits):
                    words.append(backbone.text.read(texts, t))
        return words[0].beside(words[1:]) if len(words) > 1 else words[0]

    with torch.no_grad(), amended(backbone, amendments):
        timed = []
        for _, edits in parts:
            with attach(backbone, edits):
                timed.append(backbone.text.is_timed)
    return reading, any(timed)


def amended(
    backbone: Backbone, amendments: Sequence[tuple[Amendment, bool]]
) -> AbstractContextManager[object]:
    """Context manager: apply these changes to everything that is encoded."""
    stack = ExitStack()
    for change, timed in amendments:
        stack.enter_context(backbone.text.amending(change, timed))
    return stack


def edits_without_region(edits: Sequence[ActiveEdit], nouns: Collection[str]) -> list[ActiveEdit]:
    """Return the edits that act for no handle with a region."""
    return [active for active in edits if not set(active.handles) & set(nouns)]


def placeholders(nouns: Mapping[str, str]) -> dict[str, str]:
    """Return, for each handle, the word that stands for its noun, so that its tokens can be found."""
    return {f"<noun-{number}>": handle for number, handle in enumerate(nouns)}


def noun_words(backbone: Backbone, nouns: Mapping[str, str]) -> AbstractContextManager[None]:
    """Context manager: prompts may use the placeholders, each read as its noun."""
    return backbone.text.new_words(
        {word: backbone.text.embeddings_of(nouns[handle]) for word, handle in placeholders(nouns).items()}
    )


def with_placeholder_nouns(prompts: Sequence[str], nouns: Mapping[str, str], keep: str = "") -> list[str]:
    """Return the prompts with a placeholder for every handle of `nouns` but `keep`."""
    words = {handle: word for word, handle in placeholders(nouns).items() if handle != keep}

    def word(match: re.Match[str]) -> str:
        return words.get(match.group().lower(), match.group())

    return [HANDLE.sub(word, prompt) for prompt in prompts]


def _token_mask(prompts: Sequence[Tokens], handles: Collection[str]) -> Tensor:
    """Return at which tokens of n prompts these handles stand, (n, L) bool."""
    mask = torch.zeros(len(prompts), len(prompts[0].ids), dtype=torch.bool)
    for row, tokens in enumerate(prompts):
        for handle in handles:
            mask[row, tokens.spans.get(handle, [])] = True
    return mask
