"""Context loss: how much a learned word disturbs the rest of its prompt (CoRe, Wu et al., arXiv 2408.15914).

A prompt y* with learned words is compared with the same prompt y_cat with their plain nouns. The tokens that
both share should have the same encodings and get the same share of the picture's attention:

    L_emb  = mean over i != k of 1 - cos(E(y*)_i, E(y_cat)_i)
    L_attn = mean over i != k of (mu(M*_i) - mu(M_cat,i))^2

k are the positions of the words, i runs from the start token to the first end token, M_i are the attention
maps of token i over all layers that read text, mu the mean of all their values. The paper has one word; here
y_cat has every word replaced by its own noun, and the positions of all words are left out. The released code
takes the cosine along the tokens and sums squared attention over the batch per layer; `by_paper` chooses.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from studio.generation.placeholders import noun_words, with_placeholder_nouns
from studio.models.attention import AttentionMaps
from studio.models.backbone import Backbone
from studio.models.words import Tokens


def context_loss(
    backbone: Backbone,
    prompt: str,
    nouns: Mapping[str, str],
    noisy: Tensor,
    t: Tensor,
    by_paper: bool = True,
    watch_attention: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return L_emb and L_attn of a prompt, two float32 scalars.

    Call it while the words are attached, with all other edits that should act on both prompts. The prompt
    with the nouns is computed without gradients.

    Args:
        nouns: by handle, the noun of every word that is compared.
        noisy (n, C, h, w), t (n,): noisy latents and their timesteps.
        watch_attention: without it L_attn is 0 and costs nothing.
    """
    text = backbone.text
    nouns = dict(sorted(nouns.items()))
    (with_nouns,) = with_placeholder_nouns([prompt], nouns)
    count = len(noisy)
    prompts = count if text.is_timed else 1  # words that depend on the timestep are read once per picture
    starred = text.read([prompt] * prompts, t[:prompts])
    with torch.no_grad(), noun_words(backbone, nouns):
        plain = text.read([with_nouns] * prompts, t[:prompts])
    star_positions, plain_positions = shared_positions(starred.tokens[0], plain.tokens[0])
    shared = starred.hidden[:, star_positions].flatten(0, 1), plain.hidden[:, plain_positions].flatten(0, 1)
    embedding = embedding_term(*shared, by_paper)
    if not watch_attention or backbone.attention is None:
        return embedding, torch.zeros((), device=embedding.device)
    with backbone.require_attention().record() as star_maps:
        backbone.predict(noisy, t, starred.repeat(count // prompts))
    with torch.no_grad(), backbone.require_attention().record() as plain_maps:
        backbone.predict(noisy, t, plain.repeat(count // prompts))
    return embedding, attention_term(star_maps, plain_maps, star_positions, plain_positions, by_paper)


def shared_positions(starred: Tokens, plain: Tokens) -> tuple[list[int], list[int]]:
    """Return the positions, in two prompts, of the tokens that both share.

    They run from the start token to the first end token, without learned words, the placeholders of their
    nouns, and the end and start between two chunks. A noun of several tokens shifts the tokens after it.
    """
    positions = []
    for tokens in (starred, plain):
        left_out = {position for span in tokens.spans.values() for position in span}
        borders = tokens.ids[0], tokens.ids[tokens.end]
        left_out |= {position for position in range(1, tokens.end) if tokens.ids[position] in borders}
        positions.append([position for position in range(tokens.end + 1) if position not in left_out])
    shorter, longer = sorted(map(len, positions))
    if (
        shorter < longer
    ):  # a prompt that is too long loses more tokens with the longer noun, and its end token
        shorter -= 1
    return positions[0][:shorter], positions[1][:shorter]


def embedding_term(star: Tensor, plain: Tensor, by_paper: bool = True) -> Tensor:
    """Return L_emb from the encodings (m, D) of the shared tokens.

    The paper's cosine runs over the features of a token, the released code's over the tokens of a feature.
    """
    return (1 - torch.cosine_similarity(star.float(), plain.float(), dim=1 if by_paper else 0)).mean()


def attention_term(
    star: AttentionMaps,
    plain: AttentionMaps,
    star_positions: list[int],
    plain_positions: list[int],
    by_paper: bool = True,
) -> Tensor:
    """Return L_attn from recorded maps (n, heads, h w, L).

    The paper averages over all layers, then squares. The released code squares per layer, sums over the batch
    and averages over layers.
    """
    differences = []
    for site, maps in star.maps.items():
        with_word = maps.mean((1, 2))[:, star_positions]
        with_noun = plain.maps[site].mean((1, 2))[:, plain_positions]
        differences.append(with_word - with_noun)
    difference = torch.stack(differences)  # (layers, n, m)
    if by_paper:
        return difference.mean(0).square().mean()
    return difference.square().mean(2).sum(1).mean()
