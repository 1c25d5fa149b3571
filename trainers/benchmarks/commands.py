"""The commands that compare (`trial`, `scenes`, `composing`, `dreambench`, `verdicts`), and `gallery`.

Each trains several methods, paints, prints a table, and saves everything in one folder, so that an
interrupted run goes on where it was. All but `gallery` measure with image encoders.
"""

from __future__ import annotations

import argparse
import dataclasses
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from studio.commands.base_flags import add_base_flags, open_base
from studio.commands.console import show_progress
from studio.errors import StudioError
from studio.evaluation.encoders import add_encoder_flags, open_encoders
from studio.events import Event, Result
from studio.files import writable_file, writable_folder, write_atomic
from studio.method import Method
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.recipes.recipe import MODES, Sampling
from studio.starter import DEMO, METHOD_PICTURES, STARTER
from studio.workspace.workspace import Workspace
from trainers.benchmarks.cluster import LOCAL, Opening, on_cluster
from trainers.benchmarks.composition_groups import draw_groups
from trainers.benchmarks.composition_table import composition_table
from trainers.benchmarks.composition_trial import PROMPTS, CompositionTrial
from trainers.benchmarks.dreambench import dreambench, dreambench_table
from trainers.benchmarks.dreambench_cases import subjects_in
from trainers.benchmarks.gallery import gallery_table, paint_gallery
from trainers.benchmarks.method_scores import method_table
from trainers.benchmarks.method_trial import PROMPTS as MORE_PROMPTS
from trainers.benchmarks.method_trial import SCENES, cases_in, method_trial, part_of
from trainers.benchmarks.scene_cases import scenes_in
from trainers.benchmarks.scene_scores import scene_table
from trainers.benchmarks.scene_trial import VARIANTS, scene_trial
from trainers.benchmarks.trial_sheet import trial_sheet
from trainers.benchmarks.trial_task import Runner, in_turn
from trainers.benchmarks.variants import Variant
from trainers.benchmarks.verdict_cases import KNOWN_RUNS
from trainers.benchmarks.verdict_trial import verdict_table, verdict_trial

PROMPT_SETS = {"colours": MORE_PROMPTS, "scenes": SCENES}  # of a trial
TABLE = "table.md"
Variants = list[Variant]
Run = Callable[[Namespace, Backbone, Variants, Sampling], Iterator[Event]]


def add_comparisons(commands: Any, methods: Mapping[str, type[Method]]) -> None:
    """Add the commands to argparse's `commands`."""
    plain = [name for name, method in methods.items() if method.needs.takes_photos_alone]
    subjects = "a folder with a subjects.json, such as assets/demo"
    one = _add(commands, "trial", "compare methods on the same subjects", plain, 4)
    one.add_argument("folder", type=Path, help=subjects)
    kinds = "colours and styles, or scenes (default: %(default)s)"
    one.add_argument("--prompts", choices=PROMPT_SETS, default="colours", help=kinds)
    one.add_argument(
        "--sheet", type=Path, metavar="FILE", help="also put the first seed's pictures on one page"
    )
    _add_on(one)
    one = _add(commands, "scenes", "compare methods on photos of several subjects", VARIANTS, 2)
    held_out = "a folder with a scenes.json; the starter's held-out scenes without"
    one.add_argument("folder", type=Path, nargs="?", default=DEMO / "scenes", help=held_out)
    _add_on(one)
    one = _add(commands, "composing", "compare the modes of composing concepts", ["dreambooth"], 2)
    one.add_argument("folder", type=Path, help=subjects)
    one.add_argument("--mixed", action="store_true", help="also groups in which the methods take turns")
    one.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES, metavar="MODE")
    one.add_argument("--together", type=int, default=2, help="concepts in a picture")
    one.add_argument("--groups", type=int, default=10, help="of different subjects, for each method")
    one.add_argument("--prompts", type=int, default=4, help=f"how many, up to {len(PROMPTS)}")
    one = _add(commands, "dreambench", "the protocol that papers compare by", [], 4)
    one.add_argument("folder", type=Path, help="a folder of photos for each subject, as DreamBench has them")
    one.add_argument("--subjects", nargs="+", metavar="NAME", help="only these")
    add_encoder_flags(one)
    _add_on(one)
    _add_verdicts(commands)
    _add_gallery(commands, [name for name, method in methods.items() if method.example])


def _add_on(one: argparse.ArgumentParser) -> None:
    """Add the flag of the commands whose tasks other machines can do."""
    help = f"do the tasks on a Ray cluster: {LOCAL} for one of this machine, or ray://HOST:PORT"
    one.add_argument("--on", type=_address, metavar="CLUSTER", help=help)


def _address(text: str) -> str:
    """Return the address of a cluster."""
    if text != LOCAL and not text.startswith("ray://"):
        raise argparse.ArgumentTypeError(f"{text!r} is no cluster: write {LOCAL} or ray://HOST:PORT")
    return text


def _add_verdicts(commands: Any) -> None:
    """Add the command that checks verdicts."""
    known = list(dict.fromkeys(run.method for run in KNOWN_RUNS))
    one = _add(
        commands, "verdicts", "check what trainings say of themselves against known outcomes", known, 1
    )
    one.add_argument("--again", action="store_true", help="judge concepts that are there once more")


def _add_gallery(commands: Any, shown: Sequence[str]) -> None:
    """Add the command that paints a small picture of each method of `shown`."""
    one = commands.add_parser("gallery", help="a small picture of what each method is good at, for the page")
    one.add_argument("--only", nargs="+", metavar="METHOD", dest="methods", default=list(shown))
    one.add_argument(
        "--out", type=Path, default=Path("gallery"), help="the folder that keeps what was trained"
    )
    pictures = "the folder of the pictures (default: the page's)"
    one.add_argument("--pictures", type=Path, metavar="DIR", default=METHOD_PICTURES, help=pictures)
    add_base_flags(one)
    one.set_defaults(seed=0, seeds=1)  # an example names its own


def _add(commands: Any, name: str, help: str, variants: Sequence[str], seeds: int) -> argparse.ArgumentParser:
    """Add a command with the flags that all have; without `variants` the methods have to be named."""
    one = commands.add_parser(name, help=help)
    one.add_argument("--out", type=Path, default=Path(name), help="the folder that everything is saved in")
    add_base_flags(one)
    one.add_argument(
        "--methods",
        nargs="+",
        default=list(variants),
        required=not variants,
        metavar="METHOD",
        help='which, each as a line: "perfusion", "perfusion lock_keys=false @bias=0.4"',
    )
    one.add_argument("--seeds", type=int, default=seeds, help="pictures of each prompt")
    one.add_argument("--seed", type=int, default=0, help="the first seed")
    part = "only every Nth case, from the Kth on: several processes share the work, the last adds it up"
    one.add_argument("--part", default="1/1", metavar="K/N", help=part)
    return one


def _runner(given: Namespace) -> Runner:
    """Return what does the tasks of a trial: this process, or a cluster."""
    if not given.on:
        return in_turn
    base = "" if given.base == str(STARTER) else str(given.base)
    encoders = {name: getattr(given, name, None) for name in ("clip", "dino")}
    return partial(
        on_cluster, given.on, Opening(base, given.prediction, given.memory, **encoders, is_plain=given.plain)
    )


def compare(given: Namespace, methods: Mapping[str, type[Method]]) -> None:
    """Run a command, print its table and save it. Raises StudioError when it cannot be run."""
    for flag in ("seeds", "prompts"):
        if isinstance(number := getattr(given, flag, None), int) and number < 1:
            raise StudioError(
                "--{flag} {number} leaves nothing to compare.", "Give 1 or more.", flag=flag, number=number
            )
    workspace = Workspace(given.out, given.base)
    sampling = dataclasses.replace(workspace.base_defaults().sampling(given.seed), count=given.seeds)
    cards = {name: workspace.tuned(method.card()) for name, method in methods.items()}
    variants = [Variant.parse(text, methods, cards) for text in given.methods]
    run, format_table = COMPARISONS[given.command]
    for event in show_progress(run(given, open_base(given), variants, sampling)):
        if isinstance(event, Result):
            table = format_table(event.value)
            print(table)
            write_atomic(given.out / TABLE, f"{table}\n".encode())


def _methods(given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling) -> Iterator[Event]:
    cases, folder = part_of(cases_in(given.folder), given.part), given.out / given.command
    encoders = open_encoders(backbone)
    if encoders.text is None:
        raise StudioError(
            "{base} brings no judge.", "Use a base with one, such as the starter.", base=given.base
        )
    prompts = PROMPT_SETS[given.prompts]
    yield from method_trial(
        backbone,
        encoders.text,
        cases,
        variants,
        sampling,
        folder,
        given.seeds,
        prompts,
        encoders.judge,
        _runner(given),
    )
    if given.sheet:
        trial_sheet(folder, cases_in(given.folder), variants, prompts).save(writable_file(given.sheet))


def _scenes(given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling) -> Iterator[Event]:
    cases, folder = part_of(scenes_in(given.folder), given.part), given.out / given.command
    judge = Clip.open(Path(given.base) / "judge")
    return scene_trial(backbone, judge, cases, variants, sampling, folder, given.seeds, _runner(given))


def _composition(
    given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling
) -> Iterator[Event]:
    groups = draw_groups(cases_in(given.folder), variants, given.together, given.groups, given.mixed)
    judge, prompts = Clip.open(Path(given.base) / "judge"), PROMPTS[: given.prompts]
    trial = CompositionTrial(backbone, judge, sampling, given.out, given.seeds, prompts)
    return trial.run(part_of(groups, given.part), given.modes)


def _dreambench(
    given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling
) -> Iterator[Event]:
    cases = part_of(subjects_in(given.folder), given.part)
    if given.subjects:
        cases = [case for case in cases if case.subject.handle.strip("<>") in given.subjects]
        if not cases:
            raise StudioError(
                "None of {subjects} is there.", "Leave --subjects out.", subjects=", ".join(given.subjects)
            )
    encoders, folder = open_encoders(backbone, given.clip, given.dino), given.out / given.command
    return dreambench(backbone, encoders, cases, variants, sampling, folder, _runner(given))


def _verdicts(
    given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling
) -> Iterator[Event]:
    methods = {variant.method.id: variant.method for variant in variants}
    workspace = Workspace(given.out, given.base)
    cards = {id: workspace.tuned(method.card()) for id, method in methods.items()}
    runs = part_of([run for run in KNOWN_RUNS if run.method in methods], given.part)
    parse = partial(Variant.parse, methods=methods, cards=cards)
    return verdict_trial(backbone, runs, parse, sampling, given.out / given.command, given.again)


def _gallery(given: Namespace, backbone: Backbone, variants: Variants, sampling: Sampling) -> Iterator[Event]:
    return paint_gallery(backbone, variants, sampling, given.out, writable_folder(given.pictures))


# by command: how to run it, and how to print its result
COMPARISONS: dict[str, tuple[Run, Callable[[Any], str]]] = {
    "trial": (_methods, method_table),
    "scenes": (_scenes, scene_table),
    "composing": (_composition, composition_table),
    "dreambench": (_dreambench, dreambench_table),
    "verdicts": (_verdicts, verdict_table),
    "gallery": (_gallery, gallery_table),
}
