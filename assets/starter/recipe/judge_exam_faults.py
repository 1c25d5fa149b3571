"""The faults of the judge's exam, drawn with NumPy and OpenCV, one picture at a time.

A fault takes a picture (h, w, 3), bytes, the mask of its subject (h, w) and a generator, and returns the
picture with the fault. A change of a drawing returns a wrong subject.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .drawings import Drawing

COLOURS = 5  # of a palette


def smear(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator, strokes: int = 7) -> np.ndarray:
    """Drag the paint of the subject along a few strokes, as a wet finger does."""
    smeared = pixels.astype(np.float32)
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(strokes):
        pick = random.integers(len(rows))
        angle = random.uniform(0, 2 * np.pi)
        reach, radius = random.uniform(0.16, 0.3) * width, random.uniform(0.08, 0.14) * width
        step = np.cos(angle) * reach / 8, np.sin(angle) * reach / 8
        for part in range(8):
            centre_x, centre_y = columns[pick] + part * step[0], rows[pick] + part * step[1]
            near = np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * radius**2))
            maps = [(at - by * near * 1.5).astype(np.float32) for at, by in ((x, step[0]), (y, step[1]))]
            moved = cv2.remap(smeared, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            smeared += (cv2.GaussianBlur(moved, (0, 0), 1.2) - smeared) * near[..., None]
    return smeared.clip(0, 255).astype(np.uint8)


def smear_a_little(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Drag the paint of the subject along two strokes."""
    return smear(pixels, mask, random, strokes=2)


def stripes(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw stripes of one colour across the subject."""
    angle, period = random.uniform(0, np.pi), random.uniform(9, 15)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + random.uniform(0, 6))
    cover = np.clip(wave * 2 + 0.4, 0, 1) * cv2.dilate(mask.astype(np.float32), np.ones((5, 5))) * 0.85
    colour = cv2.cvtColor(np.uint8([[[random.integers(180), 200, 220]]]), cv2.COLOR_HSV2RGB)[0, 0]
    return (pixels + (colour - pixels.astype(np.float32)) * cover[..., None]).clip(0, 255).astype(np.uint8)


def over_train(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Exaggerate colours and edges and add blotches, as a model trained for too long does."""
    values = pixels.astype(np.float32)
    blotches = sum(
        cv2.resize(random.normal(0, 7, (side, side, 3)).astype(np.float32), mask.shape[::-1], interpolation=2)
        for side in (9, 18, 40)
    )
    values = values + blotches
    for radius in (1.5, 4):
        values = values + 1.3 * (values - cv2.GaussianBlur(values, (0, 0), radius))
    grey = values.mean(axis=2, keepdims=True)
    values = grey + 1.7 * (values - grey)
    return (128 + 1.5 * (values - 128)).clip(0, 255).astype(np.uint8)


def noise(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add grain to a blurred picture."""
    blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 2.0)
    return (blurred + random.normal(0, 26, pixels.shape)).clip(0, 255).astype(np.uint8)


def soften(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur the picture a little."""
    return cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.9, 1.3))


def noise_a_little(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add a little grain."""
    return (pixels + random.normal(0, 9, pixels.shape)).clip(0, 255).astype(np.uint8)


def half_denoised(starter: Path) -> Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]:
    """Return the fault of stopping too early: what a starter guesses from a noisy picture."""
    import torch
    from diffusers import StableDiffusionPipeline

    options = {"safety_checker": None, "local_files_only": True, "dtype": torch.float32}
    pipeline = StableDiffusionPipeline.from_pretrained(starter, **options)
    vae, scheduler = pipeline.vae, pipeline.scheduler

    @torch.no_grad()
    def guess(pixels: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Add noise to the picture's latents, denoise once, and decode."""
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
        latents = vae.encode(picture).latent_dist.mean * vae.config.scaling_factor
        grain = torch.from_numpy(random.standard_normal(latents.shape)).float()
        timestep = torch.tensor([int(random.integers(560, 700))])
        share = scheduler.alphas_cumprod[timestep].view(-1, 1, 1, 1)
        noisy = share.sqrt() * latents + (1 - share).sqrt() * grain
        empty = pipeline.encode_prompt([""], "cpu", 1, False)[0]
        v = pipeline.unet(noisy, timestep, empty).sample
        found = share.sqrt() * noisy - (1 - share).sqrt() * v
        decoded = vae.decode(found / vae.config.scaling_factor).sample[0]
        return ((decoded.permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).byte().numpy()

    return guess


def palette(drawing: Drawing) -> tuple[np.ndarray, np.ndarray]:
    """Return the main colours (COLOURS, 3), dark to bright, and for each pixel the number of its own."""
    pixels = np.asarray(drawing.picture).astype(np.float32)
    visible = pixels[pixels[..., 3] > 127][:, :3]
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.5)
    _, _, colours = cv2.kmeans(visible, COLOURS, None, criteria, 4, cv2.KMEANS_PP_CENTERS)
    colours = colours[np.argsort(colours.mean(axis=1))]
    distances = ((pixels[..., None, :3] - colours) ** 2).sum(axis=-1)
    return colours, distances.argmin(axis=-1)


def recolour(drawing: Drawing, like: Drawing) -> Drawing:
    """Give a drawing the colours of another: darkest for darkest, and so on."""
    own, numbers = palette(drawing)
    target, _ = palette(like)
    pixels = np.asarray(drawing.picture).astype(np.float32)
    rest = (pixels[..., :3] - own[numbers]) * 0.5
    colours = np.dstack([(target[numbers] + rest).clip(0, 255), pixels[..., 3]]).astype(np.uint8)
    return Drawing(drawing.noun, drawing.source, Image.fromarray(colours))


def swap_half(drawing: Drawing, like: Drawing) -> Drawing:
    """Join the left half of `like` to the right half of another drawing, recoloured to match."""
    side = 128
    halves = [
        each.picture.resize((side, side), Image.Resampling.LANCZOS)
        for each in (like, recolour(drawing, like))
    ]
    halves[0].paste(halves[1].crop((side // 2, 0, side, side)), (side // 2, 0))
    return Drawing(drawing.noun, drawing.source, halves[0])


def striped_blob(drawing: Drawing, random: np.random.Generator) -> Drawing:
    """Fill the rounded outline of a drawing with stripes of its colours."""
    colours, _ = palette(drawing)
    alpha = np.asarray(drawing.picture)[..., 3]
    outline = cv2.GaussianBlur(np.pad(alpha, 16), (0, 0), 6) > 110
    y, x = np.mgrid[: outline.shape[0], : outline.shape[1]]
    angle = random.uniform(0, np.pi)
    bands = ((x * np.cos(angle) + y * np.sin(angle)) / random.uniform(9, 14)).astype(int)
    body = colours[np.array([2, 3])[bands % 2]]
    return Drawing(
        drawing.noun,
        "blob",
        cut_out_of(np.dstack([body, outline[..., None] * 255]).astype(np.uint8)),
    )


def cut_out_of(pixels: np.ndarray) -> Image.Image:
    """Crop RGBA pixels to their visible part."""
    picture = Image.fromarray(pixels)
    return picture.crop(picture.getchannel("A").getbbox())
