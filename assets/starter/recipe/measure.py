"""Figures and contact sheets: what the starter paints, and how far the judge of it can be trusted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image

from studio.score import Judge

from .autoencoder import pictures as painted_scenes
from .autoencoder import psnr
from .drawings import Drawing, world
from .scenes import Placement, Scene, backdrop, with_article

STEPS, GUIDANCE = 20, 4.0
TOGETHER = 5  # pictures painted at once: large fp32 batches are several times slower on a CPU


def border_colour(picture: Image.Image) -> str:
    """The colour of the world nearest (in sRGB) to the median of the outermost three rows and columns."""
    pixels = np.asarray(picture.convert("RGB"), float)
    edges = [pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]]
    middle = np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), axis=0)
    return min(world()["colours"], key=lambda name: np.abs(middle - world()["colours"][name]).sum())


def prompts(count: int, seed: int = 0) -> list[tuple[str, str, str]]:
    """(prompt, noun, colour): every noun in turn, every colour equally often."""
    random = np.random.default_rng(seed)
    nouns = [str(noun) for noun in random.permutation(list(world()["nouns"]))]
    colours = list(world()["colours"])
    asked = [(nouns[i % len(nouns)], colours[i % len(colours)]) for i in range(count)]
    return [(f"{with_article(noun)} on a {colour} background", noun, colour) for noun, colour in asked]


def paint(pipeline: StableDiffusionPipeline, asked: Sequence[str], seed: int = 0) -> list[Image.Image]:
    """One picture per prompt, 20 steps, guidance 4."""
    pipeline.set_progress_bar_config(disable=True)
    painted = []
    for start in range(0, len(asked), TOGETHER):
        generator = torch.Generator().manual_seed(seed + start)
        part = list(asked[start : start + TOGETHER])
        output = pipeline(part, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=generator)
        painted += output.images
    return painted


def placed(drawings: list[Drawing], seed: int) -> list[Image.Image]:
    """Each drawing once, alone, on a random background."""
    random = np.random.default_rng(seed)
    scenes = []
    for drawing in drawings:
        colour = str(random.choice(list(world()["colours"])))
        placement = Placement(drawing, 0.5, 0.5, random.uniform(0.6, 0.85))
        scenes.append(Scene([placement], colour, *backdrop(colour, random)).compose())
    return scenes


def share(guesses: Sequence[str], truth: Sequence[str]) -> float:
    return float(np.mean([guess == fact for guess, fact in zip(guesses, truth, strict=True)]))


def judge_figures(judge: Judge, drawings: list[Drawing]) -> dict[str, float]:
    """On real drawings: first guess among the nouns, and recall of the same drawing in another scene."""
    first, second = placed(drawings, 101), placed(drawings, 202)
    truth = [drawing.noun for drawing in drawings]
    found = (judge.look(first) @ judge.look(second).T).argmax(dim=1)
    return {
        "drawings": len(drawings),
        "noun_right": share(judge.guess(first, list(world()["nouns"])), truth),
        "same_drawing_found": (found == torch.arange(len(drawings))).float().mean().item(),
    }


def painter_figures(
    pipeline: StableDiffusionPipeline, judge: Judge, count: int
) -> tuple[dict[str, float], list[Image.Image]]:
    """Colour of the background and the judge's first guess, over `count` prompts; and the pictures."""
    asked = prompts(count)
    began = time.perf_counter()
    painted = paint(pipeline, [prompt for prompt, _, _ in asked])
    seconds = (time.perf_counter() - began) / count
    guesses = judge.guess(painted, list(world()["nouns"]))
    figures = {
        "pictures": count,
        "colour_right": share([border_colour(picture) for picture in painted], [c for _, _, c in asked]),
        "noun_right": share(guesses, [noun for _, noun, _ in asked]),
        "chance": 1 / len(world()["nouns"]),
        "seconds_a_picture": seconds,
    }
    return figures, painted


def contact_sheet(painted: Sequence[Image.Image], columns: int = 12, cell: int = 64) -> Image.Image:
    page = Image.new("RGB", (columns * cell, -(-len(painted) // columns) * cell), "white")
    for index, picture in enumerate(painted):
        page.paste(picture.resize((cell, cell)), (index % columns * cell, index // columns * cell))
    return page.quantize(256)


def measure(
    starter: Path,
    drawings: dict[str, list[Drawing]],
    count: int = 200,
    device: str = "cpu",
) -> tuple[dict, Image.Image]:
    """All figures, by group of `drawings` (trained, left out, unseen set), and a contact sheet."""
    judge = Judge.open(starter / "judge")
    autoencoder = AutoencoderKL.from_pretrained(starter / "vae", torch_dtype=torch.float32).to(device)
    figures: dict = {"judge": {}, "psnr": {}}
    for group, members in drawings.items():
        figures["judge"][group] = judge_figures(judge, members)
        figures["psnr"][group] = psnr(autoencoder, painted_scenes(members, 200, 9), device)
    pipeline = StableDiffusionPipeline.from_pretrained(
        starter, safety_checker=None, local_files_only=True, dtype=torch.float32
    ).to(device)
    figures["painter"], painted = painter_figures(pipeline, judge, count)
    return figures, contact_sheet(painted[:96])
