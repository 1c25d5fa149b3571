"""One file is enough for a method, a regularizer or a refinement: it is found, offered, used and tested."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from studio.discovery import PLUGINS
from tests.plugins import toys

ROOT = Path(__file__).resolve().parents[2]
TOLD = """
import contextlib, io, json, sys
import numpy as np
import studio.__main__, trainers.__main__
from pathlib import Path
from studio.generation.generate import generate
from studio.generation.refinements import REFINEMENTS
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Sampling
from studio.ui.parts.refinements import refinement_controls
from studio.workspace.workspace import Workspace
from tests import tiny
import gradio as gr

cards = [one.card() for one in REFINEMENTS.values()]
sampling, base = Sampling(steps=2, guidance=2.0), tiny.backbone()

def picture(**refinements):
    *_, last = generate(base, sampling.with_prompt("a cat", refinements=refinements))
    return np.asarray(last.value.image)

recipe = sampling.with_prompt("a cat")
grid = Grid(recipe, Axis.parse("loudness", "0.5, 1, 2", cards))
cells = Workspace(Path(sys.argv[1]), refinements=cards).resolve_grid(grid)[1]
with gr.Blocks():
    labels = [control.label for control in refinement_controls(cards).values()]

def said(main, *arguments):
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        main(list(arguments))
    return printed.getvalue()

train, paint = trainers.__main__.main, studio.__main__.main
print(json.dumps({
    "catalogue": said(train, "catalogue"),
    "help": [said(*one, "--help") for one in ((train, "toy"), (train, "dreambooth"), (paint, "paint"))],
    "changes": not np.array_equal(picture(), picture(loudness=2.0)),
    "neutral": np.array_equal(picture(), picture(loudness=1.0)),
    "cells": [cell.recipe.refinements for cell in cells],
    "labels": labels,
}))
"""


def readme_method() -> str:
    """Return the example under "A method" in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("### A method")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found, "the README shows a method"
    return found[1]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write the files into a folder of the user's own and return an environment that names it."""
    folder = tmp_path_factory.mktemp("plugins")
    for name, text in {**toys.FILES, "trainers/readme_example.py": readme_method()}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    return {**os.environ, PLUGINS: str(folder)}


def run(environment: dict[str, str], *arguments: str) -> str:
    """Run Python with these arguments; returns what it printed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def told(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the program says and paints with the files, in a process of its own."""
    folder = tmp_path_factory.mktemp("told")
    return json.loads(run(environment, "-c", TOLD, str(folder)).splitlines()[-1])


def test_they_are_in_the_catalogue_that_the_page_reads(told: dict[str, Any]) -> None:
    catalogue = json.loads(told["catalogue"])
    methods = {card["id"]: [field["name"] for field in card["fields"]] for card in catalogue["methods"]}
    assert "toy_rate" in methods["toy"]
    word = "context_embedding_weight"  # of a regularizer for every method that tunes words
    assert all(("shortness_weight" in fields) == (word in fields) for fields in methods.values())
    assert "shortness_weight" in methods["toy"]
    refinements = {card["id"]: card["fields"] for card in catalogue["refinements"]}
    assert [field["name"] for field in refinements["loudness"]] == ["loudness"]


def test_they_have_flags(told: dict[str, Any]) -> None:
    toy, dreambooth, paint = told["help"]
    assert "--toy-rate" in toy and "--shortness-weight" in dreambooth and "--loudness" in paint


def test_a_refinement_is_painted_offered_and_an_axis_of_a_grid(told: dict[str, Any]) -> None:
    assert told["changes"] and told["neutral"]
    assert told["cells"] == [{"loudness": 0.5}, {}, {"loudness": 2.0}]
    assert "Loudness" in told["labels"]


@pytest.mark.slow
def test_methods_pass_the_battery_without_a_line_added_anywhere(environment: dict[str, str]) -> None:
    battery = [str(ROOT / "tests" / "trainers" / f"test_every_{part}.py") for part in ("card", "method")]
    which = "(toy or readme_example) and not (flux2_klein or z_image or _xl)"  # one family is enough here
    only = ["-k", which, "-p", "no:cacheprovider", "-p", "no:xdist"]
    passed = run(environment, "-m", "pytest", "-q", *battery, *only)
    assert "failed" not in passed
    count = re.search(r"\b(\d+) passed", passed)
    assert count and int(count[1]) > 40, passed  # both methods, the whole battery
