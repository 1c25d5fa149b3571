"""Low-rank edits of convolutions, which other programs' files have: whole weights, hooks and masks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.edits import ActiveEdit, LowRank, attach
from studio.edits.concept import Concept
from studio.edits.edit import EditMask
from studio.events import Result
from studio.generation.merge import merge_concepts
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from tests import tiny
from tests.by_hand import header

SITES = (
    "unet.conv_in",
    "unet.down_blocks.0.attentions.0.proj_in",
    "unet.down_blocks.0.downsamplers.0.conv",
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def edit_of(backbone: Backbone, handle: str = "<lily>", rank: int = 3, seed: int = 0) -> LowRank:
    generator, A, B = torch.Generator().manual_seed(seed), {}, {}
    for site in SITES:
        shape = backbone.sites[site].weight.shape
        A[site] = 0.1 * torch.randn(rank, *shape[1:], generator=generator)
        B[site] = 0.1 * torch.randn(shape[0], rank, *(1 for _ in shape[2:]), generator=generator)
    return LowRank(handle, "cat", A, B)


def prediction(backbone: Backbone, *edits: ActiveEdit) -> Tensor:
    noisy = torch.randn(1, *backbone.latent_shape, generator=torch.Generator().manual_seed(1))
    with attach(backbone, edits):
        return backbone.predict(noisy, torch.tensor([500]), backbone.text.read(["a cat"]))


@contextmanager
def by_hand(backbone: Backbone, edit: LowRank, strength: float) -> Iterator[None]:
    """Context manager: add s B A to the weights themselves."""
    before = {site: backbone.sites[site].weight.data for site in SITES}
    for site, weight in before.items():
        product = edit.B[site].flatten(1) @ edit.A[site].flatten(1)
        backbone.sites[site].weight.data = weight + strength * product.view_as(weight)
    yield
    for site, weight in before.items():
        backbone.sites[site].weight.data = weight


@pytest.mark.parametrize("learns", [False, True], ids=["weights", "hooks"])
def test_it_acts_as_its_product_added_to_the_weights(backbone: Backbone, learns: bool) -> None:
    edit = edit_of(backbone)
    assert edit.is_compatible(backbone)
    with torch.set_grad_enabled(learns):
        got = prediction(backbone, ActiveEdit(edit, 0.7)).detach()
    with torch.no_grad(), by_hand(backbone, edit, 0.7):
        expected = prediction(backbone)
    torch.testing.assert_close(got, expected, atol=2e-5, rtol=1e-4)
    assert (got - prediction(backbone).detach()).abs().max() > 0.01


def test_two_of_them_add_up(backbone: Backbone) -> None:
    one, other = edit_of(backbone), edit_of(backbone, "<tom>", 2, seed=1)
    with torch.no_grad():
        got = prediction(backbone, ActiveEdit(one), ActiveEdit(other, 0.5))
        with by_hand(backbone, one, 1.0), by_hand(backbone, other, 0.5):
            torch.testing.assert_close(got, prediction(backbone), atol=2e-5, rtol=1e-4)


def test_a_region_changes_its_own_cells_only(backbone: Backbone) -> None:
    edit = edit_of(backbone)
    area = torch.zeros(8, 8)
    area[:, :4] = 1
    mask = EditMask(torch.ones(2, backbone.text.max_tokens + 2), area)
    site, layer = SITES[0], backbone.sites[SITES[0]]
    assert isinstance(layer, nn.Conv2d)
    x = torch.randn(2, *backbone.latent_shape)
    with torch.no_grad():
        plain = layer(x)
        with attach(backbone, [ActiveEdit(edit, 1.0, mask=mask)]):
            got = layer(x)
    change = F.conv2d(F.conv2d(x, edit.A[site], padding=1), edit.B[site])
    assert torch.equal(got[..., 4:], plain[..., 4:])
    torch.testing.assert_close(got[..., :4], (plain + change)[..., :4])


def test_they_are_saved_and_merged(backbone: Backbone, tmp_path) -> None:
    concepts = []
    for number, handle in enumerate(("<lily>", "<tom>")):
        path = tmp_path / f"{number}.safetensors"
        Concept(header(backbone, {handle: "cat"}), (edit_of(backbone, handle, seed=number),)).save(path)
        concepts.append(Concept.open(path))
        assert concepts[-1].edits[0].A[SITES[0]].ndim == 4
    *_, last = merge_concepts(backbone, concepts, Sampling(seed=0, guidance=2.0))
    assert isinstance(last, Result)
    (merged,) = last.value.edits
    assert merged.A[SITES[0]].shape[0] == 6 and merged.is_compatible(backbone)


@pytest.mark.parametrize(
    ("a", "b"), [((2, 4, 3, 3), (8, 2)), ((2, 4), (8, 2, 1, 1)), ((2, 4, 1, 1), (8, 2, 3, 3))]
)
def test_factors_that_belong_to_no_layer_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    tensors = {"unet.conv_in/A": torch.zeros(a), "unet.conv_in/B": torch.zeros(b)}
    with pytest.raises(ValueError, match="factors"):
        LowRank.from_tensors("<lily>", "cat", tensors, {})
