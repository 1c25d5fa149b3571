"""A random-weight backbone of the real architecture, small enough to train in milliseconds."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image, ImageDraw
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from studio.models.backbone import Backbone
from studio.models.families.stable_diffusion import StableDiffusion
from studio.models.families.stable_diffusion_xl import StableDiffusionXL
from studio.models.unet_backbone import UNetBackbone
from studio.photos.photo_set import PhotoSet

WORDS = ("a", "photo", "of", "the", "cat", "dog", "on", "blue", "background", "and", "sks")
WIDTH = 32


@cache
def tokenizer() -> CLIPTokenizer:
    """Letters, and a few words that are one token each."""
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
                vocabulary.append("".join(pair))
            pieces = ["".join(pair), *pieces[2:]]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(vocabulary))}
    made = CLIPTokenizer(vocab=ids, merges=merges)
    made.model_max_length = 24
    return made


def text_config(words: CLIPTokenizer, width: int = WIDTH, **more: object) -> CLIPTextConfig:
    """Return the config of a text encoder of two layers."""
    return CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=words.model_max_length,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        **more,
    )


def vae(attention: bool = False, **more: float) -> AutoencoderKL:
    """Return an autoencoder that halves the sides; real ones have self-attention in the middle."""
    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=16,
        mid_block_add_attention=attention,
        **more,
    )


def schedule(prediction_type: str = "epsilon") -> dict[str, object]:
    """Return the noise of Stable Diffusion."""
    return {
        "prediction_type": prediction_type,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "timestep_spacing": "trailing",
    }


def backbone(
    prediction_type: str = "epsilon",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    levels: int = 1,
    words: CLIPTokenizer | None = None,
    width: int = WIDTH,
    attention: bool = False,
) -> StableDiffusion:
    """Return a backbone of 16 px pictures.

    Args:
        levels: of cross-attention, one or two; one is enough for whatever does not look at several sizes.
        words: its tokenizer; None for the one of this file.
        width: of its text.
        attention: see `vae`.
    """
    torch.manual_seed(seed)
    words = words or tokenizer()
    text = CLIPTextModel(text_config(words, width))
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64)[:levels],
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        cross_attention_dim=width,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    noise = schedule(prediction_type)
    return StableDiffusion(f"tiny-{seed}", words, text, unet, vae(attention), noise, dtype=dtype)


def backbone_xl(
    prediction_type: str = "epsilon",
    dtype: torch.dtype = torch.float32,
    words: CLIPTokenizer | None = None,
    attention: bool = False,
    layers: int = 1,
) -> StableDiffusionXL:
    """Return a backbone of Stable Diffusion XL's classes, with cross-attention in its second level only.

    Args:
        layers: of each level; published models have two.
    """
    torch.manual_seed(0)
    words = words or tokenizer()
    second = text_config(words, 2 * WIDTH, hidden_act="gelu", projection_dim=2 * WIDTH)
    encoders = (CLIPTextModel(text_config(words)), CLIPTextModelWithProjection(second))
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=layers,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        cross_attention_dim=3 * WIDTH,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 2 * WIDTH,
        norm_num_groups=8,
    )
    parts = (*encoders, unet, vae(attention))
    return StableDiffusionXL("tiny-xl", words, *parts, schedule(prediction_type), dtype=dtype)


FAMILIES = {"stable_diffusion": backbone, "stable_diffusion_xl": backbone_xl}  # a tiny base of each


def photos(count: int = 3, side: int = 48, masked: str = "") -> PhotoSet:
    """Squares with a disc in each, all different; the disc is the mask of the handle `masked`."""
    squares, masks = [], []
    for index in range(count):
        picture = Image.new("RGB", (side, side), (40 * index + 30, 90, 200 - 40 * index))
        mask = Image.new("L", picture.size)
        disc = (6 + index, 6, side - 8, side - 8 - index)
        ImageDraw.Draw(picture).ellipse(disc, fill=(250, 180, 20))
        ImageDraw.Draw(mask).ellipse(disc, fill=255)
        squares.append(picture)
        masks.append(mask)
    return PhotoSet(tuple(squares), {masked: tuple(masks)} if masked else {})


def categories(count: int) -> tuple[str, ...]:
    """Captions that sort photos into two categories, one after the other."""
    return tuple(("red", "blue")[number % 2] for number in range(count))


def stencil(left: int, top: int, right: int, bottom: int, side: int = 48) -> Image.Image:
    """A mask of one rectangle."""
    mask = Image.new("L", (side, side))
    mask.paste(255, (left, top, right, bottom))
    return mask


LEFT, RIGHT = stencil(0, 0, 18, 48), stencil(30, 12, 48, 36)


def pair(lily: Image.Image | None = LEFT, tom: Image.Image | None = RIGHT) -> PhotoSet:
    """One photo of <lily> at the left and <tom> at the right, with these masks."""
    square = Image.new("RGB", LEFT.size, (60, 120, 200))
    square.paste((250, 180, 20), (0, 0), LEFT)
    square.paste((30, 160, 60), (0, 0), RIGHT)
    return PhotoSet((square,), {"<lily>": (lily,), "<tom>": (tom,)})


def denoiser(made: Backbone) -> nn.Module:
    """The U-Net or the transformer of a backbone."""
    return made.unet if isinstance(made, UNetBackbone) else made.transformer


def weights(made: Backbone) -> dict[str, np.ndarray]:
    """A copy of every number in the backbone."""
    encoders = made.text_encoders if isinstance(made, UNetBackbone) else {"text_encoder": made.text_encoder}
    parts = {"denoiser": denoiser(made), "vae": made.vae, **encoders}
    return {
        f"{part}.{name}": tensor.detach().clone().numpy()
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
