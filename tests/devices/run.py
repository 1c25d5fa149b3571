"""Run everything on the pretend accelerator and print what happened, as JSON.

    python -m tests.devices.run FOLDER METHOD ...

Composing, and two concepts in one picture, are tried where every kind of edit is among the methods. For each
scenario: an error, if it ended in one; operations that mixed devices; and how often the host waited for the
device.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from tests import tiny  # isort: skip  before torch is changed
from tests.devices import pretend  # isort: skip

from studio.edits.concept import Concept
from studio.evaluation.concept_scoring import score_concept
from studio.evaluation.encoders import open_encoders
from studio.evaluation.scorecard import References
from studio.events import Event, Result, Step
from studio.generation.generate import generate
from studio.models.families.stable_diffusion import StableDiffusion
from studio.recipes.recipe import MODES, Sampling
from studio.subject import Subject
from trainers import METHODS, train
from trainers.kit import loop, optimizing, verdict

SAMPLING = Sampling(seed=0, steps=2, guidance=2.0)
KINDS = ("textual_inversion", "dreambooth", "perfusion")  # every kind of edit that a file keeps
LILY, TOM = Subject("<lily>", "cat"), Subject("<tom>", "dog")


class PlainAccelerator:
    """Stands in for accelerate's Accelerator, which knows real devices only."""

    scaler = None  # nothing is scaled

    def __init__(self, **options: Any) -> None:
        pass

    def prepare(self, optimizer: Any) -> Any:
        """Return the optimizer."""
        return optimizer

    def backward(self, loss: torch.Tensor) -> None:
        """Compute gradients."""
        loss.backward()

    def unscale_gradients(self, optimizer: Any) -> None:
        """Do nothing: nothing was scaled."""


def unjudged(judge: verdict.Judge, concept: Concept) -> Generator[Event, None, dict[str, Any]]:
    """Stand in for `verdict.Judge.judge`, which does the same for each kind of edit."""
    yield from ()
    return {}


class Scenarios:
    """What happened in each scenario, by its name."""

    def __init__(self) -> None:
        self.reports: dict[str, dict[str, Any]] = {}

    def run(self, name: str, events: Callable[[], Iterable[Event]], stage: str) -> Any:
        """Run a scenario to its end; returns the value of its last Result.

        Waits are counted over the steps of `stage` and divided by their number, the first step excepted.
        """
        report: dict[str, Any] = {"error": "", "mixed": [], "steps": 0, "waits": {}}
        self.reports[name] = report
        pretend.counts.clear()
        last, waits = None, None
        try:
            for event in events():
                if isinstance(event, Step) and event.stage.startswith(stage):
                    if waits is None:
                        pretend.counts.waits.clear()
                    else:
                        report["steps"] += 1
                    waits = dict(pretend.counts.waits)
                elif isinstance(event, Result):
                    last = event.value
        except Exception:
            report["error"] = traceback.format_exc(limit=-6)
        report["mixed"] = sorted(set(pretend.counts.mixed))
        report["waits"] = waits or {}
        return last


def main(folder: Path, methods: Sequence[str]) -> None:
    """Run the scenarios of these methods; `folder` is for what they write."""
    torch.set_num_threads(1)
    optimizing.Accelerator = PlainAccelerator  # type: ignore[assignment,misc]
    optimizing.MAX_BURST = 1  # a burst for each step: waits are counted a step
    verdict.STEPS, verdict.SEEDS, loop.PREVIEWS = 1, 2, 1
    on_cpu = tiny.backbone()
    scenarios, concepts = Scenarios(), {}
    with pretend.PretendMode():
        parts = (on_cpu.tokenizer, on_cpu.text_encoder, on_cpu.unet, on_cpu.vae, on_cpu.schedule.config)
        backbone = StableDiffusion("pretend", *parts, device=pretend.DEVICE, dtype=torch.bfloat16)
        judged = verdict.Judge.judge
        for name in methods:
            method = METHODS[name]
            verdict.Judge.judge = judged if name in KINDS else unjudged  # type: ignore[method-assign]
            for subject in (LILY, TOM) if name in ("dreambooth", "perfusion") else (LILY,):
                kinds = tiny.categories(3) if method.needs.sorted else ()
                photos = dataclasses.replace(tiny.photos(3, masked=subject.handle), captions=kinds)
                settings = {**method.quick_settings, "steps": 3}
                if name == "dreambooth":
                    settings |= {"background_share": 0.5, "backgrounds": 2}
                training = lambda m=method, p=photos, s=subject, v=settings: train(  # noqa: E731
                    m, backbone, p, s, v, SAMPLING, folder
                )
                concept = scenarios.run(f"train {name} {subject.handle}", training, ("learning", "tuning"))
                if concept is not None:
                    path = folder / f"{name}{subject.handle[1:-1]}.safetensors"
                    concept.save(path)
                    concepts[name, subject.handle] = path
        paint(scenarios, backbone, concepts, methods)
        if ("dreambooth", LILY.handle) in concepts:
            concept = Concept.open(concepts["dreambooth", LILY.handle])
            scenarios.run("score", lambda: scoring(backbone, concept, folder), "painting")
    print(json.dumps(scenarios.reports))


def scoring(backbone: StableDiffusion, concept: Concept, folder: Path) -> Iterable[Event]:
    """Score a concept with the base's own features."""
    squares = tiny.photos(3).squares
    references = References(squares[2:], squares[:2])
    patterns = ("a photo of {}",)
    return score_concept(
        backbone, concept, references, open_encoders(backbone), SAMPLING, folder, patterns=patterns
    )


def paint(
    scenarios: Scenarios,
    backbone: StableDiffusion,
    concepts: dict[tuple[str, str], Path],
    methods: Sequence[str],
) -> None:
    """Paint every method's concept alone, refined, and two together in every mode, with and without boxes."""
    boxes = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 1.0)}

    def painting(prompt: str, *names: tuple[str, str], **fields: Any) -> Callable[[], Iterable[Event]]:
        recipe = dataclasses.replace(SAMPLING, steps=3).with_prompt(prompt, **fields)
        return lambda: generate(backbone, recipe, [Concept.open(concepts[name]) for name in names])

    for name in methods:
        lily = (name, "<lily>")
        scenarios.run(f"paint {name}", painting("a photo of <lily>", lily), "painting")
    if not set(methods).issuperset(KINDS):
        return
    for name in KINDS:
        tuned = painting("a photo of <lily>", (name, "<lily>"), refinements={"prompt_tuning_steps": 2})
        scenarios.run(f"paint {name} with its words tuned", tuned, "making")
    locked = painting("<lily> on blue", ("perfusion", "<lily>"), knobs={"<lily>": {"global_lock": 0.5}})
    scenarios.run("paint perfusion with a global lock", locked, "painting")
    for name in KINDS:
        for mode in MODES:
            pair = ((name, "<lily>"), ("dreambooth", "<tom>"))
            both = painting("<lily> and <tom> on blue", *pair, composing=mode)
            scenarios.run(f"paint {name} and dreambooth in {mode}", both, "painting")
    pair = (("dreambooth", "<lily>"), ("perfusion", "<tom>"))
    for title, regions in (("both boxes", boxes), ("one box", {"<lily>": boxes["<lily>"]})):
        both = painting("<lily> and <tom> on blue", *pair, regions=regions)
        scenarios.run(f"paint in regions with {title}", both, "painting")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
