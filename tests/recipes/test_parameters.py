"""The texts of other programs, as they are: more lines, quotes, commas, JSON, and what they leave out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.documents import DocumentError
from studio.errors import StudioError
from studio.limits import MAX_PARAMETERS_LETTERS
from studio.recipes.parameters import from_parameters, parameters
from studio.recipes.png import read_recipe, read_recipe_and_notes
from studio.recipes.recipe import Recipe
from studio.recipes.settings_line import read_settings

LAST = "Steps: 12, Sampler: DDIM, CFG scale: 5.5, Seed: 77, Model: plain"


def png(path: Path, **texts: str) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    ("settings", "unused"),
    [
        (
            f"{LAST}\nTemplate: a {{red|blue}} dog\nNegative Template: dark\nmade by hand",
            "Template: a {red|blue} dog; Negative Template: dark; Line: made by hand",
        ),
        (
            f'{LAST}, Wildcard prompt: "a __animal__\non a __colour__, Seed: 5", Hires upscale: 2',
            "Wildcard prompt: a __animal__ on a __colour__, Seed: 5; Hires upscale: 2",
        ),
        (
            'Steps: 12, Resources: [{"name":"x, Seed: 1","w":1}], Seed: 77, CFG scale: 5.5, Model: plain',
            'Resources: [{"name":"x, Seed: 1","w":1}]',
        ),
        ("Steps: 12, Values: 1, 2, 3, Seed: 77, CFG scale: 5,5, Model: plain", "Values: 1, 2, 3"),
        ("Steps: 12, CFG scale: 5,5, Seed: 77, Model: plain, Seed: 78", "Seed (again): 78"),
    ],
)
def test_lines_quotes_json_and_commas_change_no_other_value(settings: str, unused: str) -> None:
    recipe, notes = from_parameters(f"a dog\non red\nNegative prompt: blurry\n{settings}")
    assert recipe == Recipe(
        "a dog\non red", "blurry", seed=77, steps=12, guidance=5.5, composing="sum", base="plain"
    )
    assert notes[1:] == [f"Not used here: {unused}."]


def test_a_prompt_may_look_like_settings() -> None:
    recipe, _ = from_parameters(f"a stair\nSteps: of stone\n{LAST}")
    assert recipe.prompt == "a stair\nSteps: of stone" and recipe.steps == 12
    recipe, _ = from_parameters(f"a stair\nSteps:7, Seed: 1\n{LAST}")
    assert recipe.prompt == "a stair\nSteps:7, Seed: 1" and (recipe.steps, recipe.seed) == (12, 77)


def test_our_own_text_is_read_again_whatever_the_base_is_called() -> None:
    for base in ("a, Seed: 5", "C:\\models\\a.safetensors", '"quoted"', "[x", "", "two\nlines"):
        recipe = Recipe("a dog", "dark", seed=3, composing="sum", base=base)
        assert from_parameters(parameters(recipe)) == (recipe, [])


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ("Seed: -1", "does not say its seed"),
        ("Model: plain", "does not say its seed"),
        ("Seed: 4123456789", "4123456789 is too large here and becomes 1975973141"),
        ("Seed: many", "'many' is no number; here it begins with 0"),
        ("Seed: 1, Sampler: UniPC", "sampled with UniPC; here it is DDIM"),
        ("Seed: 1, Size: 90000x512", "90000x512 pixels large"),
        ("Seed: 1, Size: large", "size of large x ? is not understood"),
        ("Seed: 1, Clip skip: 40", "clip skip of 40 is beyond what there is here; it becomes 12"),
        ("Seed: 1, CFG rescale: nan", "rescale 'nan' is no number; here it is 0"),
    ],
)
def test_what_cannot_be_the_same_is_said(settings: str, note: str) -> None:
    notes = from_parameters(f"a dog\nSteps: 12, CFG scale: 4, {settings}")[1]
    assert len(notes) == 2 and note in notes[1]


def test_numbers_beyond_ours_become_the_nearest() -> None:
    recipe, notes = from_parameters("a dog\nSteps: 250, Seed: 1, CFG scale: 1e9")
    assert (recipe.steps, recipe.guidance) == (200, 50.0)
    assert "number of steps of 250" in notes[1] and "CFG scale of 1e+09" in notes[2]


@pytest.mark.parametrize(
    ("settings", "program"),
    [
        ("Version: v1.9.4", "AUTOMATIC1111 v1.9.4"),
        ("Version: f2.0.1v1.10.1-previous-313", "Forge f2.0.1v1.10.1-previous-313"),
        ("Distilled CFG Scale: 3.5", "Forge"),
        ("Parser: Full parser, Version: 0eba2a0", "SD.Next 0eba2a0"),
        ("App: SD.Next, Version: 5d7bd8b", "SD.Next 5d7bd8b"),
        ("Version: Fooocus v2.5.5", "Fooocus v2.5.5"),
        ("Model: plain", "AUTOMATIC1111 or a program of its kind"),
    ],
)
def test_the_program_is_named(settings: str, program: str) -> None:
    notes = from_parameters(f"a dog\nSteps: 12, Seed: 1, CFG scale: 4, {settings}")[1]
    assert notes[0] == f"It was painted by {program}."


def test_our_own_text_says_what_other_programs_look_for() -> None:
    text = parameters(Recipe("a dog", seed=3, width=64, height=96, sampler="Euler a", base="plain"))
    settings = read_settings(text.split("\n")[-1])
    wanted = {"Sampler": "Euler a", "Size": "64x96", "Seed": "3", "Model": "plain"}
    assert wanted.items() <= settings.items() and settings["Version"].startswith("Likeness")


def test_every_value_that_nobody_uses_is_listed_but_not_endlessly() -> None:
    many = ", ".join(f"Extra {number}: {'x' * 500}" for number in range(50))
    (*_, unused) = from_parameters(f"a dog\nSteps: 12, Seed: 1, CFG scale: 4, {many}")[1]
    assert "Extra 19: x" in unused and "and 30 more" in unused and len(unused) < 2000


@pytest.mark.parametrize(
    ("settings", "sampler"),
    [
        ("Sampler: Euler a", "Euler a"),
        ("Sampler: euler A, Schedule type: Automatic", "Euler a"),
        ("Sampler: DPM++ 2M, Schedule type: Karras", "DPM++ 2M Karras"),
        ("Sampler: DPM++ 2M, Schedule type: Automatic", "DPM++ 2M Karras"),
        ("Sampler: DPM++ 2M Karras", "DPM++ 2M Karras"),
        ("Model: plain", "DDIM"),
    ],
)
def test_samplers_have_the_names_of_other_programs(settings: str, sampler: str) -> None:
    recipe, notes = from_parameters(f"a dog\nSteps: 12, Seed: 1, CFG scale: 4, {settings}")
    assert (recipe.sampler, len(notes)) == (sampler, 1)


def test_noise_levels_that_are_not_ours_are_said() -> None:
    recipe, notes = from_parameters(
        f"a dog\n{LAST}, Sampler: Euler, Schedule type: Simple".replace("Sampler: DDIM, ", "")
    )
    assert recipe.sampler == "Euler" and notes[1:] == ["Not used here: Schedule type: Simple."]


def test_a_negative_prompt_alone_is_read_as_one_and_not_painted(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", parameters=f"\nNegative prompt: blurry\n{LAST}")
    recipe, notes = read_recipe_and_notes(path)
    assert (recipe.prompt, recipe.negative, recipe.seed) == ("", "blurry", 77)
    assert "only a negative" in notes[-1]
    with pytest.raises(StudioError, match="prompt is empty"):
        recipe.checked()


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + f"a dog\n{LAST}".encode("utf-16-be"),
        b"UNICODE\0" + f"a dog\n{LAST}".encode("utf-16-le"),
        b"UNICODE\0" + f"\ufeffa dog\n{LAST}\0".encode("utf-16-le"),
        b"ASCII\0\0\0" + f"a dog\n{LAST}".encode(),
        f"a dog\n{LAST}".encode(),
    ],
)
def test_the_text_in_the_exif_of_other_formats_is_read(tmp_path: Path, suffix: str, comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (16, 16)).save(path, exif=exif)
    recipe = read_recipe(path)
    assert (recipe.prompt, recipe.seed, recipe.base) == ("a dog", 77, "plain")


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("prompt", ["一" * 90, "猫が海にいる　" * 30 + "夜"], ids=["chinese", "japanese"])
def test_chinese_and_japanese_prompts_are_read_in_either_order_of_bytes(
    tmp_path: Path, prompt: str, mark: str, order: str
) -> None:
    texts = (
        f"{mark}{prompt}\n{LAST}",
        mark + json.dumps({"prompt": prompt, "metadata_scheme": "fooocus"}, ensure_ascii=False),
    )
    for text in texts:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode(order)
        path = tmp_path / "a.jpg"
        Image.new("RGB", (16, 16)).save(path, exif=exif)
        assert read_recipe(path).prompt == prompt


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
    with pytest.raises(DocumentError, match="more than 200000 letters"):
        from_parameters("x" * (MAX_PARAMETERS_LETTERS + 1))


def test_of_two_values_with_one_name_the_first_counts() -> None:
    assert read_settings("Seed: 1, Seed: 2") == {"Seed": "1"}
