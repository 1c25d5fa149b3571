"""DreamBench: its lists, its folders, its numbers, and going on after an interruption."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from PIL import Image

import trainers.__main__ as command
from studio.errors import StudioError
from studio.evaluation.encoders import open_encoders
from studio.evaluation.measures import pairs
from studio.events import Result
from studio.models import opening
from studio.recipes.recipe import Sampling
from tests import tiny
from trainers.benchmarks import dreambench, dreambench_cases, trained_concepts
from trainers.benchmarks.dreambench import REAL_ROW, SubjectScore, dreambench_table
from trainers.benchmarks.dreambench_cases import LISTING, prompts_for, subjects_in

pytestmark = pytest.mark.usefixtures("short_verdict")

LISTED = (
    "Classes\n\nsubject_name,class\nred_cat,cat\nbear,stuffed animal\nabsent,vase\n\nPrompts\n'a {0} {1}',\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two subjects of three photos in DreamBench's layout."""
    folder = tmp_path / "dataset"
    for name in ("red_cat", "bear"):
        tiny.photos(3).save(folder / name)
    (folder / LISTING).write_text(LISTED, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def few_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dreambench, "prompts_for", lambda noun: ("a {} on blue", "a blue {}"))


def test_the_lists_are_the_protocols() -> None:
    live, objects = prompts_for("dog"), prompts_for("teapot")
    assert len(live) == len(objects) == len(set(live)) == len(set(objects)) == 25
    assert live[:10] == objects[:10] and live[20:] == objects[20:]
    assert not set(live[10:20]) & set(objects[10:20])
    assert live[0] == "a {} in the jungle" and objects[24] == "a cube shaped {}"
    assert all(prompt.count("{}") == 1 for prompt in live + objects)
    lines = (dreambench_cases.LISTS / "subjects.txt").read_text(encoding="utf-8").splitlines()
    classes = [line.split(",")[1] for line in lines]
    assert len(lines) == 30 and len(set(classes)) == 15
    assert sum(noun in dreambench_cases.LIVE for noun in classes) == 9


def test_subjects_have_the_class_that_the_folder_lists(folder: Path) -> None:
    cases = subjects_in(folder)
    assert [(case.subject.handle, case.subject.noun) for case in cases] == [
        ("<red_cat>", "cat"),
        ("<bear>", "stuffed animal"),
    ]
    assert all(len(case.photos) == 3 for case in cases)
    (folder / LISTING).unlink()
    with pytest.raises(StudioError, match="There are no subjects"):
        subjects_in(folder)
    (folder / "bear").rename(folder / "can")
    assert [case.subject.noun for case in subjects_in(folder)] == ["can"]
    (folder / "can" / "00.jpg").write_bytes(b"no photo")
    with pytest.raises(StudioError, match="A photo of can cannot be used"):
        subjects_in(folder)


def run(folder: Path, out: Path, *flags: str) -> int:
    method = "textual_inversion steps=1 batch=1"
    return command.main(
        ["dreambench", str(folder), "--out", str(out), "--methods", method, "--seeds", "2", *flags]
    )


@pytest.mark.slow
def test_a_run_by_command_goes_on_after_an_interruption(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    backbone = tiny.backbone()
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: backbone)
    out = tmp_path / "out"
    assert run(folder, out) == 0
    printed = capsys.readouterr().out
    lines = (out / "table.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:5]] == [
        ["| real images", "2"],
        ["| plain noun", "2"],
        ["| textual_inversion steps=1 batch=1", "2"],
    ]
    assert lines[0] == "| method | subjects | structure | likeness | prompt agreement |"
    assert "not comparable" in printed
    pictures = sorted((out / "dreambench").rglob("*.png"))
    assert len(pictures) == 2 * 2 * 2 * 2  # subjects, scores, prompts, seeds
    last_folder = pictures[-1].parent
    pictures[-1].unlink()
    (last_folder / "score.json").unlink()
    calls, decode = [], backbone.decode
    monkeypatch.setattr(backbone, "decode", lambda latents: calls.append(1) or decode(latents))
    monkeypatch.setattr(trained_concepts, "train", None)  # nothing is learned twice
    assert run(folder, out) == 0
    assert len(calls) == 1
    assert (out / "table.md").read_text(encoding="utf-8").splitlines() == lines
    assert run(folder, out, "--subjects", "nobody") == 2


def test_the_numbers_are_the_definitions(folder: Path, tmp_path: Path) -> None:
    backbone = tiny.backbone()
    encoders, cases = open_encoders(backbone), subjects_in(folder)[:1]
    sampling = Sampling(steps=1, guidance=1.0, count=2)
    *_, last = dreambench.dreambench(backbone, encoders, cases, [], sampling, tmp_path / "out")
    assert isinstance(last, Result)
    real, plain = last.value
    photos = encoders.subject.encode(tiny.photos(3).squares)
    assert real.likeness == pytest.approx(pairs(photos).mean().item(), abs=1e-5)
    painted = [Image.open(path) for path in sorted((tmp_path / "out" / "red_cat").rglob("*.png"))]
    assert len(painted) == 4
    cosines = (encoders.subject.encode(painted) @ photos.T).flatten().tolist()
    assert len(cosines) == 12 and plain.likeness == pytest.approx(statistics.fmean(cosines), abs=1e-5)
    saved = json.loads(
        (tmp_path / "out" / "red_cat" / "plain-noun" / "score.json").read_text(encoding="utf-8")
    )
    assert saved["encoders"] == encoders.names and saved["made_with"]["base"] == backbone.fingerprint


def test_the_table_is_of_means_over_subjects_and_names_the_encoders() -> None:
    names = {"structure": "vit_small_patch16_224.dino [0]", "likeness": "ViT-B-32 [1]"}
    names["prompt agreement"] = names["likeness"]
    scores = [
        SubjectScore(name, REAL_ROW, value, 0.9, None, names) for name, value in (("x", 0.7), ("y", 0.8))
    ]
    scores += [
        SubjectScore(name, "dreambooth", value, 0.8, 0.3, names) for name, value in (("x", 0.6), ("y", 0.6))
    ]
    lines = dreambench_table(scores).splitlines()
    assert lines[0] == "| method | subjects | DINO | CLIP-I | CLIP-T |"
    assert lines[2] == "| real images | 2 | 0.750 ± 0.635 | 0.900 ± 0.000 |  |"
    assert lines[3] == "| dreambooth | 2 | 0.600 ± 0.000 | 0.800 ± 0.000 | 0.300 ± 0.000 |"
    assert "not comparable" not in dreambench_table(scores)
