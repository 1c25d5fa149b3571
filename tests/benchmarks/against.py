"""The same training by diffusers' example scripts and by the studio, in turn, with equal settings.

Equal are base, photos, resolution, batch, precision, learning rate, rank or number of vectors, optimizer and
weight decay, one step for one batch; no prior preservation, no previews. What the studio does otherwise stays
as it is: photos are encoded once instead of in every step, and denormal numbers are flushed to zero
(`--flush` lets the scripts flush them too).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch

from studio.errors import StudioError
from tests.benchmarks.alone import FAILURE, LAST_LETTERS, ROOT, run_alone
from tests.benchmarks.bases import SIDES, folder_of, open_base
from tests.benchmarks.report import Report, say
from tests.benchmarks.spread import CPU_TIMES, TIMES, Spread, milliseconds
from tests.benchmarks.step_case import SUBJECT, backpack

RANK = 16
COLUMNS = (
    *("training", "batch", "our ms", "their ms", "our ms of processor", "their ms of processor"),
    *("theirs / ours", "by the clock", "our GB", "their GB"),
)


@dataclass(frozen=True)
class Counterpart:
    """A script of diffusers and the method that does the same.

    Args:
        script: its path in the folder of examples.
        settings: of ours.
        arguments: of theirs, besides those that both scripts have.
        photos: their argument for the folder of photos.
    """

    script: str
    settings: Mapping[str, Any]
    arguments: Mapping[str, Any]
    photos: str


COUNTERPARTS = {
    "dreambooth": Counterpart(
        "dreambooth/train_dreambooth_lora.py",
        {
            **{"learning_rate": 1e-4, "rank": RANK, "prior_weight": 0.0, "identifier": "rare word"},
            **{"flips": False, "masks": False},
        },
        {"learning_rate": 1e-4, "rank": RANK, "instance_prompt": f"a photo of sks {SUBJECT.noun}"},
        "instance_data_dir",
    ),
    "textual_inversion": Counterpart(
        "textual_inversion/textual_inversion.py",
        {"learning_rate": 2e-3, "vectors": 1, "weight_decay": 1e-2, "flips": True, "masks": False},
        {
            **{"learning_rate": 2e-3, "num_vectors": 1, "placeholder_token": SUBJECT.handle},
            **{"initializer_token": SUBJECT.noun, "learnable_property": "object", "repeats": 1},
            "save_steps": 10**6,
        },
        "train_data_dir",
    ),
}


def script_in(folder: Path, name: str) -> Path:
    """Return the path of a script in diffusers' repository or its folder of examples.

    Raises StudioError when it is not there.
    """
    for path in (folder / name, folder / "examples" / name):
        if path.is_file():
            return path.resolve()
    hint = f"Give the examples of diffusers {version('diffusers')}, the version that is installed."
    raise StudioError(f"There is no {name} in {folder}.", hint)


def theirs(
    counterpart: Counterpart, script: Path, base: Path, work: Path, pixels: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a script in a process of its own; returns what `StepHook.write` wrote, or a failure.

    Args:
        options: `batch`, `warm_up`, `timed`, `precision`, `flush` and `profile`.
    """
    batch, steps = options["batch"], options["warm_up"] + options["timed"]
    folder = work / f"photos-{batch}"
    if not folder.exists():  # full batches only: their loader would end each round with what is left
        folder.mkdir()
        squares = backpack().squares
        for number in range(batch * len(squares)):
            squares[number % len(squares)].save(folder / f"{number:03d}.png")
    arguments = {
        **{"pretrained_model_name_or_path": base, counterpart.photos: folder, "output_dir": work / "out"},
        **{"resolution": pixels, "train_batch_size": batch, "max_train_steps": steps, "seed": 0},
        **{"lr_scheduler": "constant", "lr_warmup_steps": 0, "checkpointing_steps": 10**6},
        **{"mixed_precision": options["precision"], **counterpart.arguments},
    }
    result = work / "theirs.json"
    result.unlink(missing_ok=True)
    hook = {
        "result": str(result),
        **{name: options[name] for name in ("warm_up", "timed", "flush", "profile")},
    }
    command = [sys.executable, "-m", "tests.benchmarks.hooked_script", json.dumps(hook), str(script)]
    for name, value in arguments.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    if result.exists():
        return json.loads(result.read_text(encoding="utf-8"))
    return {FAILURE: " ".join(done.stderr.split())[-LAST_LETTERS:]}


def ours(
    method: str, base: Path, pixels: int, given: argparse.Namespace, batch: int, dtype: str
) -> dict[str, Any]:
    """Run the same steps by the studio; returns them in the form of `theirs`."""
    settings = {**COUNTERPARTS[method].settings, "resolution": pixels}
    arguments = {
        **{"base": str(base), "method": method, "batch": batch, "warm_up": given.warm_up},
        **{"timed": given.steps, "seconds": given.seconds, "photos": given.photos, "dtype": dtype},
        "settings": settings,
    }
    measured = run_alone("step_case", arguments, given.memory)
    if FAILURE in measured:
        return measured
    stage = measured["stages"][0]
    process = measured["base_gb"] + stage["peak_gb"]
    return {TIMES: stage[TIMES], CPU_TIMES: stage[CPU_TIMES], "process_gb": process}


def compare(given: argparse.Namespace, report: Report) -> None:
    """Train by both, in turn, round after round, and add a table.

    A quotient is the median over the rounds of the quotients of their median steps.

    Raises StudioError when a script is missing or no method of those asked for has a counterpart.
    """
    chosen = [method for method in given.methods if method in COUNTERPARTS]
    if not chosen or "sdxl" in given.shapes:
        hint = f"Choose among {', '.join(COUNTERPARTS)}, on bases with one text encoder."
        raise StudioError("These examples have no counterpart to that.", hint)
    scripts = {method: script_in(given.against, COUNTERPARTS[method].script) for method in chosen}
    table = report.table("Diffusers' examples and the studio", *COLUMNS)
    on_gpu = torch.cuda.is_available()
    dtype, precision = ("bfloat16", "bf16") if on_gpu else ("float32", "no")
    for shapes in given.shapes:
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            base = folder_of(shapes, work / "base", given.pixels)
            pixels = given.pixels or SIDES.get(shapes) or open_base(str(base), "cpu").resolution
            for method in chosen:
                for batch in given.batch:
                    options = {"batch": batch, "warm_up": given.warm_up, "timed": given.steps}
                    options |= {"precision": precision, "flush": given.flush, "profile": False}
                    rounds = []
                    for number in range(given.rounds):
                        say(f"{shapes}, {method}, batch {batch}, round {number + 1} of {given.rounds}")
                        one = ours(method, base, pixels, given, batch, dtype)
                        other = theirs(COUNTERPARTS[method], scripts[method], base, work, pixels, options)
                        rounds.append((one, other))
                        report.note(base=shapes, method=method, batch=batch, ours=one, theirs=other)
                    add_row(table, f"{shapes}, {method}", batch, rounds)


def add_row(table: Any, name: str, batch: int, rounds: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Add the row of a training: medians over all steps of all rounds, and quotients."""
    failures = [each[FAILURE] for pair in rounds for each in pair if FAILURE in each]
    if failures:
        table.add(name, str(batch), failures[0])
        return
    times = [
        milliseconds([value for pair in rounds for value in pair[side][kind]])
        for kind in (TIMES, CPU_TIMES)
        for side in (0, 1)
    ]
    quotients = [
        Spread.of([median(other[kind]) / median(one[kind]) for one, other in rounds]).in_words(2)
        for kind in (CPU_TIMES, TIMES)
    ]
    memory = [f"{max(pair[side]['process_gb'] for pair in rounds):.2f}" for side in (0, 1)]
    table.add(name, str(batch), *times, *quotients, *memory)
