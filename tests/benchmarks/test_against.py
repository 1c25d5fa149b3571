"""`--against`: a stand-in for diffusers' script is run and timed; quotients against a count by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.errors import StudioError
from tests.benchmarks import against, steps
from tests.benchmarks.against import COUNTERPARTS, add_row, compare, script_in, theirs
from tests.benchmarks.alone import FAILURE
from tests.benchmarks.report import Report, Table
from trainers import METHODS

SCRIPT = """
import argparse, json, os, time
import torch
from accelerate import Accelerator
parser = argparse.ArgumentParser()
for name in {names}:
    parser.add_argument(f"--{{name}}", required=True)
given = parser.parse_args()
os.makedirs(given.output_dir)
file = os.path.join(given.output_dir, "given.json")
photos = sorted(os.listdir(given.instance_data_dir))
with open(file, "w") as opened:
    json.dump({{**vars(given), "photos": photos, "threads": torch.get_num_threads()}}, opened)
accelerator = Accelerator(gradient_accumulation_steps=2, cpu=True)
layer = torch.nn.Linear(2, 1)
layer, optimizer = accelerator.prepare(layer, torch.optim.AdamW(layer.parameters()))
for step in range(2 * int(given.max_train_steps)):  # two batches make up a step
    with accelerator.accumulate(layer):
        accelerator.backward(layer(torch.ones(1, 2)).sum())
        time.sleep({seconds})
        optimizer.step()
        optimizer.zero_grad()
print("not reached")
"""
SECONDS = 0.02
NAMES = (
    *("pretrained_model_name_or_path", "instance_data_dir", "output_dir", "resolution", "train_batch_size"),
    *("max_train_steps", "seed", "lr_scheduler", "lr_warmup_steps", "checkpointing_steps"),
    *("mixed_precision", "learning_rate", "rank", "instance_prompt"),
)
OPTIONS = {"batch": 2, "warm_up": 1, "timed": 3, "precision": "no", "flush": True, "profile": True}
TIMED = {"seconds": [0.1, 0.2, 0.3], "cpu_seconds": [0.1, 0.2, 0.3], "process_gb": 0.5}


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A folder like diffusers' repository, with a script of a few lines."""
    path = tmp_path / "diffusers" / "examples" / COUNTERPARTS["dreambooth"].script
    path.parent.mkdir(parents=True)
    path.write_text(SCRIPT.format(names=NAMES, seconds=SECONDS))
    return tmp_path / "diffusers"


def test_a_script_is_found_in_the_repository_and_in_its_examples(examples: Path) -> None:
    name = COUNTERPARTS["dreambooth"].script
    assert script_in(examples, name) == script_in(examples / "examples", name)
    with pytest.raises(StudioError, match="no textual_inversion") as error:
        script_in(examples, COUNTERPARTS["textual_inversion"].script)
    assert "version that is installed" in error.value.hint


@pytest.mark.slow
def test_a_script_gets_equal_settings_and_every_step_of_it_is_timed(examples: Path, tmp_path: Path) -> None:
    counterpart = COUNTERPARTS["dreambooth"]
    script = script_in(examples, counterpart.script)
    work = tmp_path / "work"
    work.mkdir()
    measured = theirs(counterpart, script, Path("base"), work, 16, OPTIONS)
    assert FAILURE not in measured, measured
    assert len(measured["seconds"]) == len(measured["cpu_seconds"]) == OPTIONS["timed"]
    # a step is two batches, each with its pause; no step is cut in two, none is two steps
    assert all(2 * SECONDS <= value < 20 * SECONDS for value in measured["seconds"])
    assert all(value < 2 * SECONDS for value in measured["cpu_seconds"])
    assert 0.1 < measured["process_gb"] < 2.0
    assert any(row["operator"].startswith("Optimizer.step") for row in measured["operators"])
    given = json.loads((work / "out" / "given.json").read_text())
    assert given["train_batch_size"] == "2" and given["max_train_steps"] == "4"
    assert given["mixed_precision"] == "no" and given["pretrained_model_name_or_path"] == "base"
    assert len(given["photos"]) == 6 and given["threads"] == torch.get_num_threads()
    ours = METHODS["dreambooth"].card().parse(dict(counterpart.settings))
    assert (float(given["learning_rate"]), int(given["rank"])) == (ours["learning_rate"], ours["rank"])
    assert ours["prior_weight"] == 0.0 and ours["identifier"] == "rare word"
    assert ours["rare_word"] in given["instance_prompt"].split()


@pytest.mark.slow
def test_a_script_that_fails_is_a_row_with_its_last_words(examples: Path, tmp_path: Path) -> None:
    script = script_in(examples, COUNTERPARTS["dreambooth"].script)
    script.write_text("raise SystemExit('It needs another version.')")
    measured = theirs(COUNTERPARTS["dreambooth"], script, Path("base"), tmp_path, 16, OPTIONS)
    assert measured[FAILURE].endswith("It needs another version.")
    table = Table("x", against.COLUMNS)
    add_row(table, "tiny, dreambooth", 1, [(TIMED, TIMED), (TIMED, measured)])
    assert table.rows[0][2] == measured[FAILURE]


def test_a_quotient_is_the_median_over_rounds_of_the_quotients_of_medians() -> None:
    def side(*cpu: float) -> dict[str, Any]:
        return {"seconds": [2 * value for value in cpu], "cpu_seconds": list(cpu), "process_gb": cpu[0]}

    table = Table("x", against.COLUMNS)
    # medians 2, 4, 8 and 3, 4, 4: quotients 1.5, 1 and 0.5
    pairs = [(side(1, 2, 9), side(3, 3, 9)), (side(4), side(4)), (side(8), side(4))]
    add_row(table, "tiny, dreambooth", 1, pairs)
    row = dict(zip(against.COLUMNS, table.rows[0], strict=True))
    assert row["theirs / ours"] == row["by the clock"] == "1.00 (0.75-1.25)"
    assert row["our ms of processor"].median == 4000 and row["our ms"].median == 8000
    assert row["their ms of processor"].median == 4000
    assert (row["our GB"], row["their GB"]) == ("8.00", "4.00")


def test_both_are_run_in_turn(examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(against, "ours", lambda *given: ran.append("ours") or TIMED)
    monkeypatch.setattr(against, "theirs", lambda *given: ran.append("theirs") or TIMED)
    parser = argparse.ArgumentParser()
    steps.add_flags(parser)
    arguments = ["--shapes", "tiny", "--batch", "1", "--rounds", "2", "--against", str(examples)]
    report = Report("steps")
    compare(parser.parse_args([*arguments, "--methods", "dreambooth", "neti"]), report)
    assert ran == ["ours", "theirs"] * 2
    assert [case["method"] for case in report.measured] == ["dreambooth"] * 2
    assert [row[:2] for row in report.tables[0].rows] == [("tiny, dreambooth", "1")]
    with pytest.raises(StudioError, match="no counterpart"):
        compare(parser.parse_args([*arguments, "--methods", "neti"]), report)
