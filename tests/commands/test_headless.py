"""Without the page: `python -m trainers` and `python -m studio`, from photos to a picture and again."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import studio.__main__ as painting
import trainers.__main__ as training
from studio.concepts.header import read_header
from studio.grids.grid_folder import GridFolder
from studio.models import opening
from studio.recipes.png import read_recipe
from studio.workspace.workspace import Workspace
from tests import tiny
from trainers import METHODS
from trainers.commands.training import add_training_flags, chosen_settings
from trainers.kit import text_moments as moments

pytestmark = pytest.mark.usefixtures("short_verdict")


@pytest.fixture(autouse=True)
def small_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())


def draw_photos(folder: Path) -> Path:
    """Save two photos in a folder and return it."""
    tiny.photos(2).save(folder)
    for path in folder.glob("*.png"):
        Image.open(path).resize((64, 64)).save(path)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_photos(tmp_path / "photos")


@pytest.fixture(scope="module")
def workspace(short_verdict: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which <lily> was learned once, for tests that add nothing to it."""
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())
        assert learn([draw_photos(folder / "photos")], folder) == 0
    return folder


def learn(photos: list[Path], workspace: Path, *flags: str) -> int:
    names = ["--name", "lily", "--noun", "cat", "--steps", "2", "--batch", "1"]
    return training.main(
        ["textual_inversion", *map(str, photos), *names, "--workspace", str(workspace), *flags]
    )


def paint(workspace: Path, prompt: str, *flags: str) -> int:
    common = ["--steps", "2", "--seed", "3", "--workspace", str(workspace)]
    return painting.main(["paint", prompt, *common, *flags])


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_from_photos_to_a_picture_and_again(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert learn([photos], tmp_path) == 0
    assert "Saved as" in capsys.readouterr().out
    assert len(list((tmp_path / "previews").glob("lily-*.png"))) == 3  # before, between, after
    assert paint(tmp_path, "a photo of <lily>", "--count", "2") == 0
    first = tmp_path / "pictures" / "lily-3.png"
    assert (tmp_path / "pictures" / "lily-4.png").exists()
    before = first.read_bytes()
    assert paint(tmp_path, "<lily> in the rain", "--count", "1") == 0  # the same seed, another picture
    assert first.read_bytes() == before and (tmp_path / "pictures" / "lily-3-2.png").exists()
    assert paint(tmp_path, "a photo of <lily>", "--count", "2") == 0  # the same pictures
    assert len(list((tmp_path / "pictures").glob("lily-*.png"))) == 3
    flags = ["--workspace", str(tmp_path), "--out", str(tmp_path / "again")]
    assert painting.main(["again", str(first), *flags]) == 0
    assert np.array_equal(pixels(first), pixels(tmp_path / "again" / "lily-3.png"))


def test_a_concept_file_from_anywhere_with_a_strength(photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "mine.safetensors"
    assert learn(sorted(photos.iterdir()), tmp_path, "--out", str(file)) == 0
    assert read_header(file).photos == 2 and not list((tmp_path / "concepts").iterdir())
    for name, text in (("full", f"{file}"), ("half", f"{file}:0.5"), ("none", f"{file}:0")):
        prompt = "a photo of <lily>"
        assert paint(tmp_path, prompt, "--concept", text, "--out", str(tmp_path / name)) == 0
    full, half, none = (tmp_path / name / "lily-3.png" for name in ("full", "half", "none"))
    assert read_recipe(half).strengths == {"<lily>": 0.5}
    assert not np.array_equal(pixels(full), pixels(none))
    assert paint(tmp_path, "a photo of cat", "--out", str(tmp_path / "cat")) == 0
    assert np.array_equal(pixels(none), pixels(tmp_path / "cat" / "picture-3.png"))


def test_signs_of_other_programs_are_understood_or_printed(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert paint(workspace, "(a:1.3) <lily>", "--concept", "lily:0.5", "--out", str(tmp_path / "a")) == 0
    capsys.readouterr()
    called = "(a:1.3) <lora:lily:0.5>"
    assert paint(workspace, called, "--concept", "lily", "--out", str(tmp_path / "b")) == 0
    assert (tmp_path / "a" / "lily-3.png").read_bytes() == (tmp_path / "b" / "lily-3.png").read_bytes()
    said = capsys.readouterr().out
    assert "<lora:lily:0.5> is <lily> at a strength of 0.5." in said
    assert said.count("Likeness reads (a:1.3) as plain words") == 1
    info = PngInfo()
    info.add_text("parameters", f"{called}\nSteps: 2, Seed: 3, CFG scale: 7.5, Size: 640x640, ENSD: 31337")
    Image.new("RGB", (8, 8)).save(tmp_path / "theirs.png", pnginfo=info)
    flags = ["--workspace", str(workspace), "--out", str(tmp_path / "c")]
    assert painting.main(["again", str(tmp_path / "theirs.png"), *flags]) == 0
    said = capsys.readouterr().out
    assert "Not used here: ENSD: 31337." in said and "640 × 640 pixels are too many" in said
    assert said.count("Likeness reads (a:1.3) as plain words") == 1
    assert read_recipe(tmp_path / "c" / "lily-3-sum.png").strengths == {"<lily>": 0.5}


def test_a_grid_by_command_and_taken_up_again(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert learn([photos], tmp_path) == 0
    out = tmp_path / "out"
    common = ["--steps", "2", "--seed", "3", "--workspace", str(tmp_path), "--out", str(out)]
    asked = ["grid", "a photo of <lily>", "--x", "strength=0,1", "--y", "seed=3,4", *common]
    assert painting.main(asked) == 0
    grid_folder = GridFolder.open(out)
    assert paint(tmp_path, "a photo of <lily>", "--count", "2") == 0
    for row, seed in ((0, 3), (1, 4)):
        alone = tmp_path / "pictures" / f"lily-{seed}.png"
        assert np.array_equal(pixels(grid_folder.path(grid_folder.cells[2 * row + 1])), pixels(alone))
        plain, full = grid_folder.cells[2 * row : 2 * row + 2]
        assert not np.array_equal(pixels(grid_folder.path(plain)), pixels(grid_folder.path(full)))
    deleted, other = grid_folder.path(grid_folder.cells[0]), grid_folder.path(grid_folder.cells[1])
    before, when = deleted.read_bytes(), other.stat().st_mtime_ns
    deleted.unlink()
    assert painting.main(asked) == 0
    assert deleted.read_bytes() == before and other.stat().st_mtime_ns == when
    assert (out / "grid.png").exists() and (out / "grid.zip").exists()
    assert painting.main(["grid", "a photo of <lily>", "--x", "bias=0,1", *common]) == 2
    assert "A grid cannot change the bias" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a cat", "--concept", "tom"], "no concept called <tom>"),
        (["a cat", "--concept", "lily:strong"], "'lily:strong' is not understood"),
        (["a cat", "--concept", "lily"], "The prompt does not name <lily>"),
        (["<lily>", "--knob", "lily.bias=low"], "'lily.bias=low' is not understood"),
        (["<tom>"], "no concept called <tom>"),
        (["a cat", "--steps", "0"], "Steps of 0 is out of range"),
    ],
)
def test_what_cannot_be_painted_is_one_sentence(
    arguments: list[str], message: str, workspace: Path, capsys: pytest.CaptureFixture
) -> None:
    assert painting.main(["paint", *arguments, "--workspace", str(workspace)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error and "Traceback" not in error


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(
    workspace: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(opening, "open_backbone", lambda *_: pytest.fail("too late"))
    common = ["--workspace", str(workspace), "--out", str(tmp_path / "file")]
    grid = ["grid", "a <lily>", "--x", "guidance=1,2", *common]
    for arguments in (["paint", "a <lily>", *common], grid):
        assert painting.main(arguments) == 2
        assert "cannot be written to: File exists" in capsys.readouterr().err.splitlines()[-1]
    other = ["--name", "tom", "--noun", "cat", "--workspace", str(workspace)]
    for out, complaint in ((tmp_path / "file" / "a", "cannot be written to"), (tmp_path, "is a folder")):
        assert training.main(["textual_inversion", str(photos), *other, "--out", str(out)]) == 2
        assert complaint in capsys.readouterr().err.splitlines()[-1]
        assert painting.main(["merge", "lily", *common[:2], "--out", str(out)]) == 2
        assert complaint in capsys.readouterr().err.splitlines()[-1]


def test_photos_that_are_not_there_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert learn([tmp_path / "nowhere"], tmp_path) == 2
    assert "There is no" in capsys.readouterr().err


def test_files_that_are_no_photos_are_counted_out(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "notes.txt").write_text("not a photo", encoding="utf-8")
    assert learn([tmp_path / "notes.txt"], tmp_path) == 2
    assert "needs 1 to 30 photos; there are 0" in capsys.readouterr().err


def test_text_statistics_by_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out, captions = tmp_path / "m.bin", tmp_path / "captions.txt"
    captions.write_text("a photo of a cat\n\na dog on blue\n", encoding="utf-8")
    assert training.main(["moments", "--out", str(out), "--captions", str(captions)]) == 0
    known = moments.load(out)
    assert known is not None and known.captions == 2 and known.hash in capsys.readouterr().out
    assert training.main(["moments"]) == 2
    assert training.main(["moments", "--out", str(out), "--captions", str(tmp_path / "none.txt")]) == 2


def test_sorted_folders_become_a_word_that_is_painted_evenly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, kind in enumerate(("red", "blue")):
        (tmp_path / "toys" / kind).mkdir(parents=True)
        for picture in (2 * number, 2 * number + 1):
            square = tiny.photos(4).squares[picture].resize((64, 64))
            square.save(tmp_path / "toys" / kind / f"{picture}.png")
    shared = ["--workspace", str(tmp_path / "workspace")]
    named = ["--name", "toys", "--noun", "dog", *shared]
    quick = ["--steps", "2", "--batch", "2", "--learning-rate", "0.2"]
    unsorted = str(tmp_path / "toys" / "red")
    assert training.main(["iti_gen", unsorted, *named, *quick]) == 2
    assert "not sorted" in capsys.readouterr().err
    assert training.main(["iti_gen", str(tmp_path / "toys"), *named, *quick]) == 0
    header = read_header(tmp_path / "workspace" / "concepts" / "toys.safetensors")
    assert header.knobs["category"].choices == ("blue", "red") and header.photos == 4
    paint = ["paint", "a <toys>", "--steps", "1", "--seed", "4", *shared]
    out = [tmp_path / name for name in ("turns", "blue", "red")]
    assert painting.main([*paint, "--count", "2", "--out", str(out[0])]) == 0
    for folder, number in zip(out[1:], (1, 2), strict=True):
        chosen = ["--knob", f"toys.category={number}", "--out", str(folder)]
        assert painting.main([*paint, "--count", "2", *chosen]) == 0

    def pixels(folder: Path, seed: int) -> np.ndarray:
        return np.asarray(Image.open(folder / f"toys-{seed}.png"))

    assert np.array_equal(pixels(out[0], 4), pixels(out[1], 4))
    assert np.array_equal(pixels(out[0], 5), pixels(out[2], 5))
    assert not np.array_equal(pixels(out[1], 4), pixels(out[2], 4))


def test_presets_and_efforts_are_settings_that_a_flag_overrules(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "work"
    Workspace(folder).presets.save("Tiny ones", "textual_inversion", {"steps": 1, "vectors": 2, "batch": 2})
    command = ["textual_inversion", str(photos), "--noun", "cat", "--workspace", str(folder)]
    assert training.main([*command, "--name", "ada", "--preset", "tiny ONES", "--batch", "1"]) == 0
    settings = read_header(folder / "concepts" / "ada.safetensors").settings
    assert (settings["steps"], settings["vectors"], settings["batch"]) == (1, 2, 1)
    assert training.main([*command, "--name", "bob", "--preset", "nothing"]) == 2
    assert "There is no preset called 'nothing'." in capsys.readouterr().err
    parser, card = argparse.ArgumentParser(), METHODS["textual_inversion"].card()
    add_training_flags(parser, card)
    given = parser.parse_args([*command[1:], "--name", "bob", "--effort", "quick"])
    presets = Workspace(folder).presets
    assert chosen_settings(given, card, presets) == card.parse({"steps": 1500})
    given = parser.parse_args([*command[1:], "--name", "bob", "--effort", "quick", "--preset", "tiny ones"])
    assert chosen_settings(given, card, presets)["steps"] == 1
