"""Other programs' files and diffusers' own loaders, for the tests."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from studio.edits import attach
from studio.edits.concept import Concept
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from tests.by_hand import header, low_rank, word
from tests.models.test_families import pipeline_of

PROMPT = "a photo of {} on blue"


def tuned_concept(backbone: Backbone, handle: str = "<lily>") -> Concept:
    """Return a concept with a word and low-rank edits of attention in denoiser and text encoders."""
    named = header(backbone, {handle: "cat"})
    made = {**vars(named), "base_kind": backbone.kind}
    edits = (word(backbone, handle, "cat", 0), low_rank(backbone, handle, "cat", 0, rank=3))
    return Concept(type(named)(**made), edits).round_to_file()


def our_prediction(backbone: Backbone, concept: Concept) -> Tensor:
    """Return what the base predicts with the concept, by our edits, in the base's own precision.

    These concepts change it so much that rounding in float32 shows in the fourth digit.
    """
    prompt = PROMPT.format(concept.header.handle)
    for edit in concept.edits:
        edit.set_tensors({name: tensor.to(backbone.dtype) for name, tensor in edit.tensors().items()})
    with torch.no_grad(), attach(backbone, concept.active_edits(Recipe(prompt))):
        return backbone.predict(noisy(backbone), torch.tensor([500]), backbone.text.read([prompt]))


def noisy(backbone: Backbone) -> Tensor:
    """Return the latents of all predictions."""
    return torch.randn(1, *backbone.latent_shape, generator=torch.Generator().manual_seed(5))


def diffusers_pipeline(backbone: Backbone, tmp_path: Path) -> Any:
    """Return a diffusers pipeline with copies of a base's parts, so that loading changes nothing of it."""
    pipeline = copy.deepcopy(pipeline_of(backbone))
    for name in ("tokenizer", "tokenizer_2"):
        if (words := getattr(pipeline, name, None)) is not None:
            words.save_pretrained(tmp_path / name)
            setattr(pipeline, name, type(words).from_pretrained(tmp_path / name))
    return pipeline


def load_words(pipeline: Any, file: Path, token: str) -> None:
    """Load an embedding as diffusers' users do."""
    tensors = load_file(file)
    if "emb_params" in tensors:
        pipeline.load_textual_inversion(str(file), token=token)
        return
    for key, end in (("clip_l", ""), ("clip_g", "_2")):
        encoder, words = (getattr(pipeline, f"{part}{end}") for part in ("text_encoder", "tokenizer"))
        pipeline.load_textual_inversion(tensors[key], token=token, text_encoder=encoder, tokenizer=words)


def their_prediction(pipeline: Any, backbone: Backbone, token: str) -> Tensor:
    """Return what the pipeline's U-Net predicts of the same latents, read by its own text encoders."""
    prompt = PROMPT.format(token)
    size = backbone.resolution
    with torch.no_grad():
        if backbone.family == "stable_diffusion":
            hidden, _ = pipeline.encode_prompt(prompt, "cpu", 1, False)
            added = None
        else:
            hidden, _, pooled, _ = pipeline.encode_prompt(
                prompt, device="cpu", do_classifier_free_guidance=False
            )
            sizes = torch.tensor([[size, size, 0, 0, size, size]], dtype=backbone.dtype)
            added = {"text_embeds": pooled, "time_ids": sizes}
        arguments: Mapping[str, Any] = {"encoder_hidden_states": hidden, "added_cond_kwargs": added}
        return pipeline.unet(
            noisy(backbone).to(backbone.dtype), torch.tensor(500), **arguments
        ).sample.float()
