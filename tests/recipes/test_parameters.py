"""The texts of other programs, as they are: more lines, quotes, commas, JSON, and what they leave out."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import StudioError
from studio.limits import MAX_PARAMETERS_LETTERS
from studio.recipes.parameters import from_parameters, parameters, read_settings
from studio.recipes.png import read_recipe, read_recipe_and_notes
from studio.recipes.recipe import Recipe

LAST = "Steps: 12, Sampler: DDIM, CFG scale: 5.5, Seed: 77, Model: plain"


def png(path: Path, **texts: str) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    "settings",
    [
        f"{LAST}\nTemplate: a {{red|blue}} dog\nNegative Template: dark",
        f'{LAST}, Wildcard prompt: "a __animal__\non a __colour__, Seed: 5", Hires upscale: 2',
        'Steps: 12, Resources: [{"name":"x, Seed: 1","w":1}], Seed: 77, CFG scale: 5.5, Model: plain',
        "Steps: 12, Values: 1, 2, 3, Seed: 77, CFG scale: 5,5, Model: plain",
        "Steps: 12, CFG scale: 5,5, Seed: 77, Model: plain",
    ],
)
def test_lines_quotes_json_and_commas_change_no_other_value(settings: str) -> None:
    recipe, notes = from_parameters(f"a dog\non red\nNegative prompt: blurry\n{settings}")
    assert recipe == Recipe(
        "a dog\non red", "blurry", seed=77, steps=12, guidance=5.5, composing="sum", base="plain"
    )
    assert notes == []


def test_a_prompt_may_look_like_settings() -> None:
    recipe, _ = from_parameters(f"a stair\nSteps: of stone\n{LAST}")
    assert recipe.prompt == "a stair\nSteps: of stone" and recipe.steps == 12


def test_our_own_text_is_read_again_whatever_the_base_is_called() -> None:
    for base in ("a, Seed: 5", "C:\\models\\a.safetensors", '"quoted"', "[x", "", "two\nlines"):
        recipe = Recipe("a dog", "dark", seed=3, composing="sum", base=base)
        assert from_parameters(parameters(recipe)) == (recipe, [])


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ("Steps: 12, Seed: -1", "does not say its seed"),
        ("Steps: 12", "does not say its seed"),
        ("Steps: 12, Seed: 4123456789", "4123456789 is too large here and becomes 1975973141"),
        ("Steps: 12, Seed: 1, Sampler: UniPC", "sampled with UniPC; here it is DDIM"),
        ("Steps: 12, Seed: 1, Size: 90000x512", "90000x512 pixels large"),
    ],
)
def test_what_cannot_be_the_same_is_said(settings: str, note: str) -> None:
    notes = from_parameters(f"a dog\n{settings}")[1]
    assert len(notes) == 1 and note in notes[0]


@pytest.mark.parametrize(
    ("settings", "sampler"),
    [
        ("Sampler: Euler a", "Euler a"),
        ("Sampler: euler A, Schedule type: Automatic", "Euler a"),
        ("Sampler: DPM++ 2M, Schedule type: Karras", "DPM++ 2M Karras"),
        ("Sampler: DPM++ 2M Karras", "DPM++ 2M Karras"),
        ("Model: plain", "DDIM"),
    ],
)
def test_samplers_have_the_names_of_other_programs(settings: str, sampler: str) -> None:
    recipe, notes = from_parameters(f"a dog\nSteps: 12, Seed: 1, {settings}")
    assert (recipe.sampler, notes) == (sampler, [])


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("a dog <lora:lily_v2:0.8>", "<lora:lily_v2:0.8> calls a file"),
        ("a (red dog:1.3)", "(red dog:1.3) gives words a weight"),
        ("a ((dog))", "((dog)) gives words a weight"),
        ("a dog BREAK on red", "BREAK divides the prompt"),
    ],
)
def test_signs_of_other_programs_are_named(tmp_path: Path, prompt: str, word: str) -> None:
    notes = read_recipe_and_notes(png(tmp_path / "a.png", parameters=f"{prompt}\n{LAST}"))[1]
    assert len(notes) == 1 and word in notes[0]
    plain = png(tmp_path / "b.png", parameters=f"a dog (my own), <lily> and a break\n{LAST}")
    assert read_recipe_and_notes(plain)[1] == []


def test_a_negative_prompt_alone_is_not_painted(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", parameters=f"\nNegative prompt: blurry\n{LAST}")
    with pytest.raises(StudioError, match="only a negative prompt"):
        read_recipe(path)


def test_a_workflow_of_comfyui_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="painted by ComfyUI"):
        read_recipe(png(tmp_path / "a.png", prompt='{"3": {}}', workflow="{}"))


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + f"a dog\n{LAST}".encode("utf-16-be"),
        b"UNICODE\0" + f"a dog\n{LAST}".encode("utf-16-le"),
        b"ASCII\0\0\0" + f"a dog\n{LAST}".encode(),
    ],
)
def test_the_text_in_the_exif_of_other_formats_is_read(tmp_path: Path, suffix: str, comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (16, 16)).save(path, exif=exif)
    assert read_recipe(path).seed == 77


@pytest.mark.parametrize(
    "letters",
    ["a", " ", ",", ", a", '"', "\\", "[", "(", "((a", "<lora:a", ",    ", "Steps: ", "a: ,", "\n", "[a:"],
)
def test_the_longest_text_takes_no_time(letters: str) -> None:
    text = (letters * MAX_PARAMETERS_LETTERS)[: MAX_PARAMETERS_LETTERS - 40]
    began = time.process_time()
    for parts in (
        ("x", f"Steps: 20, {text}"),
        ("x", f"Steps: 20, Other: {text}"),
        (text, "Steps: 20, Seed: 1"),
    ):
        try:
            from_parameters("\n".join(parts))
        except (ValueError, StudioError):
            continue
    assert time.process_time() - began < 5.0  # the pattern that was quadratic took hours
    with pytest.raises(ValueError, match="too long"):
        from_parameters("x" * (MAX_PARAMETERS_LETTERS + 1))


def test_of_two_values_with_one_name_the_first_counts() -> None:
    assert read_settings("Seed: 1, Seed: 2") == {"Seed": "1"}
