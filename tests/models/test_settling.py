"""A base is put on its device as its plan says; what is exact changes no bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from studio.models import settling
from studio.models.backbone import Backbone
from studio.models.families import FAMILIES as KNOWN
from studio.models.float8 import FLOAT8
from studio.models.memory_plan import Measure, MemoryPlan, PartSizes
from studio.models.opening import open_backbone
from studio.models.placement import Placement, home_of
from studio.models.settling import DECODING, settle, sizes_of
from studio.starter import STARTER
from tests import tiny, tiny_z_image
from tests.trainers.battery import picture

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")
FAMILIES: dict[str, Callable[[], Backbone]] = {**tiny.FAMILIES, "z_image": tiny_z_image.backbone}
every_family = pytest.mark.parametrize("family", sorted(FAMILIES))


def test_every_known_family_is_tried() -> None:
    assert set(FAMILIES) <= set(KNOWN)


@every_family
def test_sizes_are_those_of_the_weights(family: str) -> None:
    backbone = FAMILIES[family]()
    sizes = sizes_of(backbone)
    assert sizes.text == sum(
        4 * p.numel() for encoder in backbone.text.encoders for p in encoder.parameters()
    ) + sum(b.nbytes for encoder in backbone.text.encoders for b in encoder.buffers())
    assert sizes.autoencoder == sum(p.nbytes for p in backbone.autoencoder.parameters())
    assert sizes.decoding == sizes.tile == DECODING * backbone.resolution**2  # it has no large pictures
    settle(backbone, CPU, "least")
    narrow = sizes_of(backbone)
    assert narrow.denoiser == narrow.denoiser_8bit == sizes.denoiser_8bit < sizes.denoiser
    assert narrow.text == sizes.text and narrow.autoencoder == sizes.autoencoder


@every_family
def test_a_forced_plan_without_8_bits_paints_the_same_bits(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "can_float8", lambda *_: False)
    plain, careful = FAMILIES[family](), FAMILIES[family]()
    settle(careful, CPU, "least")
    assert not careful.memory_plan.takes(Measure.FLOAT8) and len(careful.memory_plan.measures) == 4
    one, other = (picture(backbone, "a cat on blue", []) for backbone in (plain, careful))
    assert np.array_equal(one, other)


@every_family
def test_a_forced_plan_with_8_bits_paints_nearly_the_same(family: str) -> None:
    plain, careful = FAMILIES[family](), FAMILIES[family]()
    settle(careful, CPU, "least")
    assert careful.memory_plan.measures == tuple(Measure)
    one, other = (picture(backbone, "a cat on blue", []).astype(int) for backbone in (plain, careful))
    assert 0 < np.abs(one - other).mean() < 4  # of 255


def test_on_a_cpu_everything_fits_as_it_is() -> None:
    backbone = tiny.backbone()
    assert settle(backbone, CPU, "auto") is backbone.memory_plan
    assert backbone.memory_plan.is_trivial
    assert open_backbone(STARTER).memory_plan.is_trivial
    assert open_backbone(STARTER, memory="least").memory_plan.measures == tuple(Measure)


def test_the_plan_is_made_from_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, PartSizes, bool]] = []

    def plan(choice: str, free: int, sizes: PartSizes, can_float8: bool) -> MemoryPlan:
        asked.append((free, sizes, can_float8))
        return MemoryPlan((Measure.TILES,), free)

    monkeypatch.setattr(settling, "forced_plan", plan)
    monkeypatch.setattr(settling, "free_bytes", lambda device: 123)
    backbone = tiny.backbone()
    settle(backbone, CPU, "auto")
    assert asked == [(123, sizes_of(backbone), True)] and backbone.memory_plan.free == 123


def test_free_memory_is_asked_of_a_card_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5, 9))
    assert settling.free_bytes(torch.device("cuda")) == 5
    assert settling.free_bytes(CPU) is None and settling.free_bytes(torch.device("mps")) is None


@pytest.mark.parametrize(("cells", "is_tiled"), [((512, 512), True), ((512, 8), True), ((504, 504), False)])
def test_large_pictures_are_decoded_in_tiles(
    cells: tuple[int, int], is_tiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, careful = tiny.backbone(), tiny.backbone()
    settle(careful, CPU, "least")
    whole: list[tuple[int, ...]] = []
    careful.vae.decoder.register_forward_pre_hook(lambda m, x: whole.append(tuple(x[0].shape[-2:])))
    rough = torch.randn(1, 4, *(side // 8 for side in cells), generator=torch.Generator().manual_seed(0))
    latents = torch.nn.functional.interpolate(rough, cells, mode="bilinear")
    pictures = [np.asarray(backbone.decode(latents)[0]).astype(int) for backbone in (plain, careful)]
    assert (max(map(max, whole)) < max(cells)) == is_tiled
    assert np.array_equal(*pictures) != is_tiled
    assert np.abs(pictures[0] - pictures[1]).mean() < 6  # of 255: a norm over a tile is not that over all
    assert not careful.vae.use_tiling


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.BatchNorm1d(2)
        self.tied = nn.Linear(2, 2)
        self.tied.weight = self.first.weight
        self.requires_grad_(False)


def test_a_part_comes_and_goes_as_the_same_objects() -> None:
    part = Two()
    before = dict(part.named_parameters()) | dict(part.named_buffers())
    place = Placement([part], ELSEWHERE)
    assert home_of(part.first) == ELSEWHERE and home_of(nn.Linear(2, 2)) == CPU
    with place.on_device():
        assert {t.device for t in (*part.parameters(), *part.buffers())} == {ELSEWHERE}
        assert part.tied.weight is part.first.weight
        assert not any(p.requires_grad for p in part.parameters())
        with place.on_device():
            pass
        assert part.first.weight.device == ELSEWHERE  # still held
    after = dict(part.named_parameters()) | dict(part.named_buffers())
    assert all(after[name] is tensor for name, tensor in before.items())


def test_what_an_edit_has_replaced_is_left_alone() -> None:
    part = Two()
    place, replaced = Placement([part], ELSEWHERE), torch.zeros(2, 2)
    part.first._parameters["weight"] = replaced
    with place.on_device():
        assert part.first.weight is replaced and part.first.bias.device == ELSEWHERE
    assert part.first.weight is replaced and replaced.device == CPU


def test_what_is_in_use_does_not_make_room() -> None:
    one, other = Two(), Two()
    first = Placement([one], ELSEWHERE)
    second = Placement([other], ELSEWHERE, [first])
    with first.on_device(), second.on_device():
        assert one.first.weight.device == ELSEWHERE
    first.arrive()
    with second.on_device():
        assert one.first.weight.device == CPU
    assert one.first.weight.device == ELSEWHERE and other.first.weight.device == CPU


def test_weights_of_a_part_that_waits_are_never_on_the_device_before_they_are_used() -> None:
    backbone = tiny.backbone()
    settle(backbone, ELSEWHERE, "least")
    assert {p.device for p in backbone.text.encoder.parameters()} == {CPU}
    assert {p.device for p in backbone.vae.parameters()} == {CPU}
    assert {p.device for p in backbone.unet.parameters()} == {ELSEWHERE}
    assert FLOAT8 in {p.dtype for p in backbone.unet.parameters()}
    assert backbone.device == ELSEWHERE and backbone._alphas.device == ELSEWHERE


def test_sizes_are_a_value() -> None:
    sizes = sizes_of(tiny.backbone())
    with pytest.raises(dataclasses.FrozenInstanceError):
        sizes.text = 1  # type: ignore[misc]
