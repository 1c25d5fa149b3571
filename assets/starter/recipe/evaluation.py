"""Evaluate a trained starter: its pictures, its judge, its autoencoder, and a contact sheet."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image

from studio.models.clip import Clip
from studio.models.patch_judge import PatchJudge

from .autoencoder import psnr
from .backdrops import Backdrops
from .drawings import STARTER, Drawing, world
from .evaluation_prompts import (
    EvaluationPrompt,
    one_object_prompts,
    scenery_prompts,
    styled_prompts,
    two_object_prompts,
)
from .judge_evaluation import background_accuracy, evaluate_judge, noun_accuracy
from .place_reader import PlaceReader
from .scene_files import scene_pictures

SAMPLING = json.loads((STARTER / "likeness.json").read_text())  # the studio's defaults for this base
SHEET_COUNTS = {
    "plain": 36,
    "styled": 24,
    "sceneries": 60,
    "two": 24,
    "left_out_pairs": 12,
}  # pictures on the contact sheet
BATCH = 5  # pictures generated at once: larger float32 batches are several times slower on a CPU


def generate(
    pipeline: StableDiffusionPipeline, prompts: Sequence[str], seed: int = 0, steps: int = SAMPLING["steps"]
) -> list[Image.Image]:
    """Generate one picture per prompt, with the guidance of `likeness.json` and, unless given, its steps."""
    pipeline.set_progress_bar_config(disable=True)
    pictures = []
    for start in range(0, len(prompts), BATCH):
        generator = torch.Generator().manual_seed(seed + start)
        batch = list(prompts[start : start + BATCH])
        output = pipeline(
            batch,
            num_inference_steps=steps,
            guidance_scale=SAMPLING["guidance"],
            generator=generator,
        )
        pictures += output.images
    return pictures


def evaluate_prompts(
    pipeline: StableDiffusionPipeline,
    judge: Clip,
    reader: PlaceReader,
    prompts: Sequence[EvaluationPrompt],
    steps: int,
) -> tuple[dict[str, float], list[Image.Image]]:
    """Generate a picture per prompt and measure how well they follow it.

    Returns the figures (accuracy of the background and of the nouns, seconds per picture), and the
    pictures.
    """
    began = time.perf_counter()
    pictures = generate(pipeline, [prompt.prompt for prompt in prompts], steps=steps)
    seconds = (time.perf_counter() - began) / len(prompts)
    figures = {
        "pictures": len(prompts),
        **background_accuracy(reader, pictures, prompts),
        **noun_accuracy(judge, pictures, [prompt.nouns for prompt in prompts]),
        "seconds_a_picture": seconds,
    }
    return figures, pictures


def accuracy_by_judge(starter: Path, judges: Sequence[Clip], count: int, device: str = "cpu") -> list[float]:
    """Return for each judge the accuracy of its first guess on the same `count` pictures of a starter."""
    prompts = one_object_prompts(count, seed=7)
    pictures = generate(load_pipeline(starter, device), [prompt.prompt for prompt in prompts])
    return [
        noun_accuracy(judge, pictures, [prompt.nouns for prompt in prompts])["noun_right"] for judge in judges
    ]


def load_pipeline(starter: Path, device: str) -> StableDiffusionPipeline:
    """Load a trained starter in single precision."""
    return StableDiffusionPipeline.from_pretrained(
        starter, safety_checker=None, local_files_only=True, dtype=torch.float32
    ).to(device)


def contact_sheet(pictures: Sequence[Image.Image], columns: int = 12, cell: int = 96) -> Image.Image:
    """Draw the pictures in a grid, row by row. `cell` (pixels): side of one picture."""
    page = Image.new("RGB", (columns * cell, -(-len(pictures) // columns) * cell), "white")
    for index, picture in enumerate(pictures):
        page.paste(picture.resize((cell, cell)), (index % columns * cell, index // columns * cell))
    return page.quantize(256)


def evaluate(
    starter: Path,
    drawings: dict[str, list[Drawing]],
    backdrops: Backdrops,
    count: int = 200,
    device: str = "cpu",
    steps: int = SAMPLING["steps"],
) -> tuple[dict, Image.Image]:
    """Evaluate a trained starter.

    `drawings`: drawings by split ("trained", "left_out", "openmoji"); "trained" is required.
    `count`: pictures per kind of prompt; half as many with two objects.
    `steps`: sampling steps of a picture, those of the studio unless given.
    `backdrops`: sceneries, to read places by.
    Returns all figures and a contact sheet of generated pictures.
    """
    judge = Clip.open(starter / "judge")
    autoencoder = AutoencoderKL.from_pretrained(starter / "vae", torch_dtype=torch.float32).to(device)
    figures: dict = {"judge": {}, "psnr": {}}
    for split, members in drawings.items():
        figures["judge"][split] = evaluate_judge(judge, members, count)
        figures["psnr"][split] = psnr(autoencoder, scene_pictures(members, count, 9), device)
    reader = PlaceReader.train(
        PatchJudge.open(starter / "judge"), drawings["trained"], backdrops, max(1, count * 4 // 5)
    )
    figures["places_read_right"] = reader.accuracy(drawings["trained"], backdrops, max(1, count // 20))
    pipeline = load_pipeline(starter, device)
    prompt_sets = {
        "plain": one_object_prompts(count),
        "styled": styled_prompts(drawings["trained"], count),
        "sceneries": scenery_prompts(count),
        "two": two_object_prompts(count // 2),
        "left_out_pairs": styled_prompts(drawings.get("left_out", []), max(1, count * 3 // 10)),
    }
    figures["painter"] = {"chance": 1 / len(world()["nouns"])}
    shown = []
    for name, prompts in prompt_sets.items():
        if not prompts:
            continue
        figures["painter"][name], pictures = evaluate_prompts(pipeline, judge, reader, prompts, steps)
        shown += pictures[: SHEET_COUNTS[name]]
    return figures, contact_sheet(shown)
