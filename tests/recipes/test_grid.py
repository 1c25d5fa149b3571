"""Grids: what a person writes becomes axes, and axes become recipes; sheets keep what is painted."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.concepts.header import Header
from studio.errors import StudioError
from studio.grids.contact_sheet import MIN_SIDE, Fonts, contact_sheet, lay_out
from studio.grids.grid_folder import ARCHIVE, GridFolder
from studio.recipes.axis import FIELDS, PLAIN, SINGLE, Axis
from studio.recipes.grid import Grid
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard
from studio.settings import Field, Knob
from studio.workspace.jobs import Jobs

BIAS = Knob(0.6, 0.0, 1.0, "Low is faithful, high obeys the prompt.")


def header(handle: str, noun: str, method: str = "dreambooth", **knobs: Knob) -> Header:
    return Header(
        handles={handle: noun},
        method=method,
        method_title=method.replace("_", " ").title(),
        paper="",
        settings={},
        seed=0,
        base="",
        fingerprint="",
        photos=3,
        steps=1,
        final_loss=0.0,
        created="2026-01-01T00:00:00+00:00",
        program="",
        knobs=knobs,
    )


HEADERS = {
    "<lily>": header("<lily>", "dog"),
    "<lily-2>": header("<lily-2>", "dog", "perfusion", bias=BIAS),
    "<trek>": header("<trek>", "boot", "perfusion", bias=BIAS),
}


def recipes(base: Recipe, x: Axis, y: Axis = SINGLE) -> list[Recipe]:
    return [cell.recipe for cell in Grid(base, x, y).cells(HEADERS)]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("guidance", "2, 4,8", (2.0, 4.0, 8.0)),
        ("bias", "0.4:1.0:0.2", (0.4, 0.6, 0.8, 1.0)),
        ("lily.strength", "1:0:0.5", (1.0, 0.5, 0.0)),
        ("seed", "1:4", (1, 2, 3, 4)),
        ("seed", "7, 7, 8", (7, 8)),
        ("Concept", "Lily, <trek>, plain", ("<lily>", "<trek>", PLAIN)),
        ("prompt", 'blue, "red, green"', ("blue", "red, green")),
        ("method", "DreamBooth, perfusion", ("DreamBooth", "perfusion")),
    ],
)
def test_values_are_read_as_people_write_them(name: str, text: str, values: tuple) -> None:
    assert Axis.parse(name, text).values == values
    assert [type(value) for value in Axis.parse(name, text).values] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("name", "text"),
    [("seed", "1.5"), ("guidance", "a"), ("bias", "0:1:0"), ("seed", ""), ("", "1"), ("steps", "1:999")],
)
def test_values_that_cannot_be_read_are_told(name: str, text: str) -> None:
    with pytest.raises(StudioError) as refusal:
        Axis.parse(name, text)
    assert refusal.value.hint


def test_every_cell_is_the_base_with_two_things_changed() -> None:
    base = Recipe("a <lily>", seed=5, steps=9, count=4)
    cells = Grid(base, Axis.parse("guidance", "2, 6"), Axis.parse("seed", "1:3")).cells(HEADERS)
    assert [(cell.column, cell.row) for cell in cells] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    for cell in cells:
        guidance, seed = (2.0, 6.0)[cell.column], (1, 2, 3)[cell.row]
        assert cell.recipe == dataclasses.replace(base, guidance=guidance, seed=seed, count=1)


def test_every_plain_field_of_a_recipe_can_change_along_an_axis() -> None:
    assert {
        "guidance",
        "steps",
        "seed",
        "composing",
        "negative",
        "width",
        "height",
        "sampler",
        "clip_skip",
    } <= set(FIELDS)
    assert not {"prompt", "count", "base", "strengths", "refinements"} & set(FIELDS)


def test_a_setting_of_a_refinement_can_change_along_an_axis() -> None:
    field = Field("tuning_steps", "int", 0, "How long.", 0, 20)
    card = RefinementCard("tuning", "Tuning", "", "", (field,))
    axis = Axis.parse("Tuning steps", "0, 10", [card])
    cells = Grid(Recipe("a <lily>"), axis).cells(HEADERS, [card])
    assert [cell.recipe.refinements for cell in cells] == [{"tuning_steps": 0}, {"tuning_steps": 10}]


def test_what_a_grid_does_not_exchange_stays_as_it_is() -> None:
    base = Recipe("a <lily> and <trek>", negative="no <Lily>", strengths={"<lily>": 0.5, "<trek>": 0.7})
    plain, other = recipes(base, Axis.parse("concept", "plain noun, lily-2"))
    assert plain.strengths == {"<lily>": 0.0, "<trek>": 0.7} and plain.negative == base.negative
    assert (other.prompt, other.negative) == ("a <lily-2> and <trek>", "no <lily-2>")
    assert other.strengths == {"<lily-2>": 0.5, "<trek>": 0.7}


def test_concepts_take_turns_in_the_prompt_with_their_strength_and_the_knobs_they_have() -> None:
    base = Recipe("a <lily-2> by <Lily-2>", strengths={"<lily-2>": 0.5}, knobs={"<lily-2>": {"bias": 0.1}})
    one, other, third, plain = recipes(base, Axis.parse("concept", "lily-2, trek, lily, plain noun"))
    assert one == base and other.prompt == "a <trek> by <trek>"
    assert other.strengths == {"<trek>": 0.5} and other.knobs == {"<trek>": {"bias": 0.1}}
    assert third.strengths == {"<lily>": 0.5} and third.knobs == {}
    assert plain.prompt == base.prompt and plain.strengths == {"<lily-2>": 0.0}


def test_of_two_concepts_in_the_prompt_the_one_on_the_axis_takes_turns() -> None:
    base = Recipe("<lily> in a <trek>", regions={"<trek>": (0.5, 0.0, 1.0, 1.0)})
    found = recipes(base, Axis.parse("concept", "trek, lily-2"))
    assert [recipe.prompt for recipe in found] == ["<lily> in a <trek>", "<lily> in a <lily-2>"]
    assert found[1].regions == {"<lily-2>": (0.5, 0.0, 1.0, 1.0)}


def test_a_method_stands_for_the_concept_of_the_same_thing_that_it_made() -> None:
    axis = Axis.parse("method", "dreambooth, Perfusion")
    assert [recipe.prompt for recipe in recipes(Recipe("a <lily>"), axis)] == ["a <lily>", "a <lily-2>"]
    with pytest.raises(StudioError, match="no concept of a boot made with dreambooth"):
        recipes(Recipe("a <trek>"), axis)


def test_of_several_made_by_a_method_the_name_decides_or_nobody_does() -> None:
    rex = {**HEADERS, "<rex>": header("<rex>", "dog", "perfusion"), "<ada>": header("<ada>", "dog")}
    axis = Axis.parse("method", "perfusion")
    assert Grid(Recipe("a <lily>"), axis).cells(rex)[0].recipe.prompt == "a <lily-2>"
    with pytest.raises(StudioError, match="<lily-2> and <rex> are all a dog"):
        Grid(Recipe("a <ada>"), axis).cells(rex)


def test_a_dial_turns_every_concept_that_has_it_or_the_one_it_names() -> None:
    base = Recipe("<lily> and <trek>", knobs={"<trek>": {"bias": 0.9}})
    (all_strengths,) = recipes(base, Axis.parse("strength", "0.5"))
    assert all_strengths.strengths == {"<lily>": 0.5, "<trek>": 0.5}
    (one,) = recipes(base, Axis.parse("trek.strength", "0.5"))
    assert one.strengths == {"<trek>": 0.5}
    (bias,) = recipes(base, Axis.parse("bias", "0.2"))
    assert bias.knobs == {"<trek>": {"bias": 0.2}} and base.knobs == {"<trek>": {"bias": 0.9}}
    with pytest.raises(StudioError, match="<lily> has nothing called bias"):
        recipes(base, Axis.parse("lily.bias", "0.2"))


def test_concepts_are_exchanged_before_their_dials_are_turned_whichever_axis_is_which() -> None:
    concept, bias = Axis.parse("concept", "lily-2, trek"), Axis.parse("bias", "0, 1")
    for x, y in ((concept, bias), (bias, concept)):
        knobs = {(recipe.prompt, str(recipe.knobs)) for recipe in recipes(Recipe("a <lily-2>"), x, y)}
        assert len(knobs) == 4 and all(prompt[2:] in moved for prompt, moved in knobs)


def test_words_of_the_prompt_are_searched_for_and_replaced() -> None:
    found = recipes(Recipe("a <lily> on blue", "blue sky"), Axis.parse("prompt", "blue, red"))
    assert [(recipe.prompt, recipe.negative) for recipe in found] == [
        ("a <lily> on blue", "blue sky"),
        ("a <lily> on red", "red sky"),
    ]
    with pytest.raises(StudioError, match="does not say 'green'"):
        recipes(Recipe("a <lily> on blue"), Axis.parse("prompt", "green, red"))


@pytest.mark.parametrize(
    ("prompt", "x", "y", "words"),
    [
        ("a <lily>", ("guidance", "1, 2"), ("guidance", "3"), "Both directions"),
        ("a <lily>", ("seed", "1:40"), ("steps", "1:40"), "too many for a grid"),
        ("a <lily>", ("colour", "1"), ("seed", "1"), "cannot change the colour"),
        ("a dog", ("concept", "lily"), ("seed", "1"), "names no concept"),
        ("a <nobody>", ("strength", "1"), ("seed", "1"), "no concept called <nobody>"),
        ("a <lily>", ("concept", "nobody"), ("seed", "1"), "no concept called <nobody>"),
        ("a <lily>", ("steps", "0, 5"), ("seed", "1"), "Steps of 0 is out of range"),
    ],
)
def test_a_grid_that_cannot_be_painted_is_refused(prompt: str, x: tuple, y: tuple, words: str) -> None:
    with pytest.raises(StudioError, match=words) as refusal:
        Grid(Recipe(prompt), Axis.parse(*x), Axis.parse(*y)).cells(HEADERS)
    assert refusal.value.hint


def paint(sheet: GridFolder, numbers: range, base: str = "here", side: int = 20) -> None:
    for number in numbers:
        cell = sheet.cells[number]
        picture = Image.new("RGB", (side, side), (10 * number, 100, 50))
        save_picture(picture, dataclasses.replace(cell.recipe, base=base), sheet.path(cell))


@pytest.fixture
def sheet(tmp_path: Path) -> GridFolder:
    grid = Grid(
        Recipe("a <trek>"), Axis.parse("bias", "0, 0.5, 1").with_help(HEADERS), Axis.parse("seed", "1, 2")
    )
    return GridFolder.create(tmp_path / "sheet", grid, grid.cells(HEADERS))


def test_a_sheet_is_read_as_it_was_laid_and_knows_what_is_painted(sheet: GridFolder) -> None:
    paint(sheet, range(2))
    again = GridFolder.open(sheet.folder)
    assert again == sheet and again.grid.x.note == BIAS.help
    assert [again.is_painted(cell, "here") for cell in again.cells] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert not again.is_painted(again.cells[0], "elsewhere")
    save_picture(Image.new("RGB", (4, 4)), Recipe("another"), again.path(again.cells[1]))
    assert not again.is_painted(again.cells[1], "here")


def test_a_picture_is_named_by_its_recipe_and_by_nothing_that_tells_its_place(sheet: GridFolder) -> None:
    twice = dataclasses.replace(sheet, cells=(sheet.cells[0], dataclasses.replace(sheet.cells[0], column=2)))
    assert twice.path(twice.cells[0]) == twice.path(twice.cells[1])
    assert len({sheet.path(cell) for cell in sheet.cells}) == 6
    assert "0.5" not in sheet.path(sheet.cells[1]).name


def test_columns_and_rows_are_settings(sheet: GridFolder) -> None:
    assert [(label, len(cells)) for label, cells in sheet.lines("x")] == [("0", 2), ("0.5", 2), ("1", 2)]
    assert [[cell.recipe.seed for cell in cells] for _, cells in sheet.lines("y")] == [[1] * 3, [2] * 3]


def test_the_archive_has_every_picture_by_its_place_with_its_recipe(
    sheet: GridFolder, tmp_path: Path
) -> None:
    paint(sheet, range(6))
    sheet.archive(sheet.folder / ARCHIVE)
    with zipfile.ZipFile(sheet.folder / ARCHIVE) as archive:
        assert len(archive.namelist()) == 6
        archive.extract("02-03 Seed 2, Bias 1.png", tmp_path)
    assert read_recipe(tmp_path / "02-03 Seed 2, Bias 1.png").knobs == {"<trek>": {"bias": 1.0}}


@pytest.mark.parametrize("side", [20, 200])
def test_the_labelled_picture_has_equal_cells_on_light_paper(sheet: GridFolder, side: int) -> None:
    paint(sheet, range(5), side=side)
    page = np.asarray(contact_sheet(sheet)).astype(int)
    assert page[0, 0].min() > 240
    for number in range(5):
        places = np.argwhere((page == (10 * number, 100, 50)).all(axis=2))
        assert tuple(np.ptp(places, axis=0) + 1) == (max(MIN_SIDE, side),) * 2
    columns = [np.argwhere((page == (10 * n, 100, 50)).all(axis=2))[0][1] for n in (0, 3)]
    assert columns[0] == columns[1]


def test_the_labelled_picture_says_what_all_pictures_share(tmp_path: Path) -> None:
    base = Recipe("a <lily>", negative="rain", seed=7, steps=9, guidance=2.5)
    grid = Grid(base, Axis.parse("guidance", "2, 6"))
    sheet = GridFolder.create(tmp_path / "sheet", grid, grid.cells(HEADERS))

    def facts(sheet: GridFolder) -> str:
        return " ".join(lay_out(sheet, MIN_SIDE, Fonts.of(MIN_SIDE)).facts)

    assert facts(sheet) == "seed 7 · steps 9 · without rain"
    paint(sheet, range(1), base="here")
    assert facts(sheet) == "seed 7 · steps 9 · without rain · here"
    plain = dataclasses.replace(sheet, grid=Grid(dataclasses.replace(base, negative=""), grid.x))
    assert facts(plain) == "seed 7 · steps 9 · here"
    weather = Grid(dataclasses.replace(base, seed=1234567), Axis.parse("negative", "rain|snow"))
    other = dataclasses.replace(sheet, grid=weather)
    assert facts(other) == "seed 1234567 · steps 9 · guidance 2.5 · here"


def test_a_grid_that_a_worker_left_is_taken_up_as_long_as_it_gets_on(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add("grid", "a grid", {})

    def run(painted: bool) -> str:
        jobs.claim()
        if painted:
            jobs.log(job.id, {"event": "picture", "file": "a.png"})
        jobs.settle_running("The worker is gone.", "Press Retry.")
        return jobs.get(job.id).status

    assert [run(True), run(True), run(True), run(False)] == ["queued"] * 4
    assert run(False) == "failed"
    jobs.log(job.id, {"event": "asked"})
    jobs.requeue(job.id)
    assert jobs.get(job.id).error == "" and run(False) == "queued"
    jobs.claim()
    jobs.request_stop(job.id, "discard")
    jobs.settle_running("The worker is gone.", "Press Retry.")
    assert jobs.get(job.id).status == "stopped"
