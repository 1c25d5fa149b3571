"""FLUX.2 klein against its diffusers pipeline, and the traps that it sets."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline
from torch import Tensor

from studio.edits.concept import Concept
from studio.edits.edit import EditMask
from studio.errors import StudioError
from studio.generation.conditions import Conditions
from studio.generation.generate import generate
from studio.generation.sampling import sample
from studio.models.families import flux2_klein
from studio.models.families.flux2_klein import Flux2Klein
from studio.models.joint_attention import Layout
from studio.models.opening import open_backbone
from studio.recipes.recipe import MODES, Recipe, Sampling
from tests import tiny_flux2_klein as tiny_klein
from tests.models.test_z_image import renamed
from tests.trainers.battery import SUBJECT, learn, photos, picture
from tests.variations import slow_but
from trainers import METHODS, train

PROMPTS = ["a photo of a cat", "the dog on blue background, and more", ""]
REFUSED = ("perfusion", "disendiff", "neti")  # they need layers that read the prompt alone
EXACT = {"rtol": 0, "atol": 1e-5}
READING = {"max_sequence_length": tiny_klein.TOKENS, "text_encoder_out_layers": tiny_klein.LAYERS}
DOUBLE, SINGLE = "transformer.transformer_blocks.0.", "transformer.single_transformer_blocks.0."


@pytest.fixture(scope="module")
def base() -> Flux2Klein:
    return tiny_klein.backbone()


def pipeline_of(base: Flux2Klein, is_distilled: bool = False) -> Flux2KleinPipeline:
    return Flux2KleinPipeline(
        FlowMatchEulerDiscreteScheduler.from_config(base.schedule.config),
        base.vae,
        base.text_encoder,
        base.text.tokenizer,
        base.transformer,
        is_distilled,
    )


@torch.no_grad()
def test_prompts_are_read_as_the_pipeline_reads_them(base: Flux2Klein) -> None:
    """Without thinking, three layers side by side, and the padding too."""
    theirs, _ = pipeline_of(base).encode_prompt(PROMPTS, **READING)
    ours = base.text.read(PROMPTS)
    torch.testing.assert_close(ours.hidden, theirs, rtol=0, atol=1e-6)
    assert ours.present is None and theirs.std() > 1e-2


def test_it_reads_the_layers_and_tokens_that_the_pipeline_reads() -> None:
    defaults = inspect.signature(Flux2KleinPipeline.__call__).parameters
    assert defaults["text_encoder_out_layers"].default == flux2_klein.TEXT_LAYERS
    assert defaults["max_sequence_length"].default == flux2_klein.TEXT_TOKENS


@pytest.mark.parametrize("shape", [(4, 4), (6, 4)])
@torch.no_grad()
def test_a_prediction_is_the_pipelines(base: Flux2Klein, shape: tuple[int, int]) -> None:
    pipeline = pipeline_of(base)
    noisy = torch.randn(3, 16, *shape, generator=torch.Generator().manual_seed(1))
    t = torch.tensor([20.0, 500.0, 980.0])
    theirs, text_ids = pipeline.encode_prompt(PROMPTS, **READING)
    places = pipeline._prepare_latent_ids(noisy)
    output = base.transformer(
        hidden_states=pipeline._pack_latents(noisy),
        encoder_hidden_states=theirs,
        timestep=t / 1000,
        img_ids=places,
        txt_ids=text_ids,
        return_dict=False,
    )[0]
    ours = base.predict(noisy, t, base.text.read(PROMPTS))
    torch.testing.assert_close(ours, pipeline._unpack_latents_with_ids(output, places), **EXACT)
    assert ours.std() > 1e-2


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("size", [(16, 16), (24, 16)])
@torch.no_grad()
def test_latents_and_pictures_are_the_pipelines(
    base: Flux2Klein, guidance: float, size: tuple[int, int]
) -> None:
    """Four steps, whose noise levels depend on the size, with guidance as the pipeline counts it."""
    pipeline, (width, height) = pipeline_of(base), size
    noise = base.draw(base.shape_of(width, height), torch.Generator().manual_seed(5))[None]
    negative, _ = pipeline.encode_prompt("dog", **READING)
    latents, painted = (
        pipeline(
            prompt="a cat",
            negative_prompt_embeds=negative,
            num_inference_steps=4,
            guidance_scale=guidance,
            latents=noise.clone(),
            height=height,
            width=width,
            output_type=kind,
            **READING,
        ).images[0]
        for kind in ("latent", "pt")
    )
    chosen = Sampling(seed=5, steps=4, guidance=guidance, width=width, height=height)
    *_, last = sample(base, chosen, Conditions.of(base.text.read(["dog", "a cat"])), [5])
    torch.testing.assert_close(base.unscaled(last)[0], latents, **EXACT)
    (ours,) = base.decode(last)
    pixels = torch.from_numpy(np.asarray(ours).copy()).permute(2, 0, 1) / 255
    assert (pixels - painted).abs().max() <= 0.51 / 255
    recipe = chosen.with_prompt("a cat", negative="dog")
    *_, generated = generate(base, recipe)
    assert np.array_equal(np.asarray(generated.value.image), np.asarray(ours))


@torch.no_grad()
def test_photos_are_encoded_as_the_pipeline_encodes_pictures(base: Flux2Klein) -> None:
    """Squares of cells become channels, and each channel is normalised; the noise of the posterior too."""
    photo = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    pixels = torch.from_numpy(photo).permute(0, 3, 1, 2) / 127.5 - 1
    pipeline = pipeline_of(base)
    mean, std = base.encode_photos(photo)
    torch.testing.assert_close(mean, pipeline._encode_vae_image(pixels, None), **EXACT)
    posterior = base.vae.encode(pixels).latent_dist
    noise = torch.randn_like(posterior.mean)
    drawn = base.unscaled(mean + std * pipeline._patchify_latents(noise))
    torch.testing.assert_close(drawn, posterior.mean + posterior.std * noise, **EXACT)


@pytest.mark.parametrize("size", [(16, 16), (64, 32)])
@pytest.mark.parametrize("steps", [4, 20])
def test_noise_levels_depend_on_the_size_and_the_steps(
    base: Flux2Klein, size: tuple[int, int], steps: int
) -> None:
    bare = FlowMatchEulerDiscreteScheduler.from_config(base.schedule.config)
    shape = base.shape_of(*size)
    mu = flux2_klein.compute_empirical_mu(shape[1] * shape[2], steps)
    bare.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), mu=mu)
    sampler = base.sampler(steps, shape=shape)
    torch.testing.assert_close(sampler.timesteps, bare.timesteps, rtol=0, atol=1e-3)
    usual = base.sampler(steps)
    assert torch.equal(usual.timesteps, sampler.timesteps) is (shape == base.latent_shape)


def test_a_picture_goes_on_with_the_levels_of_its_size(base: Flux2Klein) -> None:
    """After its regions are found, the sampler is a fresh one."""
    words = Conditions.of(base.text.read(["dog", "a cat"]))
    chosen = Sampling(seed=5, steps=4, guidance=2.0, width=64, height=32)
    whole = list(sample(base, chosen, words, [5]))
    rest = list(sample(base, chosen, words, [5], start=2, latents=whole[1]))
    assert torch.equal(rest[-1], whole[-1])


def test_training_levels_are_shifted_by_the_size(base: Flux2Klein) -> None:
    """The median of a logit-normal is 1/2, and s/(1+s) once shifted by s."""
    shift = base.shift_of(base.latent_shape, 200)
    drawn = base.draw_timesteps(4000, torch.Generator().manual_seed(0))
    assert drawn.min() > 0 and drawn.max() < 1000
    assert drawn.median().item() / 1000 == pytest.approx(shift / (1 + shift), abs=0.02)
    assert base.shift_of((16, 64, 64), 200) > shift > 1


@pytest.mark.parametrize(
    "method_id", slow_but(("break_a_scene", "dreambooth"), [name for name in METHODS if name not in REFUSED])
)
def test_these_methods_learn_are_kept_and_paint(base: Flux2Klein, method_id: str, tmp_path: Path) -> None:
    concept = learn(method_id, base, tmp_path)
    concept.save(tmp_path / "lily.safetensors")
    concept = Concept.open(tmp_path / "lily.safetensors")
    named = picture(base, "a <lily> on blue", [concept])
    assert not np.array_equal(named, picture(base, "a cat on blue", []))
    zero = picture(base, "a <lily> on blue", [concept], strengths={"<lily>": 0.0})
    assert np.array_equal(zero, picture(base, "a cat on blue", []))
    assert concept.header.base_kind == f"flux2_klein {tiny_klein.WIDTH}"


@pytest.mark.parametrize("method_id", REFUSED)
def test_these_methods_say_why_they_have_no_meaning_there(
    method_id: str, base: Flux2Klein, tmp_path: Path
) -> None:
    with pytest.raises(StudioError, match="no layer of it reads the prompt alone"):
        learn(method_id, base, tmp_path)


def test_what_is_tuned_includes_the_layers_that_do_two_things_at_once(base: Flux2Klein) -> None:
    sites = base.low_rank_sites(text_encoder=False)
    assert {f"{SINGLE}attn.to_qkv_mlp_proj", f"{SINGLE}attn.to_out"} <= set(sites)
    assert {f"{DOUBLE}attn.to_out.0", f"{DOUBLE}attn.add_k_proj", f"{DOUBLE}ff.linear_in"} <= set(sites)
    assert len(sites) == 2 * 12 + 2 * 2
    with_text = set(base.low_rank_sites(text_encoder=True)) - set(sites)
    assert len(with_text) == max(tiny_klein.LAYERS) * 4 and not any(".layers.4." in s for s in with_text)


def test_every_layer_is_fed_by_what_is_said_of_it(base: Flux2Klein) -> None:
    """Tokens, cells, or both in one sequence: the masks of edits depend on it."""
    tokens, cells = tiny_klein.TOKENS, 24
    read = base.text.read(["a cat", "dog"])
    lengths = input_shapes(base, lambda: base.predict(torch.randn(2, 16, 6, 4), torch.tensor(500.0), read))
    fed = {site: shape[1] for site, shape in lengths.items() if len(shape) == 3 and shape[1] > 1}
    assert {*base.low_rank_sites(False), "transformer.context_embedder", "transformer.x_embedder"} <= set(fed)
    for site, positions in fed.items():
        assert base.reads_text(site) is (positions == tokens), site
        assert base.reads_both(site) is (positions == tokens + cells), site


def input_shapes(base: Flux2Klein, predict: Callable[[], Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of what every layer of the transformer is fed, by its path."""
    shapes: dict[str, tuple[int, ...]] = {}
    with ExitStack() as hooks, torch.no_grad():
        for site, layer in base.linear_sites("").items():
            keep = partial(lambda site, layer, given: shapes.__setitem__(site, given[0].shape), site)
            hooks.enter_context(layer.register_forward_pre_hook(keep))
        predict()
    return shapes


@torch.no_grad()
def test_an_edits_mask_stands_where_each_layers_cells_and_tokens_do(base: Flux2Klein) -> None:
    tokens = torch.zeros(2, tiny_klein.TOKENS)
    tokens[1, 3] = 1
    area = torch.zeros(4, 4)
    area[:, :2] = 0.5
    present = torch.ones(2, tiny_klein.TOKENS, dtype=torch.bool)
    with base.attention.predicting(Layout(4, 4, present, first_cell=tiny_klein.TOKENS, first_token=0)):
        rows = partial(EditMask(tokens, area).rows, base)
        both = rows(f"{SINGLE}attn.to_out", 2, tiny_klein.TOKENS + 16)
        assert torch.equal(both, torch.cat([tokens, area.flatten().expand(2, -1)], 1))
        assert torch.equal(rows(f"{DOUBLE}attn.add_k_proj", 2, tiny_klein.TOKENS), tokens)
        assert torch.equal(rows(f"{DOUBLE}attn.to_k", 2, 16), area.flatten()[None])


@pytest.mark.parametrize("mode", MODES)
def test_two_concepts_are_composed_in_every_way(base: Flux2Klein, mode: str, tmp_path: Path) -> None:
    lily = learn("dreambooth", base, tmp_path)
    header = dataclasses.replace(lily.header, handles={"<tom>": "dog"})
    tom = Concept(header, tuple(renamed(edit) for edit in lily.edits))
    box = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 1.0)}
    for regions in ({}, box):
        recipe = {"composing": mode, "regions": regions}
        both = picture(base, "a <lily> and a <tom>", [lily, tom], **recipe)
        alone = picture(base, "a <lily> and a <tom>", [lily, tom], strengths={"<tom>": 0.0}, **recipe)
        assert not np.array_equal(both, alone)


def test_a_distilled_base_paints_and_does_not_learn(base: Flux2Klein, tmp_path: Path) -> None:
    """Tuned, it would forget how to paint in few steps. Its folder says what it is."""
    pipeline_of(base, is_distilled=True).save_pretrained(tmp_path / "klein")
    distilled = open_backbone(tmp_path / "klein")
    assert not base.untrainable and "FLUX.2 klein base" in distilled.untrainable
    shown = photos("textual_inversion")
    with pytest.raises(StudioError, match="was distilled to few steps"):
        next(train(METHODS["textual_inversion"], distilled, shown, SUBJECT, {}, Sampling(), tmp_path))
    concept = learn("textual_inversion", base, tmp_path)
    recipe = Sampling(steps=4, guidance=1.0).with_prompt("a <lily>")
    *_, last = generate(tiny_klein.backbone(is_distilled=True), recipe, [concept])
    assert last.value.image.size == (16, 16)


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M Karras"])
def test_samplers_that_are_not_defined_there_are_refused(base: Flux2Klein, sampler: str) -> None:
    with pytest.raises(StudioError, match="cannot be sampled with"):
        list(generate(base, Recipe("a cat", sampler=sampler)))


def test_a_folder_of_it_opens_again(base: Flux2Klein, tmp_path: Path) -> None:
    pipeline_of(base).save_pretrained(tmp_path / "klein")
    opened = open_backbone(tmp_path / "klein")
    assert (opened.family, opened.fingerprint, opened.resolution) == ("flux2_klein", base.fingerprint, 16)
    half = open_backbone(tmp_path / "klein", dtype=torch.bfloat16)
    assert half.fingerprint == base.fingerprint and half.transformer.dtype == torch.bfloat16
    assert half.vae.bn.running_mean.dtype == torch.float32 and not opened.untrainable
