"""Train the diffusion model: a small U-Net and text encoder together, on cached latents of scenes."""

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

from . import worker_processes
from .autoencoder import encode
from .captioned_folder import CaptionedLatents
from .drawings import Drawing
from .muon import build_optimizers, step_optimizers
from .precision import autocast
from .scenes import caption, random_scenes
from .timed_training import TrainingTimer, load_checkpoint, save_checkpoint
from .vocabulary import MAX_TOKENS

TEXT_WIDTH = 128  # of text encoder and cross-attention
CHANNELS = (64, 128, 128)
LEARNING_RATE = 1.5e-3
ONE_OBJECT_SHARE = 0.4  # of a training from random weights: its beginning, on scenes of one object only


def build_text_encoder(tokenizer: CLIPTokenizer, width: int = TEXT_WIDTH, layers: int = 3) -> CLIPTextModel:
    """Build an untrained text encoder whose token embeddings are all zero."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=MAX_TOKENS,
        projection_dim=width,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = CLIPTextModel(config)
    # A token that never occurs in training keeps its zero embedding, so an unknown word in a prompt has
    # little effect.
    embedding = model.get_input_embeddings().weight.data
    embedding.zero_()
    return model


def initialise_embeddings(model: CLIPTextModel, used: Tensor) -> None:
    """Set the embeddings of the token ids `used` (n,) to small random vectors."""
    embedding = model.get_input_embeddings().weight.data
    embedding[used] = torch.randn(len(used), embedding.shape[1]) * 0.05


def build_unet(channels: tuple[int, ...] = CHANNELS, width: int = TEXT_WIDTH) -> UNet2DConditionModel:
    """Build an untrained U-Net with cross-attention at 16x16, 8x8 and 4x4, one layer per block.

    `channels`: width per resolution. `width`: that of the text encoder.
    """
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
    """Build the noise schedule: v-prediction and zero terminal signal-to-noise ratio (Lin et al. 2023)."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        # With pure noise at the last timestep, plain backgrounds get the colour that the prompt names.
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=0,
    )


def sample_timesteps(count: int, random: torch.Generator) -> Tensor:
    """Draw (count,) training timesteps, 0..999.

    Four fifths are logit-normal with median 600, where the layout is decided; the rest are uniform.
    """
    biased = torch.sigmoid(torch.randn(count, generator=random) * 1.1 + 0.4)
    uniform = torch.rand(count, generator=random)
    use_biased = torch.rand(count, generator=random) < 0.8
    return (torch.where(use_biased, biased, uniform) * 1000).long().clamp(0, 999)


class SceneLatents:
    """Training data for the diffusion model: latents of scenes, and what their captions are made from.

    `latents` (n, 4, 16, 16): scaled to unit standard deviation, half precision.
    `subjects`: for each scene its nouns, source and background colour.
    """

    def __init__(self, latents: Tensor, subjects: list[tuple[list[str], str, str]]) -> None:
        self.latents = latents
        self.subjects = subjects
        self.all_indices = torch.arange(len(subjects))
        self.one_object_indices = torch.tensor(
            [i for i, (nouns, *_) in enumerate(subjects) if len(nouns) == 1]
        )

    @classmethod
    def from_drawings(
        cls,
        drawings: list[Drawing],
        autoencoder: AutoencoderKL,
        count: int,
        device: str,
        two_objects_share: float,
        seed: int = 1,
    ) -> SceneLatents:
        """Draw and encode `count` random scenes, a share of `two_objects_share` with two objects."""
        parts, subjects, pictures = [], [], []
        for scene in random_scenes(drawings, count, seed, two_objects_share):
            pictures.append(np.asarray(scene.compose()))
            subjects.append((scene.nouns, scene.placements[0].drawing.source, scene.colour))
            if len(pictures) == 2000 or len(subjects) == count:
                stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
                parts.append(
                    (encode(autoencoder, stacked, device) * autoencoder.config.scaling_factor).half()
                )
                pictures = []
        return cls(torch.cat(parts), subjects)

    @classmethod
    def load_or_make(
        cls,
        file: Path,
        drawings: list[Drawing],
        autoencoder: AutoencoderKL,
        count: int,
        device: str,
        two_objects_share: float,
    ) -> SceneLatents:
        """Read the latents from `file`; if it does not exist, make them with `from_drawings` and write it."""
        if file.exists():
            stored = torch.load(file, weights_only=True)
            return cls(stored["latents"], stored["subjects"])
        made = cls.from_drawings(drawings, autoencoder, count, device, two_objects_share)
        torch.save({"latents": made.latents, "subjects": made.subjects}, file)
        return made

    def batch(
        self,
        count: int,
        random: torch.Generator,
        caption_random: np.random.Generator,
        one_object: bool = False,
    ) -> tuple[Tensor, list[str]]:
        """Draw a random batch.

        `random` chooses the scenes, `caption_random` their captions. `one_object`: only scenes of one object.
        Returns latents (count, 4, 16, 16) and a new caption for each.
        """
        pool = self.one_object_indices if one_object else self.all_indices
        indices = pool[torch.randint(len(pool), (count,), generator=random)]
        captions = [caption(*self.subjects[i], caption_random) for i in indices.tolist()]
        return self.latents[indices].float(), captions

    def example_captions(self, count: int = 40_000) -> list[str]:
        """Return `count` random captions, enough by default to contain every word that captions use."""
        random = np.random.default_rng(0)
        return [caption(*self.subjects[number % len(self.subjects)], random) for number in range(count)]


def token_ids(tokenizer: CLIPTokenizer, captions: list[str], device: str) -> Tensor:
    """Return the token ids (n, MAX_TOKENS) of captions, padded with the end token."""
    return tokenizer(
        captions, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    ).input_ids.to(device)


def used_token_ids(dataset: SceneLatents | CaptionedLatents, tokenizer: CLIPTokenizer) -> Tensor:
    """Return the token ids (n,) that occur in the dataset's captions, each once."""
    return token_ids(tokenizer, dataset.example_captions(), "cpu").unique()


class DiffusionModel(nn.Module):
    """Text encoder and U-Net in one module, so that one optimizer and one weight average cover both."""

    def __init__(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    @classmethod
    def from_starter(cls, folder: Path) -> DiffusionModel:
        """Load the text encoder and U-Net of a trained starter, in single precision."""
        return cls(
            CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32),
            UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
        )

    def forward(self, noisy: Tensor, timestep: Tensor, ids: Tensor) -> Tensor:
        """Predict v for `noisy` latents (n, 4, 16, 16), timesteps (n,) and token ids (n, MAX_TOKENS)."""
        return self.unet(noisy, timestep, self.text_encoder(ids).last_hidden_state).sample


def v_loss(
    model: nn.Module, scheduler: DDIMScheduler, latents: Tensor, timesteps: Tensor, ids: Tensor
) -> Tensor:
    """Return the v-prediction loss, E |v - v_theta|^2 with v = sqrt(a) noise - sqrt(1 - a) latents.

    Salimans & Ho 2022, eq. 11, without weights by signal-to-noise ratio.
    `latents` (n, 4, 16, 16), `timesteps` (n,), `ids` (n, MAX_TOKENS): token ids.
    """
    noise = torch.randn_like(latents)
    noisy = scheduler.add_noise(latents, noise, timesteps)
    target = scheduler.get_velocity(latents, noise, timesteps)
    with autocast(latents.device):
        predicted = model(noisy, timesteps, ids)
    # Such weights would vanish at pure noise, where the layout is decided.
    return F.mse_loss(predicted.float(), target)


def update_average(averaged: nn.Module, model: nn.Module, step: int, decay: float = 0.999) -> None:
    """Move `averaged` towards the weights of `model`: an exponential moving average, shorter at first."""
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for slow, fast in zip(averaged.parameters(), model.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)


def as_pipeline(
    model: DiffusionModel, tokenizer: CLIPTokenizer, autoencoder: AutoencoderKL
) -> StableDiffusionPipeline:
    """Assemble a diffusers pipeline from the trained parts."""
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        unet=model.unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def train(
    dataset: SceneLatents | CaptionedLatents,
    tokenizer: CLIPTokenizer,
    used: Tensor,
    file: Path,
    minutes: float,
    device: str = "cpu",
    batch: int = 48,
    learning_rate: float = LEARNING_RATE,
    channels: tuple[int, ...] = CHANNELS,
    compiled: bool = True,
    start: DiffusionModel | None = None,
) -> DiffusionModel:
    """Train the diffusion model, in all worker processes together. Returns the averaged weights.

    `used` (n,): the token ids that occur in captions; the others keep zero embeddings.
    `file`: the checkpoint, resumed from if it exists.
    `batch`: pictures per step, over all processes.
    `start`: a trained model to continue from; None begins with random weights.
    """
    torch.manual_seed(0)
    one_object_share = 0.0 if start else ONE_OBJECT_SHARE
    if start is None:
        start = DiffusionModel(build_text_encoder(tokenizer), build_unet(channels))
        initialise_embeddings(start.text_encoder, used)
    model = start.to(device).train()
    averaged = copy.deepcopy(model).requires_grad_(False)
    optimizers = build_optimizers(model, learning_rate)
    scheduler = build_scheduler()
    timer = TrainingTimer(minutes, decay_share=0.35)
    # "painter" and "mean" are the names of the two sets of weights in checkpoints.
    step = load_checkpoint(file, timer, painter=model, mean=averaged, **optimizers)
    seed = int(worker_processes.from_first_process(time.time())) * 64 + worker_processes.rank()
    torch.manual_seed(seed)
    random, caption_random = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    forward = torch.compile(model) if compiled else model
    losses = []
    processes = worker_processes.world_size()
    while (progress := worker_processes.from_first_process(timer.progress)) < 1:
        latents, captions = dataset.batch(
            batch // processes, random, caption_random, one_object=progress < one_object_share
        )
        ids = token_ids(tokenizer, captions, device)
        loss = v_loss(
            forward, scheduler, latents.to(device), sample_timesteps(len(ids), random).to(device), ids
        )
        (loss / processes).backward()
        worker_processes.sum_over_processes(
            parameter.grad for parameter in model.parameters() if parameter.grad is not None
        )
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        factor = worker_processes.from_first_process(timer.learning_rate_factor)
        step_optimizers(optimizers, learning_rate * factor)
        step += 1
        update_average(averaged, model, step)
        losses.append(loss.item())
        if worker_processes.rank() == 0:
            if step % 50 == 0:
                print(f"{step} {timer.elapsed:.0f} s: loss {np.mean(losses[-50:]):.4f}", flush=True)
            if timer.checkpoint_due(4):
                save_checkpoint(file, timer, step, painter=model, mean=averaged, **optimizers)
    if worker_processes.rank() == 0:
        save_checkpoint(file, timer, step, painter=model, mean=averaged, **optimizers)
    return averaged
