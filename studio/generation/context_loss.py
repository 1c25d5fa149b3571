"""How much a word disturbs its prompt: the two terms of CoRe (Wu et al., arXiv 2408.15914).

A prompt y* with learned words is read beside the same prompt y_cat with their plain nouns. Every token that
the two share is to be encoded alike and to hold as much of the picture's attention:

    L_emb  = mean over i != k of 1 - cos(E(y*)_i, E(y_cat)_i)
    L_attn = mean over i != k of (mu(M*_i) - mu(M_cat,i))^2

k are the places of the words, i runs from the start to the first end of the prompt, M_i are the attention
maps of token i over all layers that read text, mu the mean of all their values. The paper has one word; with
several, each gives way to its own noun in the same y_cat, and no word's place takes part. The released code
takes the cosine along the tokens and sums squared attention over the batch per layer; `by_paper` chooses.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from studio.handles import HANDLE
from studio.models.attention import AttentionMaps, record_attention
from studio.models.backbone import Backbone
from studio.models.text_reader import Words


def context_loss(
    backbone: Backbone,
    prompt: str,
    nouns: Mapping[str, str],
    noisy: Tensor,
    t: Tensor,
    by_paper: bool = True,
    watch_attention: bool = True,
) -> tuple[Tensor, Tensor]:
    """L_emb and L_attn of `prompt`, two float32 scalars, on noisy latents (n, C, h, w) at timesteps (n,).

    `nouns` maps the handles that are compared to their nouns. Called with the words attached, and whatever
    else is to act on both sides; the nouns' side needs no gradient. Without `watch_attention` L_attn is 0
    and costs nothing.
    """
    text = backbone.text
    places = {handle: f"<noun-{number}>" for number, handle in enumerate(sorted(nouns))}
    with_nouns = HANDLE.sub(lambda match: places.get(match.group().lower(), match.group()), prompt)
    starred = text.read([prompt])
    with (
        torch.no_grad(),
        text.new_words({places[handle]: text.embeddings_of(nouns[handle]) for handle in places}),
    ):
        plain = text.read([with_nouns])
    star_places, plain_places = context_places(text.tokenizer.eos_token_id, starred, plain)
    embedding = embedding_term(starred.hidden[0, star_places], plain.hidden[0, plain_places], by_paper)
    if not watch_attention:
        return embedding, torch.zeros((), device=embedding.device)
    count = len(noisy)
    with record_attention(backbone) as star_maps:
        backbone.predict(noisy, t, starred.hidden.repeat(count, 1, 1))
    with torch.no_grad(), record_attention(backbone) as plain_maps:
        backbone.predict(noisy, t, plain.hidden.repeat(count, 1, 1))
    return embedding, attention_term(star_maps, plain_maps, star_places, plain_places, by_paper)


def context_places(end_id: int, starred: Words, plain: Words) -> tuple[list[int], list[int]]:
    """The places, in the two prompts, of the tokens that both share: from the start to the first end, without
    the learned words and what stands for them. A noun of several tokens shifts what follows it."""
    places = []
    for words in (starred, plain):
        tokens = words.tokens[0]
        end = 1 + tokens.ids[1:].index(end_id)
        learned = {place for span in tokens.spans.values() for place in span}
        places.append([place for place in range(end + 1) if place not in learned])
    shorter, longer = sorted(map(len, places))
    if shorter < longer:  # a prompt too long loses its last tokens on one side only; its end has no twin
        shorter -= 1
    return places[0][:shorter], places[1][:shorter]


def embedding_term(star: Tensor, plain: Tensor, by_paper: bool = True) -> Tensor:
    """L_emb from the encodings (m, D) of the shared tokens. The paper's cosine runs over the features of a
    token; the released code's over the tokens of a feature."""
    return (1 - torch.cosine_similarity(star.float(), plain.float(), dim=1 if by_paper else 0)).mean()


def attention_term(
    star: AttentionMaps,
    plain: AttentionMaps,
    star_places: list[int],
    plain_places: list[int],
    by_paper: bool = True,
) -> Tensor:
    """L_attn from recorded maps (n, heads, h w, L). The paper averages over all layers, then squares; the
    released code squares per layer, sums over the batch and averages over layers."""
    differences = []
    for site, maps in star.maps.items():
        mine = maps.mean((1, 2))[:, star_places]
        theirs = plain.maps[site].mean((1, 2))[:, plain_places]
        differences.append(mine - theirs)
    difference = torch.stack(differences)  # (layers, n, m)
    if by_paper:
        return difference.mean(0).square().mean()
    return difference.square().mean(2).sum(1).mean()
