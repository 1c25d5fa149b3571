"""Attention of a transformer's single sequence: recorded as layers compute it, and kept apart by region."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio.models.attention import RegionMask
from studio.models.families.z_image import ZImage
from studio.models.joint_attention import Layout
from studio.models.words import Words
from tests import tiny_z_image

PROMPTS = ["a photo of a cat", "a dog on blue background and a cat"]
T = torch.tensor(500.0)


@pytest.fixture(scope="module")
def base() -> ZImage:
    return tiny_z_image.backbone()


def noisy(base: ZImage, n: int = 2, seed: int = 1, shape: tuple[int, int] = (8, 8)) -> Tensor:
    return torch.randn(n, 4, *shape, generator=torch.Generator().manual_seed(seed))


def turned_by_hand(x: Tensor, angles: Tensor) -> Tensor:
    """RoPE: pairs of numbers as complex ones, times e^(i angle)."""
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * angles.unsqueeze(2)).flatten(
        3
    )


@pytest.mark.parametrize("shape", [(8, 8), (12, 8)])
@torch.no_grad()
def test_recorded_maps_are_the_layers_own_attention_to_the_prompt(
    base: ZImage, shape: tuple[int, int]
) -> None:
    """By hand: the joint softmax, of which the part that goes to the tokens is made to sum to one."""
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


def test_gradients_of_maps_reach_the_word(base: ZImage) -> None:
    vectors = torch.randn(1, base.text.width, requires_grad=True)
    with base.text.new_words({"<lily>": vectors}):
        words = base.text.read(["a <lily> on blue"])
        with base.attention.record(base.attention_side) as recorded:
            base.predict(noisy(base, 1), T, words)
    recorded.word(words.tokens[0].spans["<lily>"], base.attention_side).sum().backward()
    assert vectors.grad is not None and vectors.grad.abs().max() > 0


@torch.no_grad()
def test_recording_changes_nothing(base: ZImage) -> None:
    words, x = base.text.read(PROMPTS), noisy(base)
    plain = base.predict(x, T, words)
    with base.attention.record():
        assert torch.equal(base.predict(x, T, words), plain)
    assert torch.equal(base.predict(x, T, words), plain)
    assert base.attention.layout is None


def halves(base: ZImage) -> RegionMask:
    areas = torch.zeros(2, 8, 8)
    areas[0, :, :4] = areas[1, :, 4:] = 1
    return RegionMask(areas, torch.ones(2, 2 * tiny_z_image.TOKENS, dtype=torch.bool))


def columns(base: ZImage, left: str, right: str) -> Words:
    return base.text.read([left, left]).beside([base.text.read([right, right])])


@torch.no_grad()
def test_a_region_reads_its_own_column_and_nothing_of_the_other(base: ZImage) -> None:
    mask, x = halves(base), noisy(base)
    with base.attention.apply(mask, mask_self_attention=True):
        plain = base.predict(x, T, columns(base, "a cat", "a dog"))
        other = base.predict(x, T, columns(base, "a cat", "a blue dog on background"))
        left = base.predict(x, T, columns(base, "a photo", "a dog"))
    # the picture stands behind a longer prompt, so that its places move too: equal lengths are below
    assert (other - plain).abs()[..., 4:].max() > 1e-3
    assert (left - plain).abs()[..., :4].max() > 1e-3
    with base.attention.apply(mask, mask_self_attention=True):
        same_length = base.predict(x, T, columns(base, "a cat", "a the"))
    changed = (same_length - plain).abs().amax((0, 1))
    assert changed[:, :4].max() < 1e-5 and changed[:, 4:].max() > 1e-3


@torch.no_grad()
def test_self_attention_crosses_regions_only_when_it_may(base: ZImage) -> None:
    mask, words, x = halves(base), columns(base, "a cat", "a dog"), noisy(base)
    moved = x.clone()
    moved[..., 4:] += 1
    for kept_apart in (True, False):
        with base.attention.apply(mask, mask_self_attention=kept_apart):
            difference = (base.predict(moved, T, words) - base.predict(x, T, words)).abs()
        assert bool(difference[..., :4].max() < 1e-5) is kept_apart
        assert difference[..., 4:].max() > 1e-3


@torch.no_grad()
def test_tokens_that_may_not_be_read_are_not(base: ZImage) -> None:
    words, x = columns(base, "a cat", "a dog"), noisy(base)
    readable = torch.ones(2, 2 * tiny_z_image.TOKENS, dtype=torch.bool)
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


def test_weights_of_an_edit_stand_where_cells_and_tokens_do() -> None:
    present = torch.tensor([[True, True, False, True], [True, False, False, False]])
    layout = Layout(2, 3, present)
    rows = layout.rows(torch.full((1, 6), 0.5), torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]), 64)
    assert layout.first_token == 32
    assert rows[:, :6].eq(0.5).all() and rows[:, 6:32].eq(0).all()
    assert rows[0, 32:36].tolist() == [1, 2, 4, 0] and rows[1, 32:36].tolist() == [5, 0, 0, 0]
