"""The painter: a small U-Net and text encoder trained together on cached latents of captioned scenes."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from . import crew
from .autoencoder import encode
from .budget import Budget, load_state, save_state
from .captioned import CaptionedLatents
from .drawings import Drawing
from .muon import optimizers, take_step
from .precision import mixed
from .scenes import caption, scenes
from .words import LONGEST

WIDTH = 128  # of text encoder and cross-attention
CHANNELS = (64, 128, 128)
RATE = 1.5e-3  # of learning
SINGLES_FIRST = 0.4  # share of a training from nothing that sees scenes of one object only


def build_text_encoder(tokenizer: CLIPTokenizer, width: int = WIDTH, layers: int = 3) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=LONGEST,
        projection_dim=width,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = CLIPTextModel(config)
    # A token that training never meets keeps a zero row: an unknown word in a prompt does little harm.
    table = model.get_input_embeddings().weight.data
    table.zero_()
    return model


def wake_words(model: CLIPTextModel, used: Tensor) -> None:
    """Give the rows `used` (token ids) their random start."""
    table = model.get_input_embeddings().weight.data
    table[used] = torch.randn(len(used), table.shape[1]) * 0.05


def build_unet(channels: tuple[int, ...] = CHANNELS, width: int = WIDTH) -> UNet2DConditionModel:
    """Cross-attention at 16x16, 8x8 and 4x4, one layer a block."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=channels,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=width,
        attention_head_dim=tuple(max(1, count // 32) for count in channels),  # diffusers: the number of heads
        norm_num_groups=16,
    )


def build_scheduler() -> DDIMScheduler:
    """v-prediction with a last timestep of pure noise (Lin et al. 2023), so that backgrounds obey."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=0,
    )


def timesteps(count: int, random: torch.Generator) -> Tensor:
    """(count,) mostly where structure is decided (logit-normal, median at 600 of 1000), a fifth uniform."""
    biased = torch.sigmoid(torch.randn(count, generator=random) * 1.1 + 0.4)
    uniform = torch.rand(count, generator=random)
    keep = torch.rand(count, generator=random) < 0.8
    return (torch.where(keep, biased, uniform) * 1000).long().clamp(0, 999)


class LatentScenes:
    """Cached scaled latents, each with what its captions are made from."""

    def __init__(self, latents: Tensor, subjects: list[tuple[list[str], str, str]]) -> None:
        self.latents = latents  # (n, 4, 16, 16) half precision, unit standard deviation
        self.subjects = subjects  # nouns, source, colour
        self.everything = torch.arange(len(subjects))
        self.singles = torch.tensor([i for i, (nouns, *_) in enumerate(subjects) if len(nouns) == 1])

    @classmethod
    def make(
        cls,
        drawings: list[Drawing],
        autoencoder: AutoencoderKL,
        count: int,
        device: str,
        two: float,
        seed: int = 1,
    ) -> LatentScenes:
        parts, subjects, pictures = [], [], []
        for scene in scenes(drawings, count, seed, two):
            pictures.append(np.asarray(scene.compose()))
            subjects.append((scene.nouns, scene.placements[0].drawing.source, scene.colour))
            if len(pictures) == 2000 or len(subjects) == count:
                pool = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
                parts.append((encode(autoencoder, pool, device) * autoencoder.config.scaling_factor).half())
                pictures = []
        return cls(torch.cat(parts), subjects)

    @classmethod
    def cached(
        cls,
        file: Path,
        drawings: list[Drawing],
        autoencoder: AutoencoderKL,
        count: int,
        device: str,
        two: float,
    ) -> LatentScenes:
        """Read `file`, or make the scenes, a share of `two` with two objects, and write it."""
        if file.exists():
            stored = torch.load(file, weights_only=True)
            return cls(stored["latents"], stored["subjects"])
        made = cls.make(drawings, autoencoder, count, device, two)
        torch.save({"latents": made.latents, "subjects": made.subjects}, file)
        return made

    def batch(
        self, count: int, random: torch.Generator, words: np.random.Generator, single: bool = False
    ) -> tuple[Tensor, list[str]]:
        """(count, 4, 16, 16) latents and a fresh caption for each; `single`: scenes of one object only."""
        pool = self.singles if single else self.everything
        which = pool[torch.randint(len(pool), (count,), generator=random)]
        captions = [caption(*self.subjects[i], words) for i in which.tolist()]
        return self.latents[which].float(), captions

    def captions(self, count: int = 40_000) -> list[str]:
        """A sample of what is said of the scenes, large enough to have every word in it."""
        words = np.random.default_rng(0)
        return [caption(*self.subjects[number % len(self.subjects)], words) for number in range(count)]


def tokens(tokenizer: CLIPTokenizer, captions: list[str], device: str) -> Tensor:
    """(n, LONGEST) token ids, padded with the end token."""
    return tokenizer(
        captions, padding="max_length", max_length=LONGEST, truncation=True, return_tensors="pt"
    ).input_ids.to(device)


def words_of(data: LatentScenes | CaptionedLatents, tokenizer: CLIPTokenizer) -> Tensor:
    """The token ids that training will meet."""
    return tokens(tokenizer, data.captions(), "cpu").unique()


class Painter(nn.Module):
    """Text encoder and U-Net as one module, for one optimizer and one average."""

    def __init__(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    @classmethod
    def of(cls, starter: Path) -> Painter:
        """The painter of a finished starter, in single precision."""
        return cls(
            CLIPTextModel.from_pretrained(starter / "text_encoder", dtype=torch.float32),
            UNet2DConditionModel.from_pretrained(starter / "unet", torch_dtype=torch.float32),
        )

    def forward(self, noisy: Tensor, timestep: Tensor, ids: Tensor) -> Tensor:
        return self.unet(noisy, timestep, self.text_encoder(ids).last_hidden_state).sample


def v_loss(
    painter: nn.Module, scheduler: DDIMScheduler, latents: Tensor, time: Tensor, ids: Tensor
) -> Tensor:
    """E |v - v_theta|^2 with v = sqrt(a) noise - sqrt(1 - a) latents (Salimans & Ho 2022, eq. 11).

    Unweighted: unlike signal-to-noise weights it does not vanish at pure noise, where the layout is chosen.
    """
    noise = torch.randn_like(latents)
    noisy = scheduler.add_noise(latents, noise, time)
    wanted = scheduler.get_velocity(latents, noise, time)
    with mixed(latents.device):
        predicted = painter(noisy, time, ids)
    return F.mse_loss(predicted.float(), wanted)


def average(mean: nn.Module, painter: nn.Module, step: int, decay: float = 0.999) -> None:
    """Exponential moving average of the weights, short at first."""
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for slow, fast in zip(mean.parameters(), painter.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)


def as_pipeline(
    painter: Painter, tokenizer: CLIPTokenizer, autoencoder: AutoencoderKL
) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=painter.text_encoder,
        tokenizer=tokenizer,
        unet=painter.unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def train(
    data: LatentScenes | CaptionedLatents,
    tokenizer: CLIPTokenizer,
    used: Tensor,
    file: Path,
    minutes: float,
    device: str = "cpu",
    batch: int = 48,
    rate: float = RATE,
    channels: tuple[int, ...] = CHANNELS,
    compiled: bool = True,
    start: Painter | None = None,
) -> Painter:
    """Train for `minutes`, resuming from `file`; returns the averaged weights.

    `start`: begin with the weights of a finished painter instead of random ones.
    """
    torch.manual_seed(0)
    singles_first = 0.0 if start else SINGLES_FIRST
    if start is None:
        start = Painter(build_text_encoder(tokenizer), build_unet(channels))
        wake_words(start.text_encoder, used)
    painter = start.to(device).train()
    mean = copy.deepcopy(painter).requires_grad_(False)
    pair = optimizers(painter, rate)
    scheduler = build_scheduler()
    budget = Budget(minutes, decay=0.35)
    step = load_state(file, budget, painter=painter, mean=mean, **pair)
    seed = int(crew.agree(time.time())) * 64 + crew.rank()
    torch.manual_seed(seed)
    random, words = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    run = torch.compile(painter) if compiled else painter
    losses = []
    while (progress := crew.agree(budget.progress)) < 1:
        latents, captions = data.batch(batch // crew.size(), random, words, single=progress < singles_first)
        ids = tokens(tokenizer, captions, device)
        loss = v_loss(run, scheduler, latents.to(device), timesteps(len(ids), random).to(device), ids)
        (loss / crew.size()).backward()
        crew.add_up(parameter.grad for parameter in painter.parameters() if parameter.grad is not None)
        nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        take_step(pair, rate * crew.agree(budget.rate))
        step += 1
        average(mean, painter, step)
        losses.append(loss.item())
        if crew.rank() == 0:
            if step % 50 == 0:
                print(f"{step} {budget.elapsed:.0f} s: loss {np.mean(losses[-50:]):.4f}", flush=True)
            if budget.due(4):
                save_state(file, budget, step, painter=painter, mean=mean, **pair)
    if crew.rank() == 0:
        save_state(file, budget, step, painter=painter, mean=mean, **pair)
    return mean
