"""What composing costs: seconds a step with 1, 2, ... concepts beside the bare diffusers pipeline.

    python -m tests.speed lily.safetensors trek.safetensors --modes sum words regions
    python -m tests.speed --shapes sd-1.5 --steps 4     random weights, edits of rank 16

Everything is painted in turn, round after round, so that a machine that slows down slows all of it down. A
row is the median over rounds of the median step; its share is the median of the rounds' quotients. Rounds are
begun for three minutes, whatever the base; the first is finished in any case.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from studio.edits.concept import Concept
from studio.events import Step
from studio.generation.generate import generate
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.unet_backbone import DENOISER_PROJECTIONS
from studio.recipes.recipe import MODES, Recipe
from studio.starter import STARTER
from tests.by_hand import header, low_rank, word
from tests.shapes import SHAPES, real

RANK = 16
WARMING_STEPS = 2
PROMPT = "{} on a blue background"
Painting = Callable[[], list[float]]


def bare(pipeline: StableDiffusionPipeline, prompt: str, steps: int, guidance: float) -> Painting:
    """Return a painting by diffusers' own pipeline; calling it paints once and tells when steps were done."""
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)

    def paint() -> list[float]:
        done: list[float] = []

        def note(pipeline: object, step: int, timestep: object, tensors: dict) -> dict:
            done.append(time.perf_counter())
            return tensors

        look = {"num_inference_steps": steps, "guidance_scale": guidance, "output_type": "latent"}
        pipeline(prompt, callback_on_step_end=note, **look)
        return done

    return paint


def composed(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept]) -> Painting:
    """Return a painting of a recipe by the studio, which tells the same."""

    def paint() -> list[float]:
        events = generate(backbone, recipe, concepts)
        return [time.perf_counter() for event in events if isinstance(event, Step)]

    return paint


def median_step(done: Sequence[float]) -> float:
    """The median of the seconds between steps; the first is left out, before which the prompt is read."""
    return statistics.median(after - before for before, after in itertools.pairwise(done))


def measured(paintings: dict[str, Painting], rounds: int, seconds: float) -> list[dict[str, float]]:
    """Paint everything in turn; returns the median step of each painting, for every round.

    Args:
        rounds: at most so many.
        seconds: no round begins later than this, except the first.
    """
    made: list[dict[str, float]] = []
    began = time.perf_counter()
    while not made or (len(made) < rounds and time.perf_counter() - began < seconds):
        made.append({name: median_step(paint()) for name, paint in paintings.items()})
        taken = time.perf_counter() - began
        print(f"{len(made)} of at most {rounds} rounds, {taken:.0f} s", file=sys.stderr, flush=True)
    return made


def opened(base: str, paths: Sequence[Path]) -> tuple[StableDiffusionPipeline, Backbone, list[Concept]]:
    """Open the same base twice, and concepts for it."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        base, safety_checker=None, local_files_only=True, dtype=torch.float32
    )
    return pipeline, opening.open_backbone(base), [Concept.open(path) for path in paths]


def made(shapes: str, side: int) -> tuple[StableDiffusionPipeline, Backbone, list[Concept]]:
    """Make a real architecture with random weights and three concepts; pipeline and backbone share it."""
    backbone = real(shapes, side)
    parts = {"vae": backbone.vae, "text_encoder": backbone.text_encoder, "unet": backbone.unet}
    rest = {"tokenizer": backbone.tokenizer, "scheduler": backbone.schedule, "feature_extractor": None}
    pipeline = StableDiffusionPipeline(**parts, **rest, safety_checker=None, requires_safety_checker=False)
    concepts = []
    for seed, handle in enumerate(("<lily>", "<trek>", "<amber>")):
        edits = (
            word(backbone, handle, "cat", seed),
            low_rank(backbone, handle, "cat", seed, *DENOISER_PROJECTIONS, rank=RANK),
        )
        concepts.append(Concept(header(backbone, {handle: "cat"}), edits))
    return pipeline, backbone, concepts


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.speed", description=__doc__.split("\n")[0])
    parser.add_argument("concepts", type=Path, nargs="*", help="files for the base")
    parser.add_argument("--base", default=str(STARTER))
    parser.add_argument("--shapes", choices=list(SHAPES), help="a real architecture instead")
    parser.add_argument("--side", type=int, default=32, help="of the latents of --shapes")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--steps", type=int, default=8, help="of each picture, 3 or more (default: 8)")
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=15, help="at most so many (default: 15)")
    parser.add_argument("--minutes", type=float, default=3.0, help="no round begins later (default: 3)")
    given = parser.parse_args()
    if not (given.concepts or given.shapes):
        parser.error("name concept files, or --shapes")
    if given.steps < 3:
        parser.error("--steps of 3 or more: the first two tell no time of their own")
    pipeline, backbone, concepts = (
        made(given.shapes, given.side) if given.shapes else opened(given.base, given.concepts)
    )

    def paintings(steps: int) -> dict[str, Painting]:
        look = Recipe("", seed=0, steps=steps, guidance=given.guidance)

        def painting(count: int, mode: str) -> Painting:
            named = " and ".join(concept.header.handle for concept in concepts[:count])
            prompt = PROMPT.format(named or "a dog")
            return composed(backbone, dataclasses.replace(look, prompt=prompt, composing=mode), concepts)

        made = {"bare pipeline": bare(pipeline, PROMPT.format("a dog and a cat"), steps, given.guidance)}
        made |= {"no concept": painting(0, "sum"), "1": painting(1, "sum")}  # which all modes paint alike
        counts = range(2, len(concepts) + 1)
        return made | {f"{count}, {mode}": painting(count, mode) for count in counts for mode in given.modes}

    for paint in paintings(WARMING_STEPS).values():
        paint()
    rounds = measured(paintings(given.steps), given.rounds, 60 * given.minutes)
    print("| concepts | ms a step | of the bare pipeline |\n|---|---|---|")
    for name in rounds[0]:
        step = statistics.median(each[name] for each in rounds)
        share = statistics.median(each[name] / each["bare pipeline"] for each in rounds)
        print(f"| {name} | {1000 * step:.1f} | {100 * share:.0f} % |")
    print(f"\nMedians of {len(rounds)} rounds of {given.steps} steps.")


if __name__ == "__main__":
    main()
