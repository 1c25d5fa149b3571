"""Figures and contact sheets: what the starter paints, and how far the judge of it can be trusted."""

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

from .autoencoder import pictures as painted_scenes
from .autoencoder import psnr
from .drawings import STARTER, Drawing, world
from .questions import Asked, pairs, plain, styled
from .scenes import Placement, Scene, backdrop, scenes

DEFAULTS = json.loads((STARTER / "likeness.json").read_text())  # the page paints with these, too
SHOWN = {"plain": 72, "styled": 48, "two": 24, "left_out_pairs": 12}  # on the contact sheet, twelve a row
TOGETHER = 5  # pictures painted at once: large fp32 batches are several times slower on a CPU


def border_colour(picture: Image.Image) -> str:
    """The colour of the world nearest (in sRGB) to the median of the outermost three rows and columns."""
    pixels = np.asarray(picture.convert("RGB"), float)
    edges = [pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]]
    middle = np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), axis=0)
    return min(world()["colours"], key=lambda name: np.abs(middle - world()["colours"][name]).sum())


def halves(picture: Image.Image) -> list[Image.Image]:
    """The left and the right object of a picture with two, each cut out as a square."""
    side = picture.width
    cut = round(0.54 * side)
    top = (side - cut) // 2
    boxes = [(0, top, cut, top + cut), (side - cut, top, side, top + cut)]
    return [picture.crop(box).resize((side, side), Image.BICUBIC) for box in boxes]


def paint(pipeline: StableDiffusionPipeline, asked: Sequence[str], seed: int = 0) -> list[Image.Image]:
    """One picture per prompt, with the starter's own steps and guidance."""
    pipeline.set_progress_bar_config(disable=True)
    painted = []
    for start in range(0, len(asked), TOGETHER):
        generator = torch.Generator().manual_seed(seed + start)
        part = list(asked[start : start + TOGETHER])
        output = pipeline(
            part,
            num_inference_steps=DEFAULTS["steps"],
            guidance_scale=DEFAULTS["guidance"],
            generator=generator,
        )
        painted += output.images
    return painted


def placed(drawings: list[Drawing], seed: int) -> list[Image.Image]:
    """Each drawing once, alone, on a random background."""
    random = np.random.default_rng(seed)
    pictures = []
    for drawing in drawings:
        colour = str(random.choice(list(world()["colours"])))
        placement = Placement(drawing, 0.5, 0.5, random.uniform(0.6, 0.85))
        pictures.append(Scene([placement], colour, *backdrop(colour, random)).compose())
    return pictures


def share(guesses: Sequence[str], truth: Sequence[str]) -> float:
    return float(np.mean([guess == fact for guess, fact in zip(guesses, truth, strict=True)]))


def guessed(judge: Clip, picture: Sequence[Image.Image], objects: int) -> list[tuple[str, ...]]:
    """The judge's first guess for every object of every picture, from left to right."""
    nouns = list(world()["nouns"])
    parts = [part for whole in picture for part in (halves(whole) if objects == 2 else [whole])]
    guesses = judge.guess(parts, nouns)
    return [tuple(guesses[start : start + objects]) for start in range(0, len(guesses), objects)]


def right(judge: Clip, pictures: Sequence[Image.Image], nouns: Sequence[tuple[str, ...]]) -> dict[str, float]:
    """Share of pictures in which the judge names what there should be; with two objects also, wherever
    they are."""
    guesses = guessed(judge, pictures, len(nouns[0]))
    shares = {"noun_right": share(guesses, nouns)}
    if len(nouns[0]) == 2:
        both = [sorted(guess) == sorted(wanted) for guess, wanted in zip(guesses, nouns, strict=True)]
        shares = {"both_seen": float(np.mean(both)), "both_in_place": shares["noun_right"]}
    return shares


def judge_figures(judge: Clip, drawings: list[Drawing]) -> dict[str, float]:
    """On real drawings: first guess among the nouns, recall of the same drawing in another scene, and both
    nouns named in scenes of two."""
    first, second = placed(drawings, 101), placed(drawings, 202)
    found = (judge.encode(first) @ judge.encode(second).T).argmax(dim=1)
    figures = {
        "drawings": len(drawings),
        **right(judge, first, [(drawing.noun,) for drawing in drawings]),
        "same_drawing_found": (found == torch.arange(len(drawings))).float().mean().item(),
    }
    two = [scene for scene in scenes(drawings, 800, 303) if len(scene.nouns) == 2]
    return figures | right(judge, [scene.compose() for scene in two], [tuple(scene.nouns) for scene in two])


def painter_figures(
    pipeline: StableDiffusionPipeline, judge: Clip, asked: Sequence[Asked]
) -> tuple[dict[str, float], list[Image.Image]]:
    """Colour of the background and the judge's first guess; and the pictures."""
    began = time.perf_counter()
    painted = paint(pipeline, [question.prompt for question in asked])
    seconds = (time.perf_counter() - began) / len(asked)
    figures = {
        "pictures": len(asked),
        "colour_right": share([border_colour(picture) for picture in painted], [q.colour for q in asked]),
        **right(judge, painted, [question.nouns for question in asked]),
        "seconds_a_picture": seconds,
    }
    return figures, painted


def shares(starter: Path, judges: Sequence[Clip], count: int, device: str = "cpu") -> list[float]:
    """The share of the same `count` pictures of a starter in which each judge sees the asked noun first."""
    asked = plain(count, seed=7)
    painted = paint(opened(starter, device), [question.prompt for question in asked])
    return [right(judge, painted, [question.nouns for question in asked])["noun_right"] for judge in judges]


def opened(starter: Path, device: str) -> StableDiffusionPipeline:
    """A finished starter in single precision."""
    return StableDiffusionPipeline.from_pretrained(
        starter, safety_checker=None, local_files_only=True, dtype=torch.float32
    ).to(device)


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
    judge = Clip.open(starter / "judge")
    autoencoder = AutoencoderKL.from_pretrained(starter / "vae", torch_dtype=torch.float32).to(device)
    figures: dict = {"judge": {}, "psnr": {}}
    for group, members in drawings.items():
        figures["judge"][group] = judge_figures(judge, members)
        figures["psnr"][group] = psnr(autoencoder, painted_scenes(members, 200, 9), device)
    pipeline = opened(starter, device)
    questions = {
        "plain": plain(count),
        "styled": styled(drawings["trained"], count),
        "two": pairs(count // 2),
        "left_out_pairs": styled(drawings.get("left_out", []), max(1, count * 3 // 10)),
    }
    figures["painter"] = {"chance": 1 / len(world()["nouns"])}
    shown = []
    for name, asked in questions.items():
        if not asked:
            continue
        figures["painter"][name], painted = painter_figures(pipeline, judge, asked)
        shown += painted[: SHOWN[name]]
    return figures, contact_sheet(shown)
