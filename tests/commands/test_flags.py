"""Flags of `python -m studio`: every setting of a recipe has one, with its own help and bounds."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from studio.__main__ import flags
from studio.commands.merge import run_merge
from studio.commands.paint import file_name
from studio.commands.recipe_flags import open_workspace, recipe_of
from studio.commands.setting_flags import add_setting_flags, given_settings
from studio.errors import StudioError
from studio.generation.refinements import REFINEMENTS
from studio.recipes.recipe import Recipe
from studio.settings import Field, fields_of, number_text
from trainers.__main__ import main as train

RATE = Field("learning_rate", "float", 1e-4, "Size of 100 % of a step.", 1e-7, 0.1)
MODE = Field("mode", "choice", "sum", "How.", choices=("sum", "words"))


def parser(*fields: Field) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_setting_flags(made, fields)
    return made


def test_a_flag_has_the_help_the_bounds_and_the_default_of_its_setting() -> None:
    help = " ".join(parser(RATE, MODE).format_help().split())
    assert "--learning-rate VALUE Size of 100 % of a step. (1e-07 to 0.1) Default: 0.0001." in help
    assert "--mode sum|words How. Default: sum." in help


def test_bounds_are_written_with_all_of_their_digits() -> None:
    seed = Field("seed", "int", 0, "Where to begin.", 0, 2**31 - 1)
    assert seed.range == "Give a value from 0 to 2147483647."
    assert "Where to begin. (0 to 2147483647) Default: 0." in " ".join(parser(seed).format_help().split())
    with pytest.raises(StudioError, match="Seed of 3000000000 is out of range. Give a value from 0 to 2147"):
        seed.parse(3e9)
    assert RATE.range == "Give a value from 1e-07 to 0.1."
    assert number_text(float("inf")) == "inf" and number_text(0.30000000000000004) == "0.3"
    assert Field("size", "float", 1.0, "Any.").range == "Give a number."


def test_the_flags_of_a_method_are_made_like_all_others(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        train(["dreambooth", "--help"])
    help = " ".join(capsys.readouterr().out.split())
    assert "--steps VALUE Training steps. (1 to 20000) Default: 800, or what the base prefers." in help


def test_only_flags_that_were_given_are_settings_and_they_have_their_types() -> None:
    fields = (RATE, MODE)
    assert given_settings(parser(*fields).parse_args([]), fields) == {}
    given = parser(*fields).parse_args(["--learning-rate", "0.01", "--mode", "words"])
    assert given_settings(given, fields) == {"learning_rate": 0.01, "mode": "words"}


@pytest.mark.parametrize("value", [["--learning-rate", "1"], ["--learning-rate", "much"], ["--mode", "all"]])
def test_a_value_that_the_setting_refuses_is_one_sentence(value: list[str]) -> None:
    with pytest.raises(StudioError):
        given_settings(parser(RATE, MODE).parse_args(value), (RATE, MODE))


def test_every_setting_of_a_recipe_and_of_every_refinement_has_a_flag() -> None:
    given = vars(flags().parse_args(["paint", "a cat"]))
    refinements = [field for each in REFINEMENTS.values() for field in each.card().fields]
    names = {field.name for field in (*fields_of(Recipe), *refinements)}
    assert names <= set(given) and all(given[name] is None for name in names)


def test_what_the_flags_say_is_in_the_recipe(tmp_path: Path) -> None:
    said = ["--negative", "blur", "--seed", "3", "--steps", "9", "--guidance", "2.5", "--width", "64"]
    given = flags().parse_args(["paint", "a cat", *said, "--workspace", str(tmp_path)])
    recipe = recipe_of(given, open_workspace(given))
    assert recipe == Recipe("a cat", "blur", seed=3, steps=9, guidance=2.5, width=64)


def test_merge_can_still_be_called_fuse() -> None:
    assert flags().parse_args(["fuse", "lily", "--out", "both.safetensors"]).run is run_merge


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "picture-3.png"),
        ({"concepts": {"<lily>": "a", "<trek>": "b"}}, "lily-trek-3.png"),
        (
            {"composing": "words", "refinements": {"prompt_tuning_steps": 10}},
            "picture-3-prompt-tuning-steps-10-words.png",
        ),
    ],
)
def test_a_picture_is_named_after_what_it_was_painted_with(fields: dict, name: str) -> None:
    assert file_name(Recipe("a cat", seed=3, **fields)) == name
