"""Train the diffusion model: a small U-Net and text encoder together, on cached latents of scenes."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from . import worker_processes
from .autoencoder import LATENT_CHANNELS
from .captured_step import CapturedStep
from .latent_dataset import LatentDataset, token_ids
from .muon import build_optimizers, make_recordable, set_learning_rate, step_optimizers
from .precision import autocast
from .timed_training import TrainingTimer, load_checkpoint, save_checkpoint
from .vocabulary import MAX_TOKENS

TEXT_WIDTH = 160  # of text encoder and cross-attention
CHANNELS = (64, 128, 160)
EMPTY_CAPTIONS_SHARE = 0.1  # of captions, for classifier-free guidance
LEARNING_RATE = 1.5e-3


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
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
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


def sample_timesteps(count: int, device: str | torch.device = "cpu") -> Tensor:
    """Draw (count,) training timesteps, 0..999.

    Four fifths are logit-normal with median 600, where the layout is decided; the rest are uniform.
    """
    biased = torch.sigmoid(torch.randn(count, device=device) * 1.1 + 0.4)
    uniform = torch.rand(count, device=device)
    use_biased = torch.rand(count, device=device) < 0.8
    return (torch.where(use_biased, biased, uniform) * 1000).long().clamp(0, 999)


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
        """Predict v for `noisy` latents (n, 8, 16, 16), timesteps (n,) and token ids (n, MAX_TOKENS)."""
        return self.unet(noisy, timestep, self.text_encoder(ids).last_hidden_state).sample


def v_loss(
    model: nn.Module, scheduler: DDIMScheduler, latents: Tensor, timesteps: Tensor, ids: Tensor
) -> Tensor:
    """Return the v-prediction loss, E |v - v_theta|^2 with v = sqrt(a) noise - sqrt(1 - a) latents.

    Salimans & Ho 2022, eq. 11, without weights by signal-to-noise ratio.
    `latents` (n, 8, 16, 16), `timesteps` (n,), `ids` (n, MAX_TOKENS): token ids.
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
        torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)


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
    dataset: LatentDataset,
    tokenizer: CLIPTokenizer,
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

    Token embeddings that no caption uses stay zero.
    `file`: the checkpoint, resumed from if it exists.
    `batch`: pictures per step, over all processes.
    `start`: a trained model to continue from; None begins with random weights.
    """
    torch.manual_seed(0)
    if start is None:
        start = DiffusionModel(build_text_encoder(tokenizer), build_unet(channels))
        initialise_embeddings(start.text_encoder, dataset.used_token_ids())
    model = start.to(device).train()
    if torch.device(device).type == "cuda":
        model.unet.to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(model).requires_grad_(False)
    optimizers = build_optimizers(model, learning_rate)
    scheduler = build_scheduler()
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.to(device)
    timer = TrainingTimer(minutes, decay_share=0.35)
    # "painter" and "mean" are the names of the two sets of weights in checkpoints.
    step = load_checkpoint(file, timer, painter=model, mean=averaged, **optimizers)
    if torch.device(device).type == "cuda":
        make_recordable(optimizers, device)
        torch.backends.cudnn.benchmark = True
    seed = int(worker_processes.from_first_process(time.time())) * 64 + worker_processes.rank()
    torch.manual_seed(seed)
    if compiled:
        model.unet.compile(dynamic=False)
        model.text_encoder.compile(dynamic=False)
    empty = torch.from_numpy(token_ids(tokenizer, [""])).long().to(device)
    processes = worker_processes.world_size()
    total, counted = torch.zeros((), device=device), 0

    def descend() -> None:
        """Do one step on a new batch."""
        latents, ids = dataset.batch(batch // processes, device)
        without_caption = torch.rand(len(ids), 1, device=device) < EMPTY_CAPTIONS_SHARE
        ids = torch.where(without_caption, empty, ids)
        loss = v_loss(model, scheduler, latents, sample_timesteps(len(ids), device), ids)
        (loss / processes).backward()
        worker_processes.sum_over_processes(
            parameter.grad for parameter in model.parameters() if parameter.grad is not None
        )
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        step_optimizers(optimizers)
        total.add_(loss.detach())

    # The exchange between processes goes through the host, which a recording cannot.
    descend_once = CapturedStep(descend, device) if processes == 1 else descend
    while worker_processes.from_first_process(timer.progress) < 1:
        factor = worker_processes.from_first_process(timer.learning_rate_factor)
        set_learning_rate(optimizers, learning_rate * factor)
        descend_once()
        step += 1
        update_average(averaged, model, step)
        counted += 1
        if worker_processes.rank() == 0:
            if step % 50 == 0:
                print(f"{step} {timer.elapsed:.0f} s: loss {total.item() / counted:.4f}", flush=True)
                total.zero_()
                counted = 0
            if timer.checkpoint_due(4):
                save_checkpoint(file, timer, step, painter=model, mean=averaged, **optimizers)
    if worker_processes.rank() == 0:
        save_checkpoint(file, timer, step, painter=model, mean=averaged, **optimizers)
    return averaged
