"""Concepts made by hand, with changes large enough to show in a picture."""

from __future__ import annotations

import torch

from studio.concepts.header import Header
from studio.edits import LowRank, NewWord, RankOne
from studio.edits.concept import Concept
from studio.models.backbone import Backbone

SITES = (".to_q", ".to_k", ".to_v", ".to_out.0", "q_proj", "v_proj")


def header(backbone: Backbone, handles: dict[str, str]) -> Header:
    named = {"method": "by_hand", "method_title": "By hand", "paper": "none", "settings": {}, "seed": 0}
    made = {
        "photos": 1,
        "steps": 1,
        "final_loss": 0.0,
        "created": "2026-01-01T00:00:00+00:00",
        "program": "test",
    }
    return Header(handles, **named, base=backbone.name, fingerprint=backbone.fingerprint, **made)


def word(backbone: Backbone, handle: str, noun: str, seed: int) -> NewWord:
    generator = torch.Generator().manual_seed(seed)
    return NewWord(handle, noun, torch.randn(2, backbone.text.width, generator=generator) * 0.2)


def low_rank(backbone: Backbone, handle: str, noun: str, seed: int, *endings: str, rank: int = 2) -> LowRank:
    generator = torch.Generator().manual_seed(seed)
    edit = LowRank.start(handle, noun, backbone.linear_sites(*endings or SITES), rank, generator)
    with torch.no_grad():
        for B in edit.B.values():
            B.copy_(torch.randn(B.shape, generator=generator) * 0.5)
    for tensor in edit.parameters():
        tensor.requires_grad_(False)
    return edit


def rank_one(backbone: Backbone, handle: str, noun: str, seed: int) -> RankOne:
    generator = torch.Generator().manual_seed(seed)
    i_star = torch.randn(backbone.text.width, generator=generator)
    sites = backbone.linear_sites("attn2.to_k", "attn2.to_v")
    targets = {site: torch.randn(layer.out_features, generator=generator) for site, layer in sites.items()}
    return RankOne(handle, noun, i_star, i_star.clone(), targets)


def tuned(backbone: Backbone, handle: str, noun: str = "cat", seed: int = 0) -> Concept:
    """A word and low-rank edits of every attention layer."""
    edits = (word(backbone, handle, noun, seed), low_rank(backbone, handle, noun, seed))
    return Concept(header(backbone, {handle: noun}), edits)


def gated(backbone: Backbone, handle: str, noun: str = "cat", seed: int = 0) -> Concept:
    """A word and rank-one edits, as Perfusion's."""
    edits = (word(backbone, handle, noun, seed), rank_one(backbone, handle, noun, seed))
    return Concept(header(backbone, {handle: noun}), edits)
