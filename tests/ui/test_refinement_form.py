"""A made-up refinement shows up in the form, in recipes, in cards and in grids by its card alone."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard
from studio.settings import Field
from studio.ui.app import build
from studio.ui.compare.axis_choices import axis_choices, axis_help, example_for
from studio.ui.compare.grid_form import count_pictures, grid_from_form
from studio.ui.create.form import CreateForm, create_form, recipe_from_form
from studio.ui.create.gallery import painting_card
from studio.ui.parts.recipe_card import picture_card, recipe_facts
from studio.ui.parts.refinements import ADD, REMOVE, refined
from studio.workspace.workspace import Workspace
from tests.browser.stage import GLOW, catalogue

CARDS = (GLOW,)
GLOWING = Recipe("<lily> at night", refinements={"glow_steps": 8})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with this refinement."""
    return Workspace(tmp_path, refinements=CARDS)


@pytest.fixture
def form(workspace: Workspace) -> CreateForm:
    """The form of Create on it."""
    with gr.Blocks():
        return create_form(workspace)


def recipe_in(form: CreateForm, changes: dict) -> Recipe:
    """Return the recipe that the form gives with some of its components changed."""

    def value(component: gr.components.Component) -> object:
        return changes.get(component, component.value)

    recipe = {name: value(component) for name, component in form.recipe.items()}
    refinements = {name: value(component) for name, component in form.refinements.items()}
    return recipe_from_form(recipe, refinements, value(form.new_seed), [], [], form.cards)


def test_its_slider_is_on_the_page(workspace: Workspace, form: CreateForm) -> None:
    slider = form.refinements["glow_steps"]
    assert isinstance(slider, gr.Slider) and (slider.minimum, slider.maximum, slider.value) == (0, 20, 0)
    assert slider.label == "Glow steps" and "How warm the light is." in slider.info
    parts = build(workspace, catalogue()).config["components"]
    assert [part for part in parts if part["props"].get("elem_id") == "refinement-glow-steps"]


def test_the_form_gives_it_and_is_filled_with_it(form: CreateForm) -> None:
    prompt = {form.recipe["prompt"]: "<lily> at night"}
    assert recipe_in(form, {**prompt, form.refinements["glow_steps"]: 8}).refinements == {"glow_steps": 8}
    assert recipe_in(form, {**prompt, form.refinements["glow_steps"]: None}).refinements == {}
    assert recipe_in(form, prompt).refinements == {}
    assert recipe_in(form, form.filled(GLOWING)) == GLOWING
    assert form.filled(Recipe("<lily>"))[form.refinements["glow_steps"]] == 0


def test_a_prompt_without_a_concept_is_not_refined(form: CreateForm) -> None:
    left_on = {form.refinements["glow_steps"]: 8}
    assert recipe_in(form, {**left_on, form.recipe["prompt"]: "a cat"}).refinements == {}


def test_a_card_names_what_is_on(workspace: Workspace) -> None:
    facts = recipe_facts(GLOWING, CARDS)
    assert '<dt title="Warms the light. Nobody 2026">Golden hour</dt><dd>glow steps 8</dd>' in facts
    assert "Golden hour" not in recipe_facts(Recipe("<lily>"), CARDS)
    assert "<dt>Refinements</dt><dd>glow_steps=8</dd>" in recipe_facts(GLOWING, ())
    job = workspace.jobs.add("create", GLOWING.prompt, GLOWING.to_json())
    assert '<p class="faint">golden hour</p>' in painting_card(workspace, job)


@pytest.mark.parametrize(
    ("recipe", "label", "missing"),
    [
        (Recipe("<lily> at night"), "Make it glow", "Without glow"),
        (GLOWING, "Without glow", "Make it glow"),
        (Recipe("a cat at night"), "Use this recipe", "Make it glow"),
        (Recipe("<lily> at night", strengths={"<lily>": 0.0}), "Use this recipe", "Make it glow"),
    ],
)
def test_a_picture_offers_what_its_recipe_does_not_have(recipe: Recipe, label: str, missing: str) -> None:
    card = picture_card(recipe, CARDS)
    assert label in card and missing not in card


def test_its_buttons_paint_with_and_without_and_leave_the_rest() -> None:
    other = Recipe("<lily>", refinements={"other": 1})
    glowing = refined(other, ADD, "glow", CARDS)
    assert glowing.refinements == {"other": 1, "glow_steps": 5}
    assert refined(glowing, REMOVE, "glow", CARDS) == other


def test_it_is_an_axis_of_a_grid(workspace: Workspace) -> None:
    assert ("Glow steps", "glow_steps") in axis_choices({}, workspace.refinements, "")
    assert axis_help(workspace, "glow_steps") == "How warm the light is."
    values = example_for(workspace, "glow_steps", "")
    assert values == "0, 5"
    columns, rows = {"name": "glow_steps", "values": values}, {"name": "nothing", "values": ""}
    assert "2 × 1: 2 pictures" in count_pictures(columns, rows, CARDS)
    fields = {"prompt": "a cat", "negative": "", "seed": 3, "steps": 20, "guidance": 4.0}
    grid = grid_from_form(fields, None, columns, rows, CARDS)
    assert Grid.from_json(grid.to_json()) == grid and grid.x.values == (0, 5)
    assert [cell.recipe.refinements.get("glow_steps") for cell in grid.cells({}, CARDS)] == [0, 5]


def test_texts_have_boxes_below_a_title_and_may_name_concepts(tmp_path: Path) -> None:
    fields = (
        Field("leave_out", "text", "", "What not."),
        Field("leave_out_strength", "float", 1.0, "How much.", 0.0, 1.0),
    )
    workspace = Workspace(
        tmp_path, refinements=(RefinementCard("out", "Leave out", "Takes it out.", "", fields),)
    )
    with gr.Blocks() as page:
        form = create_form(workspace)
    box = form.refinements["leave_out"]
    assert isinstance(box, gr.Textbox) and form.refinement_texts == [box]
    blocks = [part["props"]["value"] for part in page.config["components"] if part["type"] == "html"]
    (title,) = [text for text in blocks if text and "<h3>" in text]
    assert "Leave out" in title and "Takes it out." in title
    prompt = {form.recipe["prompt"]: "a cat"}
    assert recipe_in(form, {**prompt, box: "  red <lily> "}).refinements == {"leave_out": "red <lily>"}
    assert recipe_in(form, {**prompt, box: "  "}).refinements == {}
    left_out = Recipe("a cat", refinements={"leave_out": "red sky"})
    assert recipe_in(form, form.filled(left_out)).refinements == left_out.refinements
    assert "leave out red sky, leave out strength 1" in recipe_facts(left_out, workspace.refinements)
