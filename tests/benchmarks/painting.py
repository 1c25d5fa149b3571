"""What composing costs: seconds a picture and ms a step with several concepts, beside bare diffusers.

    python -m tests.benchmarks painting lily.safetensors trek.safetensors --modes sum words regions
    python -m tests.benchmarks painting --shapes sd-1.5 --steps 4     concepts of random weights, rank 16

Everything is painted in turn, round after round, so that a machine that slows down slows all of it down. A
row is the median over rounds; its share is the median of the rounds' quotients. A picture is everything from
the prompt to the pixels. Rounds are begun for three minutes, whatever the base; the first is finished in any
case.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffusers import DDIMScheduler

from studio.edits.concept import Concept
from studio.events import Step
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.models.unet_backbone import DENOISER_PROJECTIONS
from studio.recipes.recipe import MODES, Recipe
from tests.benchmarks.bases import BASES, open_base, pipeline_of
from tests.benchmarks.report import Report, say
from tests.benchmarks.spread import THOUSAND, Spread, Taken
from tests.by_hand import header, low_rank, word

RANK = 16
WARMING_STEPS = 2
PROMPT = "{} on a blue background"
NOUNS = ("dog", "cat", "fox", "robot", "car", "owl", "boat", "lion")
BARE = "bare diffusers"
COLUMNS = ("base", "concepts", "s a picture", "s of processor", "of bare diffusers", "ms a step")


@dataclasses.dataclass(frozen=True)
class Painted:
    """What a picture took, and the median of the seconds between its steps."""

    picture: Taken
    step: float


Painting = Callable[[], Painted]


def median_step(done: Sequence[float]) -> float:
    """The median of the seconds between steps; the first is left out, before which the prompt is read."""
    return statistics.median(after - before for before, after in itertools.pairwise(done))


def bare(pipeline: Any, prompt: str, steps: int, guidance: float) -> Painting:
    """Return a painting by diffusers' own pipeline; calling it paints once."""
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)

    def paint() -> Painted:
        done: list[float] = []

        def note(pipeline: object, step: int, timestep: object, tensors: dict) -> dict:
            done.append(time.perf_counter())
            return tensors

        begun = Taken.now()
        pipeline(prompt, callback_on_step_end=note, num_inference_steps=steps, guidance_scale=guidance)
        return Painted(Taken.now() - begun, median_step(done))

    return paint


def composed(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept]) -> Painting:
    """Return a painting of a recipe by the studio."""

    def paint() -> Painted:
        begun = Taken.now()
        events = generate(backbone, recipe, concepts)
        done = [time.perf_counter() for event in events if isinstance(event, Step)]
        return Painted(Taken.now() - begun, median_step(done))

    return paint


def in_turn(paintings: dict[str, Painting], rounds: int, seconds: float) -> list[dict[str, Painted]]:
    """Paint everything in turn; returns what each painting took, for every round.

    Args:
        rounds: at most so many.
        seconds: no round begins later than this, except the first.
    """
    made: list[dict[str, Painted]] = []
    began = time.perf_counter()
    while not made or (len(made) < rounds and time.perf_counter() - began < seconds):
        made.append({name: paint() for name, paint in paintings.items()})
        say(f"{len(made)} of at most {rounds} rounds, {time.perf_counter() - began:.0f} s")
    return made


def made_concepts(backbone: Backbone, count: int) -> list[Concept]:
    """Make concepts of random weights, each a word and a low-rank edit of all attention layers."""
    concepts = []
    for seed in range(count):
        noun = NOUNS[seed % len(NOUNS)]
        handle = f"<{noun}-{seed}>"
        edits = (
            word(backbone, handle, noun, seed),
            low_rank(backbone, handle, noun, seed, *DENOISER_PROJECTIONS, rank=RANK),
        )
        concepts.append(Concept(header(backbone, {handle: noun}), edits))
    return concepts


def paintings_of(
    backbone: Backbone, concepts: Sequence[Concept], counts: Sequence[int], modes: Sequence[str], look: Recipe
) -> dict[str, Painting]:
    """Return everything that is painted by name: without a concept, and with so many in each mode."""

    def painting(count: int, mode: str) -> Painting:
        named = " and ".join(concept.header.handle for concept in concepts[:count])
        prompt = PROMPT.format(named or "a dog")
        return composed(backbone, dataclasses.replace(look, prompt=prompt, composing=mode), concepts)

    made = {"none": painting(0, "sum")}
    for count in counts:
        if count == 1:  # which all modes paint alike
            made["1"] = painting(1, "sum")
        else:
            made |= {f"{count}, {mode}": painting(count, mode) for mode in modes}
    return made


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("files", type=Path, nargs="*", help="concepts for the base, in place of made ones")
    parser.add_argument("--shapes", nargs="+", default=["starter"], metavar="BASE", help=", ".join(BASES))
    parser.add_argument("--pixels", type=int, default=0, help="of a side, at real shapes (default: theirs)")
    parser.add_argument("--concepts", nargs="+", type=int, default=[1, 2, 3, 8], metavar="N")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--steps", type=int, default=8, help="of each picture, 3 or more (default: 8)")
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--plain", action="store_true", help="without what makes the studio faster")
    parser.add_argument("--rounds", type=int, default=15, help="at most so many (default: 15)")
    parser.add_argument("--minutes", type=float, default=3.0, help="no round begins later (default: 3)")


def run(given: argparse.Namespace, report: Report) -> None:
    """Paint and add the table. Raises SystemExit for too few steps to tell the time of one."""
    if given.steps < 3:
        raise SystemExit("--steps of 3 or more: the first two tell no time of their own")
    table = report.table("A picture", *COLUMNS, digits=2)
    for base in given.shapes:
        backbone = open_base(base, pixels=given.pixels, plain=given.plain)
        concepts = [Concept.open(path) for path in given.files]
        concepts = concepts or made_concepts(backbone, max(given.concepts))
        counts = [count for count in given.concepts if count <= len(concepts)]

        def paintings(
            steps: int, backbone: Any = backbone, concepts: Any = concepts, counts: Any = counts
        ) -> dict[str, Painting]:
            look = Recipe("", seed=0, steps=steps, guidance=given.guidance)
            made = paintings_of(backbone, concepts, counts, given.modes, look)
            if not hasattr(backbone, "text_encoder"):  # the pipeline of other families is another one
                return made
            prompt = PROMPT.format("a dog and a cat")
            return {BARE: bare(pipeline_of(backbone), prompt, steps, given.guidance), **made}

        for paint in paintings(WARMING_STEPS + 1).values():
            paint()
        rounds = in_turn(paintings(given.steps), given.rounds, 60 * given.minutes)
        for name in rounds[0]:
            pictures = [each[name].picture for each in rounds]
            wall = Spread.of([taken.wall for taken in pictures])
            cpu = Spread.of([taken.cpu for taken in pictures])
            step = Spread.of([THOUSAND * each[name].step for each in rounds])
            share = share_of_bare(rounds, name)
            report.note(
                base=base,
                concepts=name,
                steps=given.steps,
                seconds=wall,
                cpu_seconds=cpu,
                step_ms=step,
                share=share,
            )
            table.add(base, name, wall, cpu, f"{100 * share:.0f} %" if share else "", step.in_words())


def share_of_bare(rounds: Sequence[dict[str, Painted]], name: str) -> float | None:
    """Return the median of the rounds' quotients of processor time, None without the bare pipeline."""
    if BARE not in rounds[0]:
        return None
    return statistics.median(each[name].picture.cpu / each[BARE].picture.cpu for each in rounds)
