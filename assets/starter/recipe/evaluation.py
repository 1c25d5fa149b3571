"""Evaluate a trained starter: its pictures, its judge, its autoencoder, and a contact sheet."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image

from studio.models.clip import Clip

from .autoencoder import psnr
from .captions import with_article
from .drawings import STARTER, Drawing, world
from .evaluation_prompts import (
    EvaluationPrompt,
    one_object_prompts,
    scenery_prompts,
    styled_prompts,
    two_object_prompts,
)
from .layouts import random_scenes
from .scene_files import scene_pictures
from .sceneries import SCENERIES
from .scenes import Placement, Scene, gradient_colours

SAMPLING = json.loads((STARTER / "likeness.json").read_text())  # the studio's defaults for this base
SHEET_COUNTS = {
    "plain": 36,
    "styled": 24,
    "sceneries": 60,
    "two": 24,
    "left_out_pairs": 12,
}  # pictures on the contact sheet
BATCH = 5  # pictures generated at once: larger float32 batches are several times slower on a CPU


def background_colour(picture: Image.Image) -> str:
    """Return the name of the background colour nearest to the picture's border.

    Nearest in sRGB (L1) to the median of the outermost three rows and columns.
    """
    pixels = np.asarray(picture.convert("RGB"), float)
    edges = [pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]]
    middle = np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), axis=0)
    return min(world()["colours"], key=lambda name: np.abs(middle - world()["colours"][name]).sum())


def crop_two_objects(picture: Image.Image) -> list[Image.Image]:
    """Crop the left and the right object of a picture to squares of the picture's size."""
    side = picture.width
    cut = round(0.54 * side)
    top = (side - cut) // 2
    boxes = [(0, top, cut, top + cut), (side - cut, top, side, top + cut)]
    return [picture.crop(box).resize((side, side), Image.BICUBIC) for box in boxes]


def generate(pipeline: StableDiffusionPipeline, prompts: Sequence[str], seed: int = 0) -> list[Image.Image]:
    """Generate one picture per prompt, with the number of steps and the guidance of `likeness.json`."""
    pipeline.set_progress_bar_config(disable=True)
    pictures = []
    for start in range(0, len(prompts), BATCH):
        generator = torch.Generator().manual_seed(seed + start)
        batch = list(prompts[start : start + BATCH])
        output = pipeline(
            batch,
            num_inference_steps=SAMPLING["steps"],
            guidance_scale=SAMPLING["guidance"],
            generator=generator,
        )
        pictures += output.images
    return pictures


def one_scene_each(drawings: list[Drawing], seed: int) -> list[Image.Image]:
    """Draw one scene per drawing, which shows it alone on a random background."""
    random = np.random.default_rng(seed)
    pictures = []
    for drawing in drawings:
        colour = str(random.choice(list(world()["colours"])))
        placement = Placement(drawing, 0.5, 0.5, random.uniform(0.6, 0.85))
        pictures.append(Scene([placement], colour, *gradient_colours(colour, random)).compose())
    return pictures


def accuracy(guesses: Sequence, truth: Sequence) -> float:
    """Return the share of guesses that equal the truth, 0..1."""
    return float(np.mean([guess == fact for guess, fact in zip(guesses, truth, strict=True)]))


def guess_nouns(judge: Clip, pictures: Sequence[Image.Image], objects: int) -> list[tuple[str, ...]]:
    """Return the judge's first guess for every object of every picture, from left to right.

    `objects`: how many each picture has, 1 or 2.
    """
    nouns = list(world()["nouns"])
    parts = [
        part for picture in pictures for part in (crop_two_objects(picture) if objects == 2 else [picture])
    ]
    guesses = judge.guess(parts, nouns)
    return [tuple(guesses[start : start + objects]) for start in range(0, len(guesses), objects)]


def noun_accuracy(
    judge: Clip, pictures: Sequence[Image.Image], nouns: Sequence[tuple[str, ...]]
) -> dict[str, float]:
    """Return the share of pictures in which the judge's first guess is right for every object.

    `nouns`: the expected nouns of each picture, from left to right, one or two.
    Returns "noun_right"; for two objects "both_in_place", and "both_seen", which ignores their order.
    """
    guesses = guess_nouns(judge, pictures, len(nouns[0]))
    shares = {"noun_right": accuracy(guesses, nouns)}
    if len(nouns[0]) == 2:
        both = [sorted(guess) == sorted(expected) for guess, expected in zip(guesses, nouns, strict=True)]
        shares = {"both_seen": float(np.mean(both)), "both_in_place": shares["noun_right"]}
    return shares


def is_pair_in_a_row(scene: Scene) -> bool:
    """Return whether a scene shows two drawings side by side, named from left to right."""
    return len(scene.placements) == 2 and scene.placements[1].x - scene.placements[0].x > 0.3


def evaluate_judge(judge: Clip, drawings: list[Drawing]) -> dict[str, float]:
    """Measure the judge on scenes of real drawings.

    Returns the accuracy of its first guess for one and for two objects, and "same_drawing_found": how often
    the picture nearest to a drawing's is another scene of the same drawing.
    """
    first, second = one_scene_each(drawings, 101), one_scene_each(drawings, 202)
    nearest = (judge.encode(first) @ judge.encode(second).T).argmax(dim=1)
    figures = {
        "drawings": len(drawings),
        **noun_accuracy(judge, first, [(drawing.noun,) for drawing in drawings]),
        "same_drawing_found": (nearest == torch.arange(len(drawings))).float().mean().item(),
    }
    two = [scene for scene in random_scenes(drawings, 800, 303) if is_pair_in_a_row(scene)]
    return figures | noun_accuracy(
        judge, [scene.compose() for scene in two], [tuple(scene.nouns) for scene in two]
    )


def evaluate_prompts(
    pipeline: StableDiffusionPipeline, judge: Clip, prompts: Sequence[EvaluationPrompt]
) -> tuple[dict[str, float], list[Image.Image]]:
    """Generate a picture per prompt and measure how well they follow it.

    Returns the figures (accuracy of the background and of the nouns, seconds per picture), and the
    pictures.
    """
    began = time.perf_counter()
    pictures = generate(pipeline, [prompt.prompt for prompt in prompts])
    seconds = (time.perf_counter() - began) / len(prompts)
    figures = {
        "pictures": len(prompts),
        **background_accuracy(judge, pictures, prompts),
        **noun_accuracy(judge, pictures, [prompt.nouns for prompt in prompts]),
        "seconds_a_picture": seconds,
    }
    return figures, pictures


def background_accuracy(
    judge: Clip, pictures: Sequence[Image.Image], prompts: Sequence[EvaluationPrompt]
) -> dict[str, float]:
    """Return the share of right backgrounds: "colour_right", or "place_right" for sceneries."""
    if prompts[0].colour:
        colours = [background_colour(picture) for picture in pictures]
        return {"colour_right": accuracy(colours, [prompt.colour for prompt in prompts])}
    guesses = [guess_place(judge, *each) for each in zip(pictures, prompts, strict=True)]
    return {"place_right": accuracy(guesses, [prompt.place for prompt in prompts])}


def guess_place(judge: Clip, picture: Image.Image, prompt: EvaluationPrompt) -> str:
    """Return the place that the judge sees in a picture, told which noun is in it."""
    noun = with_article(prompt.nouns[0])
    phrases = [(place.name, f"{noun} {phrase}") for place in SCENERIES.values() for phrase in place.phrases]
    alike = judge.encode([picture]) @ judge.encode_text([text for _, text in phrases]).T
    scores: dict[str, list[float]] = {}
    for (name, _), score in zip(phrases, alike[0].tolist(), strict=True):
        scores.setdefault(name, []).append(score)
    return max(scores, key=lambda name: float(np.mean(scores[name])))


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
    count: int = 200,
    device: str = "cpu",
) -> tuple[dict, Image.Image]:
    """Evaluate a trained starter.

    `drawings`: drawings by split ("trained", "left_out", "openmoji"); "trained" is required.
    `count`: pictures per kind of prompt; half as many with two objects.
    Returns all figures and a contact sheet of generated pictures.
    """
    judge = Clip.open(starter / "judge")
    autoencoder = AutoencoderKL.from_pretrained(starter / "vae", torch_dtype=torch.float32).to(device)
    figures: dict = {"judge": {}, "psnr": {}}
    for split, members in drawings.items():
        figures["judge"][split] = evaluate_judge(judge, members)
        figures["psnr"][split] = psnr(autoencoder, scene_pictures(members, 200, 9), device)
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
        figures["painter"][name], pictures = evaluate_prompts(pipeline, judge, prompts)
        shown += pictures[: SHEET_COUNTS[name]]
    return figures, contact_sheet(shown)
