"""Every family against its diffusers pipeline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import Tensor

from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.models.families import FAMILIES
from studio.recipes.recipe import Sampling
from tests import tiny, tiny_flux2_klein, tiny_z_image
from tests.tiny_families import FAMILIES as TINY

PROMPTS = ["a photo of a cat", "the dog on blue background", "a cat!", ""]
EXACT = {"rtol": 0, "atol": 1e-5}


def pipeline_of(base: Backbone):
    """Return the diffusers pipeline of the same parts, with the second tokenizer padding as published."""
    parts = {"vae": base.vae, "unet": base.unet, "scheduler": DDIMScheduler.from_config(base.schedule.config)}
    if base.family == "stable_diffusion":
        return StableDiffusionPipeline(
            tokenizer=base.tokenizer,
            text_encoder=base.text_encoder,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
            **parts,
        )
    return StableDiffusionXLPipeline(
        tokenizer=base.tokenizer, tokenizer_2=second_tokenizer(), **base.text_encoders, **parts
    )


def second_tokenizer():
    """Return the tokenizer that fills prompts up with the id 0, as the second one of published models."""
    words = tiny.tokenizer.__wrapped__()
    words.pad_token = words.convert_ids_to_tokens(0)
    assert words.pad_token_id == 0
    return words


def reference(base: Backbone, prompts: list[str], noisy: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return encodings and predictions as the pipeline computes them."""
    pipeline = pipeline_of(base)
    if base.family == "stable_diffusion":
        hidden, _ = pipeline.encode_prompt(prompts, "cpu", 1, False)
        return hidden, pipeline.unet(noisy, t, hidden).sample
    hidden, _, pooled, _ = pipeline.encode_prompt(prompts, device="cpu", do_classifier_free_guidance=False)
    side = base.resolution
    sizes = pipeline._get_add_time_ids(
        (side, side),
        (0, 0),
        (side, side),
        torch.float32,
        base.text_encoders["text_encoder_2"].config.projection_dim,
    )
    added = {"text_embeds": pooled, "time_ids": sizes.repeat(len(prompts), 1)}
    return hidden, pipeline.unet(noisy, t, hidden, added_cond_kwargs=added).sample


def inputs(base: Backbone) -> tuple[Tensor, Tensor]:
    """Return noisy latents and timesteps for `PROMPTS`."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(len(PROMPTS), *base.latent_shape, generator=generator), torch.tensor(
        [10, 400, 700, 990]
    )


def test_a_tiny_base_of_every_family_is_tried() -> None:
    transformers = {tiny_z_image.backbone().family, tiny_flux2_klein.backbone().family}
    assert {*tiny.FAMILIES, *transformers} == set(FAMILIES)


@pytest.mark.parametrize("family", tiny.FAMILIES)
@torch.no_grad()
def test_a_prediction_is_the_pipelines(family: str) -> None:
    base = tiny.FAMILIES[family]()
    noisy, t = inputs(base)
    hidden, expected = reference(base, PROMPTS, noisy, t)
    words = base.text.read(PROMPTS)
    torch.testing.assert_close(words.hidden, hidden, **EXACT)
    torch.testing.assert_close(base.predict(noisy, t, words), expected, **EXACT)


@pytest.mark.parametrize("family", tiny.FAMILIES)
@torch.no_grad()
def test_pictures_are_the_pipelines_step_by_step(family: str) -> None:
    """Guidance, sampler and decoding: four steps from the same noise."""
    base = tiny.FAMILIES[family]()
    noise = base.draw(base.latent_shape, torch.Generator().manual_seed(5))[None]
    options = {} if family == "stable_diffusion" else {"original_size": (16, 16), "target_size": (16, 16)}
    painted = pipeline_of(base)(
        "a cat",
        negative_prompt="dog",
        num_inference_steps=4,
        guidance_scale=3.0,
        latents=noise.clone(),
        height=16,
        width=16,
        output_type="pt",
        **options,
    ).images[0]
    *_, last = generate(base, Sampling(seed=5, steps=4, guidance=3.0).with_prompt("a cat", negative="dog"))
    ours = torch.from_numpy(np.asarray(last.value.image).copy()).permute(2, 0, 1) / 255
    assert (ours - painted).abs().max() <= 1.01 / 255


@torch.no_grad()
def test_the_second_encoder_reads_zeros_in_place_of_padding() -> None:
    """With the first one's padding its encodings would be others."""
    base = tiny.backbone_xl()
    right = base.text.read(["a cat"]).hidden
    base.text.second_pad_id = base.text.pad_id
    assert (base.text.read(["a cat"]).hidden - right)[:, 4:, tiny.WIDTH :].abs().max() > 1e-3


@pytest.mark.parametrize("published", [2, None])
@torch.no_grad()
def test_the_prompt_as_a_whole_is_read_at_the_first_end(published: int | None) -> None:
    """Published configs say `eos_token_id: 2`, for which transformers takes the largest id.

    With a new word whose id is larger than the end's, that would be the word.
    """
    base = tiny.backbone_xl()
    if published is not None:
        base.text_encoders["text_encoder_2"].config.eos_token_id = published
    word = torch.randn(2, base.text.width, generator=torch.Generator().manual_seed(3))
    with base.text.new_words({"<lily>": word}):
        words = base.text.read(["a <lily> on the blue cat"])
    (tokens,) = words.tokens
    second = base.text_encoders["text_encoder_2"]
    embedded = second.get_input_embeddings()(
        torch.tensor([[*tokens.ids[: tokens.end + 1], *[0] * (len(tokens.ids) - tokens.end - 1)]])
    )
    embedded[0, tokens.spans["<lily>"]] = word[:, tiny.WIDTH :]
    hook = second.get_input_embeddings().register_forward_hook(lambda module, inputs, output: embedded)
    try:
        read = second.text_model(input_ids=torch.zeros(1, len(tokens.ids), dtype=torch.long))
    finally:
        hook.remove()
    expected = second.text_projection(read.last_hidden_state[:, tokens.end])
    torch.testing.assert_close(words.pooled, expected, **EXACT)


@torch.no_grad()
def test_a_new_words_vectors_reach_both_encoders() -> None:
    base = tiny.backbone_xl()
    noun = base.text.embeddings_of("cat")
    assert noun.shape == (1, base.text.width)
    plain = base.text.read(["a cat"])
    for columns in (slice(None, tiny.WIDTH), slice(tiny.WIDTH, None)):
        changed = noun.clone()
        changed[:, columns] += 1
        with base.text.new_words({"<lily>": noun}):
            torch.testing.assert_close(base.text.read(["a <lily>"]).hidden, plain.hidden, **EXACT)
        with base.text.new_words({"<lily>": changed}):
            difference = (base.text.read(["a <lily>"]).hidden - plain.hidden).abs().amax((0, 1))
        assert difference[columns].max() > 1e-3
        difference[columns] = 0
        assert difference.max() < 1e-6


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_what_a_size_says_changes_the_picture_of_xl(prediction: str) -> None:
    """The U-Net is told the size: a larger picture is not the same as one that was scaled."""
    base = tiny.backbone_xl(prediction)
    told: list[Tensor] = []
    hook = base.unet.register_forward_pre_hook(
        lambda module, inputs, options: told.append(options["added_cond_kwargs"]["time_ids"]),
        with_kwargs=True,
    )
    words = base.text.read(["a cat"])
    with torch.no_grad():
        base.predict(torch.zeros(1, 4, 8, 8), torch.tensor([500]), words)
        base.predict(torch.zeros(1, 4, 12, 8), torch.tensor([500]), words)
    hook.remove()
    assert told[0].tolist() == [[16, 16, 0, 0, 16, 16]]
    assert told[1].tolist() == [[24, 16, 0, 0, 24, 16]]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_attention_is_recorded_where_objects_are_told_apart(family: str) -> None:
    base = tiny.FAMILIES[family]()
    with torch.no_grad(), base.require_attention().record(base.attention_side) as maps:
        base.predict(torch.zeros(1, *base.latent_shape), torch.tensor([500]), base.text.read(["a cat"]))
    assert maps.maps and maps.word([1], base.attention_side).shape == (
        1,
        base.attention_side,
        base.attention_side,
    )


@pytest.mark.parametrize("family", sorted(TINY))
def test_what_a_family_says_before_a_base_is_loaded_is_true_of_its_bases(family: str) -> None:
    base = TINY[family]()
    assert base.has_text_layers == (bool(base.key_sites) and bool(base.value_sites))
    assert base.has_text_layers == bool(base.text_blocks)
    assert base.records_attention == (base.attention is not None)
