"""Attention that is recorded and masked by region."""

from __future__ import annotations

import pytest
import torch

from studio.models.attention import RegionMask, cells_of, noun_masks, word_attention_maps
from studio.models.backbone import Backbone
from tests import tiny


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 8), (8, 4), (4, 12), (12, 20)])
def test_areas_of_any_shape_are_averaged_onto_coarser_layers(height: int, width: int) -> None:
    """Each layer halves both sides; a cell is the mean of the 2 x 2 cells of the layer before."""
    area = torch.rand(3, height, width)
    assert torch.equal(cells_of(area, height * width), area.flatten(1))
    halved = area.unflatten(1, (-1, 2)).unflatten(3, (-1, 2)).mean((2, 4))
    torch.testing.assert_close(cells_of(area, height * width // 4), halved.flatten(1))


def test_a_cell_is_in_the_regions_that_cover_half_of_it_or_else_in_the_largest() -> None:
    areas = torch.zeros(3, 2, 4)
    areas[0, :, :2] = 1
    areas[1, :, 1:] = 1
    areas[2, 0, 3] = 1
    mask = RegionMask(areas, torch.ones(2, 3, dtype=torch.bool))
    assert mask.regions_of(2).tolist() == [[True, False], [True, True], [False, False]]
    assert torch.equal(mask.regions_of(8), areas.flatten(1).bool())


def test_a_cell_attends_to_readable_tokens_of_its_regions_only() -> None:
    areas = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    readable = torch.tensor([[True, True, True, True], [True, False, True, True]])
    bias = RegionMask(areas, readable).bias(2, torch.zeros(2, 2, 8), reads_text=True)
    attended = (bias == 0).unflatten(0, (2, 2))
    assert torch.equal(attended[:, 0], attended[:, 1])  # the same for both heads
    assert attended[0, 0].tolist() == [[True, True, False, False], [False, False, True, True]]
    assert attended[1, 0].tolist() == [[True, False, False, False], [False, False, True, True]]
    guided_only = RegionMask(areas, readable).bias(2, torch.zeros(1, 2, 8), reads_text=True)
    assert torch.equal(guided_only == 0, attended[1])


def test_self_attention_stays_inside_a_region_only_while_it_is_masked(backbone: Backbone) -> None:
    side = backbone.latent_shape[-1]
    areas = torch.zeros(2, side, side)
    areas[0, :, : side // 2] = areas[1, :, side // 2 :] = 1
    mask = RegionMask(areas, torch.ones(2, 8, dtype=torch.bool))
    layer = backbone.sites[next(site for site in backbone.sites if site.endswith(".attn1"))]
    x = torch.randn(2, side * side, layer.to_q.in_features)
    other = x.unflatten(1, (side, side)).clone()
    other[:, :, side // 2 :] += 1
    for masked in (True, False):
        with torch.no_grad(), backbone.attention.apply(mask, mask_self_attention=masked):
            one, two = (layer(each).unflatten(1, (side, side)) for each in (x, other.flatten(1, 2)))
        assert torch.equal(one[:, :, : side // 2], two[:, :, : side // 2]) == masked


def test_self_attention_to_and_from_the_background_is_never_masked() -> None:
    side = 4
    areas = torch.zeros(3, side, side)
    areas[0, :, 0] = areas[1, :, 3] = areas[2, :, 1:3] = 1
    mask = RegionMask(areas, torch.ones(1, 3, dtype=torch.bool), ground=True)
    bias = mask.bias(1, torch.zeros(1, side * side, 8), reads_text=False)[0]
    attended = (bias == 0).view(side, side, side, side)
    assert not attended[0, 0, :, 3].any() and not attended[0, 3, :, 0].any()
    assert attended[0, 0, :, :3].all() and attended[0, 1].all() and attended[:, :, 0, 1].all()


def test_recorded_maps_are_probabilities_of_every_layer_that_reads_text(backbone: Backbone) -> None:
    words, noisy = backbone.text.read(["a cat", "a dog"]), torch.randn(2, *backbone.latent_shape)
    with torch.no_grad():
        plain = backbone.predict(noisy, torch.tensor(500), words)
        with backbone.attention.record() as recorded:
            assert torch.equal(backbone.predict(noisy, torch.tensor(500), words), plain)
    assert set(recorded.maps) == {site for site in backbone.sites if site.endswith(".attn2")}
    for maps in recorded.maps.values():
        assert maps.shape[0] == 2 and maps.shape[3] == words.hidden.shape[1]
        torch.testing.assert_close(maps.sum(-1), torch.ones(maps.shape[:3]))
    side, _ = recorded.shape(backbone.attention_side, *backbone.latent_shape[1:])
    with torch.no_grad(), backbone.attention.record(side) as of_side:
        backbone.predict(noisy, torch.tensor(500), words)
    assert {maps.shape[2] for maps in of_side.maps.values()} == {side * side}
    assert torch.equal(of_side.word([2], side), recorded.word([2], side))


def test_where_the_noun_is_seen_least_nothing_of_it_is_and_where_most_all(backbone: Backbone) -> None:
    latents = torch.randn(3, *backbone.latent_shape)
    masks = noun_masks(backbone, latents, "cat")
    assert masks.shape == (3, 1, 8, 8)
    assert masks.amin((1, 2, 3)).tolist() == [0.0] * 3 and masks.amax((1, 2, 3)).tolist() == [1.0] * 3
    (maps,) = word_attention_maps(backbone, latents, "a photo of a cat", [[5]])
    for mask, seen in zip(masks[:, 0], maps, strict=True):
        torch.testing.assert_close(mask, (seen - seen.min()) / (seen.max() - seen.min()))
