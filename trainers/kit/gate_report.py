"""How far Perfusion's gate opens for each word, and what words lose whether it opens or not.

The target input i* takes from every token with encoding e the share r = <e, i*> / <i*, i*> in the metric of
the text moments (`studio.edits.kinds.rank_one`), named or not; the gate is a sigmoid of r.
"""

from __future__ import annotations

import torch

from studio.edits import ActiveEdit, NewWord, RankOne, attach
from studio.edits.gated_projection import decompose
from studio.events import Insight
from studio.models.backbone import Backbone
from studio.words import marked, tr
from trainers.kit.captions import plain_captions
from trainers.kit.word_chart import word_chart

PROMPT = "{} on a blue background in a photo"
CAPTION = tr(
    "Orange: how far each word opens the gate. "
    "Gray: its share of the concept, which it loses whether the gate opens or not."
)
CAPTIONS = 64  # that the leak is measured on


@torch.no_grad()
def gate_chart(backbone: Backbone, word: NewWord, edit: RankOne) -> Insight:
    """Return a chart of gate and r for each word of a prompt that names the concept."""
    text, handle = backbone.text, word.handle
    with attach(backbone, [ActiveEdit(word)]):
        words = text.read([PROMPT.format(handle)])
    tokens = words.tokens[0]
    positions = list(tokens.written)[:-1]
    r, gates, _ = decompose(words.hidden[0, positions].float(), [edit])
    names = [
        handle if position in tokens.spans[handle] else name
        for position, name in zip(positions, text.names_of(tokens), strict=True)
    ]
    return Insight(word_chart(names, gates[:, 0].tolist(), r[:, 0].tolist()), CAPTION)


@torch.no_grad()
def gate_and_leak(backbone: Backbone, word: NewWord, edit: RankOne) -> dict[str, float]:
    """Return `gate` and `leak`.

    `gate`: how far the gate opens for the concept itself, 0..1. `leak`: mean |r| over the tokens of captions
    that do not name it; r is the share of W i* that is taken from a token.
    """
    text = backbone.text
    with attach(backbone, [ActiveEdit(word)]):
        named = text.read([PROMPT.format(word.handle)])
    e_concept = named.hidden[0, named.tokens[0].spans[word.handle]].mean(0).float()
    _, gate, _ = decompose(e_concept[None], [edit])
    others = text.read(plain_captions(CAPTIONS, seed=1))
    encodings = [others.hidden[row, list(tokens.written)[:-1]] for row, tokens in enumerate(others.tokens)]
    r, _, _ = decompose(torch.cat(encodings).float(), [edit])
    return {marked("gate"): gate.item(), marked("leak"): r.abs().mean().item()}
