"""`python -m trainers scenes-from`: what it writes can be learned from as it is."""

from __future__ import annotations

import re
import shlex
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from studio import output
from studio.photos.masked_folder import open_masked
from studio.photos.photo_files import files_in
from trainers import METHODS
from trainers.__main__ import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cut-outs of two subjects, and backgrounds."""
    for name, colour in (("lily", "red"), ("tom", "green")):
        (tmp_path / name).mkdir()
        for number in range(2):
            picture = Image.new("RGBA", (96, 96))
            ImageDraw.Draw(picture).ellipse((20, 10 + number, 70, 90), fill=colour)
            ImageDraw.Draw(picture).rectangle((30, 30, 40 + number, 40), fill="black")
            picture.save(tmp_path / name / f"{number}.png")
    (tmp_path / "places").mkdir()
    for name in ("on-the-beach", "in the forest"):
        made = Image.new("RGB", (128, 128), "white")
        ImageDraw.Draw(made).rectangle((0, 64, 128, 128), fill="gray")
        made.save(tmp_path / "places" / f"{name}.png")
    return tmp_path


def make(folder: Path, *more: str, subjects: tuple[str, ...] = ("lily=cat", "tom=dog")) -> int:
    own = ("--backgrounds", str(folder / "places"), "--out", str(folder / "out"))
    return main(["scenes-from", str(folder), "--subjects", *subjects, *own, *more])


def test_scenes_have_masks_and_captions_and_say_how_to_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(folder, "--count", "3", "--whole", "pair") == 0
    photos, refused = open_masked(files_in([folder / "out"]), ["<lily>", "<tom>"])
    assert not refused and [photo.name for photo in photos] == [f"scene-{n}.png" for n in (1, 2, 3)]
    assert all(set(photo.masks) == {0, 1} for photo in photos)
    captions = {(folder / "out" / f"scene-{n}.txt").read_text() for n in (1, 2)}
    assert captions == {
        f"a photo of <lily> and <tom> {place}, <lily> and <tom>, <pair>"
        for place in ("on the beach", "in the forest")
    }
    said = capsys.readouterr().out
    assert f"break_a_scene {folder / 'out'} --name lily --noun cat --beside tom=dog" in said


def split_by_cmd(line: str) -> list[str]:
    """Return the words of a command as a program on Windows is given them: only double quotes hold them."""
    return [word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*")+', line)]


@pytest.mark.parametrize(
    ("system", "words_of", "count"),
    [("posix", shlex.split, 2), ("posix", shlex.split, 7), ("nt", split_by_cmd, 2)],
)
def test_the_command_that_is_printed_can_be_given(
    folder: Path,
    system: str,
    words_of: Callable[[str], list[str]],
    count: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "os", SimpleNamespace(name=system))
    base = folder / "my base"
    assert make(folder, "--count", str(count), "--base", str(base)) == 0
    given: list[Namespace] = []
    monkeypatch.setattr("trainers.__main__.train_method", lambda flags, method: given.append(flags))
    python, _, module, *words = words_of(capsys.readouterr().out.splitlines()[-1])
    assert (python, module) == ("python", "trainers") and main(words) == 0
    (flags,) = given
    photos, refused = open_masked(files_in(flags.photos), ["<lily>", "<tom>"])
    METHODS["break_a_scene"].card().check(len(photos))
    assert not refused and len(photos) == min(count, 5) and flags.base == str(base)
    assert all(set(photo.masks) == {0, 1} for photo in photos)


@pytest.mark.parametrize(
    ("more", "subjects", "sentence"),
    [
        (("--count", "0"), ("lily=cat",), "--count is 1 to 200"),
        ((), ("lily",), "is not of the form NAME=NOUN"),
        ((), ("rex=dog",), "There is no folder"),
        (("--sizes", "lily=tall"), ("lily=cat",), "is no size"),
        (("--sizes", "tom=2"), ("lily=cat",), "--sizes names <tom>"),
        ((), ("places=sea",), "says where its subject is"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    subjects: tuple[str, ...],
    sentence: str,
) -> None:
    assert make(folder, *more, subjects=subjects) == 2
    assert sentence in capsys.readouterr().err
