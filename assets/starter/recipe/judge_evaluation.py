"""Read a judge: nouns, places and colours of pictures, and how often it is right on real drawings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from studio.models.clip import Clip

from .drawings import Drawing, world
from .evaluation_prompts import EvaluationPrompt
from .layouts import random_scenes
from .place_reader import PlaceReader
from .scenes import Placement, Scene, gradient_colours


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


def evaluate_judge(judge: Clip, drawings: list[Drawing], count: int) -> dict[str, float]:
    """Measure the judge on scenes of real drawings; of two drawings in about `count` scenes.

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
    two = [scene for scene in random_scenes(drawings, 4 * count, 303) if is_pair_in_a_row(scene)]
    if not two:
        return figures
    return figures | noun_accuracy(
        judge, [scene.compose() for scene in two], [tuple(scene.nouns) for scene in two]
    )


def background_accuracy(
    reader: PlaceReader, pictures: Sequence[Image.Image], prompts: Sequence[EvaluationPrompt]
) -> dict[str, float]:
    """Return the share of right backgrounds: "colour_right", or "place_right" for sceneries."""
    if prompts[0].colour:
        colours = [background_colour(picture) for picture in pictures]
        return {"colour_right": accuracy(colours, [prompt.colour for prompt in prompts])}
    return {"place_right": accuracy(reader.read(pictures), [prompt.place for prompt in prompts])}
