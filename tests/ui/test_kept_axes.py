"""The axes of Compare as a draft brings them back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from studio.concepts.header import Knob
from studio.errors import StudioError
from studio.limits import MAX_HANDLES
from studio.recipes.axis import Axis
from studio.recipes.recipe import Recipe
from studio.ui.compare.axis_choices import axis_choices
from studio.ui.compare.carried import carried_note, carried_recipe, carried_text
from studio.ui.compare.grid_form import GridForm, grid_form
from studio.ui.create.knob_sliders import knobs_in
from studio.ui.parts.arguments import MAX_LETTERS, checked_argument
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

FIELDS = frozenset(("prompt", "negative", "seed", "steps", "guidance"))


@pytest.fixture
def made(tmp_path: Path) -> tuple[Workspace, GridForm]:
    workspace = Workspace(tmp_path)
    header = header_of("<lily>", "dog", 1, 5, 40)
    header = dataclasses.replace(header, knobs={"bias": Knob(0.5, 0.0, 1.0, "How much.")})
    save_concept(workspace.concepts.path("<lily>"), header)
    with gr.Blocks():
        form = grid_form(workspace)
    return workspace, form


def kept(made: tuple[Workspace, GridForm], **draft: Any) -> dict[str, Any]:
    workspace, form = made
    changes = form.kept_axes(workspace, {name.replace("_", "-"): value for name, value in draft.items()})
    return {str(part.elem_id): change for part, change in changes.items()}


def test_a_knob_that_only_a_concept_offers_comes_back(made: tuple[Workspace, GridForm]) -> None:
    back = kept(made, columns_name="bias", columns_values="0.2, 0.4", rows_name="nothing")
    assert back["columns-name"]["value"] == "bias" and back["columns-values"]["value"] == "0.2, 0.4"
    assert ("Bias", "bias") in back["columns-name"]["choices"]
    assert back["rows-name"]["value"] == "nothing" and back["rows-values"]["visible"] is False


def test_an_axis_of_a_concept_that_is_gone_gets_the_default_and_its_values(
    made: tuple[Workspace, GridForm],
) -> None:
    workspace, _ = made
    workspace.concepts.path("<lily>").unlink()
    back = kept(made, columns_name="bias", columns_values="0.2, 0.4")
    assert back["columns-name"]["value"] == "guidance" and back["columns-values"]["value"] == "2, 4, 8"


@pytest.mark.parametrize("strange", [7, True, "x" * 500, None])
def test_strange_values_of_a_draft_become_examples(made: tuple[Workspace, GridForm], strange: Any) -> None:
    back = kept(made, columns_name="strength", columns_values=strange)
    assert back["columns-name"]["value"] == "strength"
    assert back["columns-values"]["value"] == "0, 0.5, 1, 1.5"
    assert kept(made, rows_name=strange)["rows-name"]["value"] == "seed"


def test_of_a_merged_file_each_concept_has_the_sliders_and_axes_of_its_own_knobs(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    bias = {"bias": Knob(0.5, 0.0, 1.0, "How much.")}
    temperature = {"temperature": Knob(0.1, 0.02, 0.5, "How sharp.")}
    header = dataclasses.replace(
        header_of("<lily>", "dog", 1, 5, 40),
        handles={"<lily>": "dog", "<tom>": "cat"},
        knobs=bias | temperature,
        own_knobs={"<lily>": bias, "<tom>": temperature},
    )
    save_concept(workspace.concepts.path("<lily>"), header)
    sliders = {(knob.handle, knob.name) for knob in knobs_in(workspace, "<lily> and <tom>") if knob.name}
    assert sliders == {("<lily>", "bias"), ("<tom>", "temperature")}
    names = {name for _, name in axis_choices(workspace.concepts.headers(), (), "<lily> and <tom>", False)}
    assert {"lily.bias", "tom.temperature"} <= names and not {"lily.temperature", "tom.bias"} & names
    axis = Axis.parse("tom.temperature", "0.1, 0.2", ())
    headers = workspace.concepts.headers()
    assert axis.handles(["<lily>", "<tom>"], headers) == ["<tom>"]
    with pytest.raises(StudioError, match="nothing called bias"):
        Axis.parse("tom.bias", "0.1, 0.2", ()).handles(["<lily>", "<tom>"], headers)


def test_what_a_grid_carries_along_is_said_without_what_the_form_shows_or_the_base() -> None:
    recipe = Recipe(
        "<lily>", seed=4, steps=9, width=256, height=128, base="tiny", concepts={"<lily>": "0" * 64}
    )
    said = carried_note(carried_text(recipe, FIELDS), FIELDS)
    assert "Width 256, Height 128." in said and "Leave that out" in said
    assert carried_recipe(carried_text(recipe, FIELDS)) == Recipe("", width=256, height=128, base="tiny")
    assert carried_recipe(json.dumps(recipe.to_json())) == recipe  # as drafts of earlier versions hold it
    plain = Recipe("<lily>", seed=4, base="tiny", strengths={"<lily>": 1.0})
    assert carried_note(carried_text(plain, FIELDS), FIELDS) == "" == carried_note("", FIELDS)
    assert carried_recipe("") is carried_recipe("{") is carried_recipe('{"prompt": 3}') is None


def test_a_grid_starts_from_a_picture_with_much_to_carry_along(made: tuple[Workspace, GridForm]) -> None:
    _, form = made
    handles = [f"<very-long-name-{number}>" for number in range(MAX_HANDLES)]
    recipe = Recipe(
        "ö" * 900,
        negative="ä" * 900,
        width=256,
        strengths=dict.fromkeys(handles, 0.5),
        concepts={"<lily>": "0" * 64},
    )
    text = form.filled(recipe)[form.base]
    assert "ö" not in text and "ä" not in text and "0" * 64 not in text
    assert len(text) > MAX_LETTERS and checked_argument(form.base, text) == text
    back = carried_recipe(text)
    assert back is not None and back.strengths == recipe.strengths and back.width == 256
