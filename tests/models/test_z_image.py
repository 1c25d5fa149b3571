"""Z-Image against its diffusers pipeline, and the traps that it sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

from studio.edits import ActiveEdit, EditMask, LowRank, attach
from studio.edits.concept import Concept
from studio.edits.edit import Edit
from studio.errors import StudioError
from studio.generation.generate import generate
from studio.models.families.z_image import ZImage
from studio.models.opening import open_backbone
from studio.recipes.recipe import MODES, Recipe, Sampling
from tests import tiny_z_image
from tests.trainers.battery import SUBJECT, learn, photos, picture
from tests.variations import slow_but
from trainers import METHODS, train

PROMPTS = ["a photo of a cat", "the dog on blue background, and more", ""]
REFUSED = ("perfusion", "disendiff", "neti")  # they need layers that read the prompt alone
EXACT = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def base() -> ZImage:
    return tiny_z_image.backbone()


def pipeline_of(base: ZImage) -> ZImagePipeline:
    return ZImagePipeline(
        FlowMatchEulerDiscreteScheduler.from_config(base.schedule.config),
        base.vae,
        base.text_encoder,
        base.text.tokenizer,
        base.transformer,
    )


@torch.no_grad()
def test_prompts_are_read_as_the_pipeline_reads_them(base: ZImage) -> None:
    theirs, _ = pipeline_of(base).encode_prompt(
        list(PROMPTS), "cpu", do_classifier_free_guidance=False, max_sequence_length=tiny_z_image.TOKENS
    )
    ours = base.text.read(PROMPTS)
    for hidden, present, expected in zip(ours.hidden, ours.present, theirs, strict=True):
        torch.testing.assert_close(hidden[present], expected, **EXACT)


@torch.no_grad()
def test_a_prediction_is_the_pipelines(base: ZImage) -> None:
    """Time runs backwards, the output is negated, and prompts have different lengths."""
    noisy = torch.randn(3, *base.latent_shape, generator=torch.Generator().manual_seed(1))
    t = torch.tensor([20.0, 500.0, 980.0])
    theirs, _ = pipeline_of(base).encode_prompt(
        list(PROMPTS), "cpu", do_classifier_free_guidance=False, max_sequence_length=tiny_z_image.TOKENS
    )
    output = base.transformer(list(noisy[:, :, None]), (1000 - t) / 1000, theirs, return_dict=False)[0]
    ours = base.predict(noisy, t, base.text.read(PROMPTS))
    torch.testing.assert_close(ours, -torch.stack(output).squeeze(2), **EXACT)
    assert ours.std() > 1e-3


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_picture_is_the_pipelines_at_a_guidance_one_lower(base: ZImage, guidance: float) -> None:
    noise = base.draw(base.latent_shape, torch.Generator().manual_seed(5))[None]
    painted = pipeline_of(base)(
        "a cat",
        negative_prompt="dog",
        num_inference_steps=4,
        guidance_scale=guidance - 1,
        latents=noise.clone(),
        height=16,
        width=16,
        output_type="pt",
        max_sequence_length=tiny_z_image.TOKENS,
    ).images[0]
    recipe = Sampling(seed=5, steps=4, guidance=guidance).with_prompt("a cat", negative="dog")
    *_, last = generate(base, recipe)
    ours = torch.from_numpy(np.asarray(last.value.image).copy()).permute(2, 0, 1) / 255
    assert (ours - painted.detach()).abs().max() <= 1.01 / 255


def test_levels_of_the_sampler_are_the_schedulers(base: ZImage) -> None:
    bare = FlowMatchEulerDiscreteScheduler.from_config(base.schedule.config)
    bare.set_timesteps(sigmas=np.linspace(1, 1 / 6, 6))
    sampler = base.sampler(6)
    torch.testing.assert_close(sampler.timesteps, bare.timesteps, rtol=0, atol=1e-3)
    x = torch.randn(1, *base.latent_shape)
    for number, t in enumerate(bare.timesteps):
        prediction = torch.randn_like(x)
        expected = bare.step(prediction, t, x).prev_sample
        x = sampler.step(prediction, number, x)
        torch.testing.assert_close(x, expected, **EXACT)


def test_noise_and_target_lie_on_a_straight_path(base: ZImage) -> None:
    latents, noise = torch.randn(2, 2, *base.latent_shape)
    t = base.at_noise(0.25, 2)
    torch.testing.assert_close(base.add_noise(latents, noise, t), 0.75 * latents + 0.25 * noise)
    ahead = base.add_noise(latents, noise, t + 10) - base.add_noise(latents, noise, t)
    torch.testing.assert_close(ahead, 0.01 * base.target(latents, noise, t), rtol=1e-3, atol=1e-5)
    assert base.noise_share(t).tolist() == [0.25, 0.25]


def test_training_levels_are_shifted_towards_noise(base: ZImage) -> None:
    """The median of a logit-normal is 1/2, and s/(1+s) once shifted by s."""
    drawn = base.draw_timesteps(4000, torch.Generator().manual_seed(0))
    assert drawn.min() > 0 and drawn.max() < 1000
    assert drawn.median().item() / 1000 == pytest.approx(0.75, abs=0.02)
    plain = tiny_z_image.backbone(shift=1.0).draw_timesteps(4000, torch.Generator().manual_seed(0))
    assert plain.median().item() / 1000 == pytest.approx(0.5, abs=0.02)


@torch.no_grad()
def test_a_new_word_stands_for_the_noun_with_its_space(base: ZImage) -> None:
    noun = base.text.embeddings_of("cat")
    for prompt in ("a {} on blue", "{} and a dog", "a photo of a {}"):
        plain = base.text.read([prompt.format("cat")])
        with base.text.new_words({"<lily>": noun}):
            starred = base.text.read([prompt.format("<lily>")])
        if not prompt.startswith("{"):  # a first word has no space before it in the plain prompt
            torch.testing.assert_close(starred.hidden[starred.present], plain.hidden[plain.present], **EXACT)
        assert len(starred.tokens[0].spans["<lily>"]) == len(noun)
    tokens = base.text.tokenize("a cat")
    assert base.text.names_of(tokens) == ["a", "cat"]
    assert base.text.tokenizer.decode([tokens.ids[tokens.end]]) == "<|im_end|>"


def test_a_long_prompt_keeps_the_template_around_what_fits(base: ZImage) -> None:
    tokens = base.text.tokenize("a cat on blue " * 30)
    assert tokens.dropped > 0 and len(tokens.ids) == tiny_z_image.TOKENS
    assert base.text.tokenizer.decode(tokens.ids).endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize(
    "method_id", slow_but(("break_a_scene", "dreambooth"), [name for name in METHODS if name not in REFUSED])
)
def test_these_methods_learn_are_kept_and_paint(base: ZImage, method_id: str, tmp_path: Path) -> None:
    concept = learn(method_id, base, tmp_path)
    concept.save(tmp_path / "lily.safetensors")
    named = picture(base, "a <lily> on blue", [concept])
    assert not np.array_equal(named, picture(base, "a cat on blue", []))
    zero = picture(base, "a <lily> on blue", [concept], strengths={"<lily>": 0.0})
    assert np.array_equal(zero, picture(base, "a cat on blue", []))
    assert concept.header.base_kind == f"z_image {tiny_z_image.WIDTH}"


def test_what_is_tuned_are_the_main_layers(base: ZImage) -> None:
    sites = base.low_rank_sites(text_encoder=False)
    assert len(sites) == 2 * 7 and all(site.startswith("transformer.layers.") for site in sites)
    with_text = set(base.low_rank_sites(text_encoder=True)) - set(sites)
    assert len(with_text) == 2 * 4 and not any(".layers.2." in site for site in with_text)


@pytest.mark.parametrize("method_id", REFUSED)
def test_these_methods_say_why_they_have_no_meaning_there(
    method_id: str, base: ZImage, tmp_path: Path
) -> None:
    with pytest.raises(StudioError, match="no layer of it reads the prompt alone"):
        learn(method_id, base, tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_two_concepts_are_composed_in_every_way(base: ZImage, mode: str, tmp_path: Path) -> None:
    lily = learn("dreambooth", base, tmp_path)
    header = dataclasses.replace(lily.header, handles={"<tom>": "dog"})
    tom = Concept(header, tuple(renamed(edit) for edit in lily.edits))
    box = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 1.0)}
    for regions in ({}, box):
        recipe = {"composing": mode, "regions": regions}
        both = picture(base, "a <lily> and a <tom>", [lily, tom], **recipe)
        alone = picture(base, "a <lily> and a <tom>", [lily, tom], strengths={"<tom>": 0.0}, **recipe)
        assert not np.array_equal(both, alone)


@pytest.mark.parametrize(
    ("site", "in_area", "size"),
    [
        ("context_refiner.0.attention.to_q", False, (16, 16)),
        ("context_refiner.0.feed_forward.w1", True, (16, 16)),
        ("noise_refiner.0.attention.to_q", True, (16, 16)),
        ("noise_refiner.0.attention.to_v", True, (24, 20)),
    ],
)
@torch.no_grad()
def test_an_edit_of_a_refiner_acts_at_its_tokens_or_in_its_area(
    site: str, in_area: bool, size: tuple[int, int]
) -> None:
    """Its sequences are filled up: of 16 or 30 cells, or more than 64 tokens, to a multiple of 32."""
    base = tiny_z_image.backbone(tokens=128)
    words = base.text.read(["a cat", "a photo of the cat and a dog on blue background " * 6])
    assert words.present is not None and 64 < words.present.sum(1)[1] <= 96
    own = torch.zeros(2, words.present.shape[1])
    own[1, words.present[1].nonzero()[66]] = 1  # far back, and none in the negative prompt
    layer = base.sites[f"transformer.{site}"]
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(2, layer.in_features, generator=generator)
    edit = LowRank("<lily>", "cat", {f"transformer.{site}": A}, {f"transformer.{site}": layer.weight[:, :2]})
    noisy = torch.randn(1, *base.shape_of(*size), generator=generator).expand(2, -1, -1, -1)
    height, width = noisy.shape[-2] // 2, noisy.shape[-1] // 2
    assert height * width % 32
    area = (torch.arange(2 * width) < width).float().repeat(2 * height, 1) if in_area else None
    outputs: list[torch.Tensor] = []
    for actives in ([], [ActiveEdit(edit, mask=EditMask(own, area))]):
        with attach(base, actives):
            hook = layer.register_forward_hook(lambda layer, arguments, output: outputs.append(output))
            base.predict(noisy, torch.tensor([500.0, 500.0]), words)
            hook.remove()
    changed = (outputs[1] != outputs[0]).any(-1)
    expected = torch.zeros_like(changed)
    if site.startswith("context"):
        expected[1, 66] = True
    else:
        columns = torch.arange(width) < (width + 1) // 2  # a cell in the middle is half in the area
        expected[:, : height * width] = columns.repeat(height)
    assert torch.equal(changed, expected)


def renamed(edit: Edit) -> Edit:
    """Return a copy of an edit under the handle <tom>."""
    tensors = {name.replace("<lily>", "<tom>"): tensor.clone() for name, tensor in edit.tensors().items()}
    return type(edit).from_tensors("<tom>", "dog", tensors, {})


def test_a_distilled_base_paints_and_does_not_learn(base: ZImage, tmp_path: Path) -> None:
    """Tuned, it would forget how to paint in few steps."""
    pipeline_of(base).save_pretrained(tmp_path / "Z-Image-Turbo")
    turbo, shown = open_backbone(tmp_path / "Z-Image-Turbo"), photos("textual_inversion")
    with pytest.raises(StudioError, match="was distilled to few steps"):
        next(train(METHODS["textual_inversion"], turbo, shown, SUBJECT, {}, Sampling(), tmp_path))
    picture(turbo, "a <lily>", [learn("textual_inversion", base, tmp_path)])


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M Karras"])
def test_samplers_that_are_not_defined_there_are_refused(base: ZImage, sampler: str) -> None:
    with pytest.raises(StudioError, match="cannot be sampled with"):
        list(generate(base, Recipe("a cat", sampler=sampler)))


def test_a_folder_of_it_opens_again(base: ZImage, tmp_path: Path) -> None:
    pipeline_of(base).save_pretrained(tmp_path / "z")
    opened = open_backbone(tmp_path / "z")
    assert (opened.family, opened.fingerprint, opened.resolution) == ("z_image", base.fingerprint, 16)
    half = open_backbone(tmp_path / "z", dtype=torch.bfloat16)
    assert half.fingerprint == base.fingerprint and half.transformer.dtype == torch.bfloat16
