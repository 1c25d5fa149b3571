"""Attention of transformers to cells and tokens alike: recorded as it is, and kept apart by region."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from studio.models.attention import RegionMask
from studio.models.families.flux2_klein import Flux2Klein
from studio.models.families.z_image import ZImage
from studio.models.joint_attention import Layout
from studio.models.transformer_backbone import TransformerBackbone
from studio.models.words import Words
from tests import tiny_flux2_klein, tiny_z_image

PROMPTS = ["a photo of a cat", "a dog on blue background and a cat"]
T = torch.tensor(500.0)


@pytest.fixture(scope="module", params=[tiny_z_image, tiny_flux2_klein], ids=["z_image", "flux2_klein"])
def base(request: pytest.FixtureRequest) -> TransformerBackbone:
    return request.param.backbone()


def noisy(base: TransformerBackbone, n: int = 2, shape: tuple[int, ...] = ()) -> Tensor:
    channels, *sides = base.latent_shape
    return torch.randn(n, channels, *(shape or sides), generator=torch.Generator().manual_seed(1))


def half(base: TransformerBackbone) -> int:
    """Return the column of a latent at which the right half begins."""
    return base.latent_shape[2] // 2


def turned_by_hand(x: Tensor, angles: Tensor) -> Tensor:
    """RoPE: pairs of numbers as complex ones, times e^(i angle)."""
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * angles.unsqueeze(2)).flatten(
        3
    )


@pytest.mark.parametrize("shape", [(8, 8), (12, 8)])
@torch.no_grad()
def test_recorded_maps_are_the_layers_own_attention_to_the_prompt(shape: tuple[int, int]) -> None:
    """By hand: the joint softmax, of which the part that goes to the tokens is made to sum to one."""
    base: ZImage = tiny_z_image.backbone()
    words, x = base.text.read(PROMPTS), noisy(base, shape=shape)
    seen: list[tuple[Tensor, dict]] = []
    layer = base.transformer.layers[1].attention
    hook = layer.register_forward_pre_hook(
        lambda m, arguments, options: seen.append((arguments[0], options)), with_kwargs=True
    )
    with base.attention.record() as recorded:
        base.predict(x, T, words)
    hook.remove()
    hidden, options = seen[0]
    q, k = (
        turned_by_hand(norm(to(hidden).unflatten(-1, (2, -1))), options["freqs_cis"])
        for to, norm in ((layer.to_q, layer.norm_q), (layer.to_k, layer.norm_k))
    )
    logits = torch.einsum("nshd,nthd->nhst", q, k) * 16**-0.5
    if options["attention_mask"] is not None:
        logits = logits.masked_fill(~options["attention_mask"][:, None, None], -torch.inf)
    joint = logits.softmax(-1)
    cells = shape[0] * shape[1] // 4
    first = -(-cells // 32) * 32
    found = recorded.maps["transformer.layers.1.attention"]
    assert found.shape[:3] == (2, 1, cells) and len(recorded.maps) == 2
    for row, present in enumerate(words.present):
        count = int(present.sum())
        to_tokens = joint[row, :, :cells, first : first + count]
        expected = (to_tokens / to_tokens.sum(-1, keepdim=True)).mean(0, keepdim=True)
        torch.testing.assert_close(found[row][..., present], expected, rtol=1e-4, atol=1e-6)
        assert not found[row][..., ~present].any()


@pytest.mark.parametrize("shape", [(4, 4), (6, 4)])
@torch.no_grad()
def test_recorded_maps_are_those_of_layers_that_project_tokens_apart(shape: tuple[int, int]) -> None:
    """By hand, as above; the layer's own output is made from the same probabilities."""
    base: Flux2Klein = tiny_flux2_klein.backbone()
    words, x = base.text.read(PROMPTS), noisy(base, shape=shape)
    seen: list[tuple[dict, tuple[Tensor, Tensor]]] = []
    layer = base.transformer.transformer_blocks[1].attn
    hook = layer.register_forward_hook(
        lambda m, arguments, options, output: seen.append((options, output)), with_kwargs=True
    )
    with base.attention.record() as recorded:
        base.predict(x, T, words)
    hook.remove()
    options, (of_cells, _) = seen[0]
    cosines, sines = (each[:, ::2] for each in options["image_rotary_emb"])
    parts = (options["encoder_hidden_states"], options["hidden_states"])

    def projected(*layers: nn.Module) -> Tensor:
        return torch.cat([to(part).unflatten(-1, (2, -1)) for to, part in zip(layers, parts, strict=True)], 1)

    def normed(x: Tensor, *norms: nn.Module) -> Tensor:
        tokens = x.shape[1] - shape[0] * shape[1]
        x = torch.cat([norms[0](x[:, :tokens]), norms[1](x[:, tokens:])], 1)
        return turned_by_hand(x, torch.complex(cosines, sines)[None])

    q = normed(projected(layer.add_q_proj, layer.to_q), layer.norm_added_q, layer.norm_q)
    k = normed(projected(layer.add_k_proj, layer.to_k), layer.norm_added_k, layer.norm_k)
    joint = (torch.einsum("nshd,nthd->nhst", q, k) * 16**-0.5).softmax(-1)
    tokens = tiny_flux2_klein.TOKENS
    mixed = torch.einsum("nhst,nthd->nshd", joint, projected(layer.add_v_proj, layer.to_v)).flatten(2)
    torch.testing.assert_close(layer.to_out[0](mixed[:, tokens:]), of_cells, rtol=1e-4, atol=1e-5)
    to_tokens = joint[:, :, tokens:, :tokens]
    expected = (to_tokens / to_tokens.sum(-1, keepdim=True)).mean(1, keepdim=True)
    found = recorded.maps["transformer.transformer_blocks.1.attn"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert set(recorded.maps) == {f"transformer.transformer_blocks.{number}.attn" for number in (0, 1)}


def test_gradients_of_maps_reach_the_word(base: TransformerBackbone) -> None:
    vectors = torch.randn(1, base.text.width, requires_grad=True)
    with base.text.new_words({"<lily>": vectors}):
        words = base.text.read(["a <lily> on blue"])
        with base.attention.record(base.attention_side) as recorded:
            base.predict(noisy(base, 1), T, words)
    recorded.word(words.tokens[0].spans["<lily>"], base.attention_side).sum().backward()
    assert vectors.grad is not None and vectors.grad.abs().max() > 0


@torch.no_grad()
def test_recording_changes_nothing(base: TransformerBackbone) -> None:
    words, x = base.text.read(PROMPTS), noisy(base)
    plain = base.predict(x, T, words)
    with base.attention.record():
        assert torch.equal(base.predict(x, T, words), plain)
    assert torch.equal(base.predict(x, T, words), plain)
    assert base.attention.layout is None


def halves(base: TransformerBackbone) -> RegionMask:
    areas = torch.zeros(2, *base.latent_shape[1:])
    areas[0, :, : half(base)] = areas[1, :, half(base) :] = 1
    return RegionMask(areas, torch.ones(2, 2 * base.text.length, dtype=torch.bool))


def columns(base: TransformerBackbone, left: str, right: str) -> Words:
    return base.text.read([left, left]).beside([base.text.read([right, right])])


@torch.no_grad()
def test_a_region_reads_its_own_column_and_nothing_of_the_other(base: TransformerBackbone) -> None:
    mask, x = halves(base), noisy(base)
    with base.attention.apply(mask, mask_self_attention=True):
        plain = base.predict(x, T, columns(base, "a cat", "a dog"))
        other = base.predict(x, T, columns(base, "a cat", "a blue dog on background"))
        left = base.predict(x, T, columns(base, "a photo", "a dog"))
    # the picture stands behind a longer prompt, so that its places move too: equal lengths are below
    assert (other - plain).abs()[..., half(base) :].max() > 1e-3
    assert (left - plain).abs()[..., : half(base)].max() > 1e-3
    with base.attention.apply(mask, mask_self_attention=True):
        same_length = base.predict(x, T, columns(base, "a cat", "a the"))
    changed = (same_length - plain).abs().amax((0, 1))
    assert changed[:, : half(base)].max() < 1e-5 and changed[:, half(base) :].max() > 1e-3


@torch.no_grad()
def test_self_attention_crosses_regions_only_when_it_may(base: TransformerBackbone) -> None:
    mask, words, x = halves(base), columns(base, "a cat", "a dog"), noisy(base)
    moved = x.clone()
    moved[..., half(base) :] += 1
    for kept_apart in (True, False):
        with base.attention.apply(mask, mask_self_attention=kept_apart):
            difference = (base.predict(moved, T, words) - base.predict(x, T, words)).abs()
        assert bool(difference[..., : half(base)].max() < 1e-5) is kept_apart
        assert difference[..., half(base) :].max() > 1e-3


@torch.no_grad()
def test_tokens_that_may_not_be_read_are_not(base: TransformerBackbone) -> None:
    words, x = columns(base, "a cat", "a dog"), noisy(base)
    readable = torch.ones(2, 2 * base.text.length, dtype=torch.bool)
    readable[1] = False  # of the prompt itself; the negative one is read
    closed = RegionMask(halves(base).areas, readable)
    with base.attention.apply(halves(base), True):
        plain = base.predict(x, T, words)
    with base.attention.apply(closed, True):
        changed = (base.predict(x, T, words) - plain).abs().amax((1, 2, 3))
    assert changed[0] == 0 and changed[1] > 1e-3
    whole = base.predict(x, T, words)
    with base.attention.apply(None, True):
        assert torch.equal(base.predict(x, T, words), whole)


@torch.no_grad()
def test_which_region_comes_first_does_not_matter() -> None:
    """A region's tokens have the places that they have alone, not those behind another region's."""
    base: Flux2Klein = tiny_flux2_klein.backbone()
    mask, x = halves(base), noisy(base)
    pictures = []
    for areas, order in ((mask.areas, ("a cat", "a dog")), (mask.areas.flip(0), ("a dog", "a cat"))):
        with base.attention.apply(RegionMask(areas, mask.readable), True):
            pictures.append(base.predict(x, T, columns(base, *order)))
    torch.testing.assert_close(*pictures, rtol=0, atol=1e-5)


def test_weights_of_an_edit_stand_where_cells_and_tokens_do() -> None:
    present = torch.tensor([[True, True, False, True], [True, False, False, False]])
    layout = Layout(2, 3, present, first_cell=0, first_token=32)
    rows = layout.rows(torch.full((1, 6), 0.5), torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]), 64)
    assert rows[:, :6].eq(0.5).all() and rows[:, 6:32].eq(0).all()
    assert rows[0, 32:36].tolist() == [1, 2, 4, 0] and rows[1, 32:36].tolist() == [5, 0, 0, 0]
