"""The commands that compare: `trial`, `scenes`, `composing` and `dreambench`.

Each learns with several methods, paints, lets eyes judge, prints a table, and keeps everything in one folder,
so that a run that was broken off goes on where it was.
"""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.commands.console import show_progress
from studio.errors import StudioError
from studio.evaluation.encoders import add_encoder_flags, open_encoders
from studio.events import Event, Result
from studio.method import Method
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.recipes.recipe import MODES, Sampling
from studio.starter import DEMO, STARTER
from studio.workspace.workspace import Workspace
from trainers.benchmarks import composition_trial as composing
from trainers.benchmarks import dreambench, scene_trial
from trainers.benchmarks import method_trial as trial
from trainers.benchmarks.method_trial import cases_in, part_of
from trainers.benchmarks.variants import Variant

TABLE = "table.md"
Variants = list[Variant]
Run = Callable[[Namespace, Backbone, Variants, Sampling], Iterator[Event]]


def add_comparisons(commands: Any, methods: Mapping[str, type[Method]]) -> None:
    """Add the four commands to argparse's `commands`."""
    maskless = [name for name, method in methods.items() if not method.needs.masks]
    subjects = "a folder with a subjects.json, such as assets/demo"
    one = _add(commands, "trial", "compare methods on the same subjects", maskless, 4)
    one.add_argument("folder", type=Path, help=subjects)
    one = _add(
        commands, "scenes", "compare ways to take photos of several subjects apart", scene_trial.VARIANTS, 2
    )
    held_out = "a folder with a scenes.json; the starter's held-out scenes without"
    one.add_argument("folder", type=Path, nargs="?", default=DEMO / "scenes", help=held_out)
    one = _add(commands, "composing", "compare ways of composing concepts", ["dreambooth"], 2)
    one.add_argument("folder", type=Path, help=subjects)
    one.add_argument("--mixed", action="store_true", help="also groups in which the methods take turns")
    one.add_argument("--ways", nargs="+", default=list(MODES), choices=MODES, metavar="WAY")
    one.add_argument("--together", type=int, default=2, help="concepts in a picture")
    one.add_argument("--groups", type=int, default=10, help="of different subjects, for each method")
    one.add_argument("--prompts", type=int, default=4, help=f"how many, up to {len(composing.PROMPTS)}")
    one = _add(commands, "dreambench", "the protocol that papers compare by", [], 4)
    one.add_argument("folder", type=Path, help="a folder of photos for each subject, as DreamBench has them")
    one.add_argument("--subjects", nargs="+", metavar="NAME", help="only these")
    add_encoder_flags(one)


def _add(commands: Any, name: str, help: str, variants: Sequence[str], seeds: int) -> argparse.ArgumentParser:
    """A command with the flags that all have. Without `variants` the methods have to be named."""
    one = commands.add_parser(name, help=help)
    one.add_argument("--out", type=Path, default=Path(name), help="where everything is kept")
    one.add_argument("--base", default=str(STARTER), help="a diffusers folder or checkpoint file")
    one.add_argument(
        "--methods",
        nargs="+",
        default=list(variants),
        required=not variants,
        metavar="METHOD",
        help='which, each as a line: "perfusion", "perfusion lock_keys=false @bias=0.4"',
    )
    one.add_argument("--seeds", type=int, default=seeds, help="pictures of each prompt")
    one.add_argument("--seed", type=int, default=0, help="the first")
    part = "only every Nth case, from the Kth on: several processes share the work, the last adds it up"
    one.add_argument("--part", default="1/1", metavar="K/N", help=part)
    return one


def compare(given: Namespace, methods: Mapping[str, type[Method]]) -> None:
    """Do what was asked, print the table and keep it. Raises StudioError."""
    workspace = Workspace(given.out, given.base)
    defaults = workspace.base_defaults()
    sampling = Sampling(seed=given.seed, steps=defaults.steps, guidance=defaults.guidance, count=given.seeds)
    cards = {name: workspace.tuned(method.card()) for name, method in methods.items()}
    variants = [Variant.parse(text, methods, cards) for text in given.methods]
    run, tabled = COMPARISONS[given.command]
    for event in show_progress(run(given, opening.open_backbone(given.base), variants, sampling)):
        if isinstance(event, Result):
            print(tabled(event.value))
            (given.out / TABLE).write_text(tabled(event.value) + "\n", encoding="utf-8")


def _trial(given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling) -> Iterator[Event]:
    cases, place = part_of(cases_in(given.folder), given.part), given.out / given.command
    judge = Clip.open(Path(given.base) / "judge")
    return trial.trial(backbone, judge, cases, variants, sampling, place, given.seeds)


def _scenes(given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling) -> Iterator[Event]:
    cases, place = part_of(scene_trial.scenes_in(given.folder), given.part), given.out / given.command
    judge = Clip.open(Path(given.base) / "judge")
    return scene_trial.scene_trial(backbone, judge, cases, variants, sampling, place, given.seeds)


def _composing(
    given: Namespace, backbone: Backbone, variants: list[Variant], sampling: Sampling
) -> Iterator[Event]:
    groups = composing.groups(cases_in(given.folder), variants, given.together, given.groups, given.mixed)
    judge, prompts = Clip.open(Path(given.base) / "judge"), composing.PROMPTS[: given.prompts]
    composition = composing.Composition(backbone, judge, sampling, given.out, given.seeds, prompts)
    return composition.rows(part_of(groups, given.part), given.ways)


def _dreambench(
    given: Namespace, backbone: Backbone, variants: list[Variant], sampling: Sampling
) -> Iterator[Event]:
    cases = part_of(dreambench.subjects_in(given.folder), given.part)
    if given.subjects:
        cases = [case for case in cases if case.subject.handle.strip("<>") in given.subjects]
        if not cases:
            raise StudioError(f"None of {', '.join(given.subjects)} is there.", "Leave --subjects out.")
    eyes, place = open_encoders(backbone, given.clip, given.dino), given.out / given.command
    return dreambench.dreambench(backbone, eyes, cases, variants, sampling, place)


COMPARISONS: dict[str, tuple[Run, Callable[[Any], str]]] = {
    "trial": (_trial, trial.table),
    "scenes": (_scenes, scene_trial.scene_table),
    "composing": (_composing, composing.table),
    "dreambench": (_dreambench, dreambench.table),
}
