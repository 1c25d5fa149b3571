"""A denoiser kept in 8 bits: which layers are, what it predicts, and what its gradients need."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.edits import ActiveEdit, Full, attach
from studio.edits.kinds.rank_one import RankOne
from studio.errors import StudioError
from studio.models.backbone import Backbone
from studio.models.float8 import (
    FLOAT8,
    Convolution8,
    Linear8,
    can_float8,
    float8_layers,
    keep_in_float8,
)
from studio.models.settling import settle
from tests import tiny, tiny_z_image

SMALL = 64  # weights of which two could be the same by chance
CPU = torch.device("cpu")
FAMILIES = {**tiny.FAMILIES, "z_image": tiny_z_image.backbone}
every_family = pytest.mark.parametrize("family", sorted(FAMILIES))


def in_float8(made: Backbone) -> Backbone:
    settle(made, CPU, "least")
    return made


def predicted(backbone: Backbone, noisy: Tensor, prompt: str = "a photo of a cat") -> Tensor:
    words = backbone.text.read([prompt]).repeat(len(noisy))
    return backbone.predict(noisy, backbone.at_noise(0.5, len(noisy)), words)


def noise(backbone: Backbone, count: int = 2) -> Tensor:
    return torch.randn(count, *backbone.latent_shape, generator=torch.Generator().manual_seed(1))


def cosine(one: Tensor, other: Tensor) -> float:
    return F.cosine_similarity(one.flatten(), other.flatten(), dim=0).item()


@every_family
def test_norms_and_what_the_class_keeps_are_not_narrowed(family: str) -> None:
    denoiser = in_float8(FAMILIES[family]()).denoiser
    for path, layer in denoiser.named_modules():
        own = [parameter for _, parameter in layer.named_parameters(recurse=False)]
        narrow = [parameter for parameter in own if parameter.dtype == FLOAT8]
        assert not narrow or (len(narrow) == 1 and narrow[0] is layer.weight and narrow[0].ndim > 1)
        if any(part in path for part in ("norm", "t_embedder", "cap_embedder")):
            assert not narrow, path
    assert all(layer.weight.dtype == FLOAT8 for layer in float8_layers_of(denoiser))
    sites = FAMILIES[family]().low_rank_sites(False)  # the large ones of real models
    assert all(isinstance(denoiser.get_submodule(site.partition(".")[2]), Linear8) for site in sites)


def float8_layers_of(denoiser: nn.Module) -> list[nn.Module]:
    return [layer for layer in denoiser.modules() if isinstance(layer, Linear8 | Convolution8)]


@every_family
def test_text_encoder_and_autoencoder_stay_as_they_are(family: str) -> None:
    backbone = in_float8(FAMILIES[family]())
    for part in (*backbone.text.encoders, backbone.autoencoder):
        assert {p.dtype for p in part.parameters()} == {torch.float32}


@every_family
def test_an_edit_finds_the_same_sites(family: str) -> None:
    plain, narrow = FAMILIES[family](), in_float8(FAMILIES[family]())
    assert list(plain.sites) == list(narrow.sites)
    assert list(plain.low_rank_sites(True)) == list(narrow.low_rank_sites(True))
    assert plain.fingerprint == narrow.fingerprint
    for site in plain.low_rank_sites(False):
        weight = narrow.sites[site].weight.float()
        assert torch.equal(weight, plain.sites[site].weight.to(FLOAT8).float())


@every_family
def test_a_prediction_is_nearly_the_same(family: str) -> None:
    plain, narrow = FAMILIES[family](), in_float8(FAMILIES[family]())
    z = noise(plain)
    with torch.no_grad():
        one, other = predicted(plain, z), predicted(narrow, z)
    assert 0.99 < cosine(one, other) < 1  # and something was rounded


@every_family
def test_gradients_go_through_and_no_wider_weight_is_kept_for_them(family: str) -> None:
    plain, narrow = FAMILIES[family](), in_float8(FAMILIES[family]())
    gradients = []
    for backbone in (plain, narrow):
        z = noise(backbone).requires_grad_()
        predicted(backbone, z).square().sum().backward()
        gradients.append(z.grad)
    assert cosine(*gradients) > 0.98
    layers = float8_layers_of(narrow.denoiser)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda t: t):
        predicted(narrow, noise(narrow).requires_grad_())
    weights = [tensor for tensor in kept if tensor.dtype == FLOAT8]
    assert len(weights) > len(layers) / 2  # of those that the picture goes through
    assert {id(tensor) for tensor in weights} <= {id(layer.weight) for layer in layers}
    widened = [layer.weight.float() for layer in layers if layer.weight.numel() > SMALL]
    widened += [weight.T for weight in widened if weight.ndim == 2]
    for tensor in kept:
        if tensor.dtype != FLOAT8:
            assert not any(tensor.shape == weight.shape and torch.equal(tensor, weight) for weight in widened)


LAYERS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "linear": lambda: (nn.Linear(5, 7), torch.randn(2, 3, 5)),
    "linear without a bias": lambda: (nn.Linear(5, 7, bias=False), torch.randn(4, 5)),
    "convolution": lambda: (nn.Conv2d(4, 6, 3, padding=1), torch.randn(2, 4, 8, 8)),
    "strided convolution": lambda: (nn.Conv2d(4, 6, 3, stride=2, padding=1), torch.randn(2, 4, 8, 8)),
    "grouped convolution": lambda: (nn.Conv2d(4, 6, 3, groups=2, dilation=2), torch.randn(2, 4, 8, 8)),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_computes_with_the_rounded_weight(kind: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, x = LAYERS[kind]()
    layer, x = layer.to(dtype).requires_grad_(False), x.to(dtype).requires_grad_()
    plain = type(layer).__new__(type(layer))
    plain.__dict__.update({**vars(layer), "_parameters": dict(layer._parameters)})
    plain._parameters["weight"] = nn.Parameter(layer.weight.to(FLOAT8).to(dtype), requires_grad=False)
    holder = _Holder(layer)
    keep_in_float8(holder)
    assert holder.layer.weight.dtype == FLOAT8
    (expected,) = torch.autograd.grad(plain(x).square().sum(), x)
    assert torch.equal(holder.layer(x), plain(x))
    (gradient,) = torch.autograd.grad(holder.layer(x).square().sum(), x)
    assert torch.allclose(gradient.float(), expected.float(), rtol=1e-2 if dtype != torch.float32 else 1e-5)


class _Holder(nn.Module):
    _skip_layerwise_casting_patterns = ("norm",)

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.norm_of_it = layer, nn.Linear(2, 2)


def test_a_class_that_does_not_say_what_to_keep_is_left_alone() -> None:
    assert can_float8(_Holder(nn.Linear(2, 2)), CPU) and not can_float8(nn.Linear(2, 2), CPU)
    assert not can_float8(_Holder(nn.Linear(2, 2)), torch.device("mps"))
    assert list(float8_layers(_Holder(nn.Linear(2, 2)))) == ["layer"]


def test_full_tuning_is_refused_in_words() -> None:
    with pytest.raises(StudioError, match="tiny-0 is kept in 8 bits, which full tuning cannot change.") as no:
        Full.start("<lily>", "cat", in_float8(tiny.backbone()), text_encoder=False)
    assert "--memory all" in no.value.hint


def test_some_layers_are_tuned_fully_without_losing_small_changes() -> None:
    backbone = in_float8(tiny.backbone())
    full = Full.start("<lily>", "cat", backbone, text_encoder=False, sites=backbone.value_sites)
    assert {name.removesuffix(".weight") for name in full.weights} == set(backbone.value_sites)
    latents, t = torch.randn(1, *backbone.latent_shape), torch.tensor([500])
    words = backbone.text.read(["a cat"])

    def predicted(strength: float) -> torch.Tensor:
        with torch.no_grad(), attach(backbone, [ActiveEdit(full, strength)]):
            return backbone.predict(latents, t, words)

    plain = predicted(0)
    assert torch.allclose(predicted(1), plain, atol=1e-5)  # copies of the very weights
    for weight in full.parameters():
        weight.data *= 1 + 1e-3  # less than a step of 8 bits
    half, whole = predicted(0.5) - plain, predicted(1) - plain
    assert whole.abs().max() > 1e-5 and torch.allclose(2 * half, whole, atol=1e-2 * whole.abs().max().item())


def test_an_edit_that_reads_weights_gets_the_right_ones() -> None:
    """Perfusion's global lock computes keys from the layer's own weight."""
    plain, narrow = tiny.backbone(), in_float8(tiny.backbone())
    generator = torch.Generator().manual_seed(0)
    width = plain.text.width
    targets = {
        site: torch.randn(plain.sites[site].out_features, generator=generator)
        for site in (*plain.key_sites, *plain.value_sites)
    }
    i_star = torch.randn(width, generator=generator)
    edit = RankOne("<lily>", "cat", i_star, i_star, targets)
    edit.global_lock = 0.5
    predictions, effects = [], []
    for backbone in (plain, narrow):
        edit.on_prompts(backbone, [("", "a photo of <lily>")])
        z, t = noise(backbone), backbone.at_noise(0.5, 2)
        with torch.no_grad():
            words = backbone.text.read(["", "a photo of a cat"])
            untouched = backbone.predict(z, t, words)
            with attach(backbone, [ActiveEdit(edit, handles=("<lily>",))]):
                predictions.append(backbone.predict(z, t, words))
        effects.append(predictions[-1] - untouched)
    assert cosine(*predictions) > 0.99
    assert effects[0].norm() > 0.05 * predictions[0].norm() and cosine(*effects) > 0.98
