"""The Create tab in a real browser."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.recipes.png import read_recipe
from studio.recipes.recipe import MODES
from tests.browser.actions import drop, open_part, open_tab
from tests.browser.actor import header_of, save_concept
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser


@pytest.fixture
def mona(stage: Stage) -> None:
    """Put a concept into the library."""
    if not stage.workspace.concepts.has("<mona>"):
        save_concept(stage.workspace.concepts.path("<mona>"), header_of("<mona>", "cat", 3, 5, 40))


def paint(page: Any, prompt: str, count: int) -> list[str]:
    """Press Paint, wait for all pictures and return their names.

    No test of the session may have painted this prompt before.
    """
    card = page.locator("#painting .painting.done", has_text=prompt)
    assert card.count() == 0, f"another test painted {prompt!r} already: it would be taken for this one"
    page.locator("#paint").click()
    card.locator(".tile").nth(count - 1).wait_for()
    return [tile.get_attribute("data-id") for tile in card.locator(".tile").all()]


def test_a_concept_is_inserted_painted_and_its_recipe_travels_in_the_png(
    stage: Stage, page: Any, mona: None, tmp_path: Path
) -> None:
    open_tab(page, "Create")
    prompt = page.locator("#prompt textarea")
    prompt.fill("a drawing of")
    page.locator(".round-button", has_text="<mona>").click()
    page.wait_for_function("() => document.querySelector('#prompt textarea').value === 'a drawing of <mona>'")
    strength = page.locator("#knob-slider-0 input[type=number]")
    strength.wait_for()
    assert "Strength of <mona>" in page.locator("#knob-slider-0").inner_text()
    strength.fill("0.5")
    strength.press("Tab")
    paint(page, "a drawing of <mona>", 2)
    page.locator("#painting .tile").nth(1).click()
    with page.expect_download() as waiting:
        page.locator("#picture-detail").get_by_role("link", name="Download").click()
    kept = tmp_path / "kept.png"
    waiting.value.save_as(kept)
    recipe = read_recipe(kept)
    assert recipe.prompt == "a drawing of <mona>"
    assert recipe.strengths == {"<mona>": 0.5}
    assert kept.read_bytes() == (stage.workspace.pictures / waiting.value.suggested_filename).read_bytes()
    prompt.fill("something else")
    page.locator("#picture-detail").get_by_role("button", name="Use this recipe").click()
    page.wait_for_function("() => document.querySelector('#prompt textarea').value === 'a drawing of <mona>'")
    assert page.locator("#seed input").input_value() == str(recipe.seed)
    assert not page.locator("#new-seed input").is_checked()


def test_a_picture_is_refined_and_unrefined_with_nothing_lost(stage: Stage, page: Any, mona: None) -> None:
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("<mona> in the rain")
    paint(page, "<mona> in the rain", 2)
    page.locator("#painting .tile").nth(1).click()
    detail = page.locator("#picture-detail")
    detail.get_by_role("button", name="Make it glow").click()
    page.locator("#painting .painting.done", has_text="golden hour").wait_for()
    assert page.locator("#painting .tile").count() == 1
    refined, second, _ = stage.workspace.gallery.newest(3)
    wanted = dataclasses.replace(read_recipe(second), refinements={"glow_steps": 5})
    assert read_recipe(refined) == wanted and "<mona> in the rain" in detail.inner_text()
    page.locator("#painting .tile").click()
    detail.locator("dt", has_text="Golden hour").wait_for()
    assert "glow steps 5" in detail.inner_text()
    detail.get_by_role("button", name="Use this recipe").click()
    page.locator("#create-more button").first.click()
    page.wait_for_function("() => document.querySelector('#refinement-glow-steps input')?.value === '5'")
    detail.get_by_role("button", name="Without glow").click()
    page.wait_for_function("() => !document.querySelector('#painting').innerText.includes('golden hour')")
    page.locator("#painting .painting.done .tile").wait_for()
    assert read_recipe(stage.workspace.gallery.newest(1)[0]) == read_recipe(second)


@pytest.mark.slow
def test_a_deleted_picture_can_be_brought_back(stage: Stage, page: Any, mona: None) -> None:
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("<mona> to delete")
    paint(page, "<mona> to delete", 2)
    picture = stage.workspace.gallery.newest(1)[0]
    before = picture.read_bytes()
    page.locator(f'.tile[data-id="{picture.name}"]').click()
    detail = page.locator("#picture-detail")
    detail.get_by_role("button", name="Delete").click()
    undo = page.locator("#picture-note").get_by_role("button", name="Undo")
    undo.wait_for()
    page.locator(f'.tile[data-id="{picture.name}"]').wait_for(state="detached")
    assert not picture.exists()
    undo.click()
    page.locator(f'.tile[data-id="{picture.name}"]').wait_for()
    undo.wait_for(state="detached")
    assert picture.read_bytes() == before and not detail.inner_text().strip()


@pytest.mark.slow
def test_ctrl_enter_paints_and_a_dropped_png_shows_its_recipe(stage: Stage, page: Any, mona: None) -> None:
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("the <mona> at night")
    page.locator("#prompt textarea").press("Control+Enter")
    page.locator("#painting .painting.done", has_text="the <mona> at night").wait_for()
    picture = stage.workspace.gallery.newest(1)[0]
    drop(page, "#recipe-drop", [picture])
    detail = page.locator("#picture-detail .card-text")
    detail.wait_for()
    assert "the <mona> at night" in detail.inner_text()
    assert str(read_recipe(picture).seed) in detail.inner_text()
    page.locator("#prompt textarea").fill("something else")
    page.locator("#picture-detail").get_by_role("button", name="Paint it again").click()
    page.wait_for_function("() => document.querySelectorAll('#painting .painting.done .tile').length === 1")
    again = stage.workspace.gallery.newest(1)[0]
    assert again != picture and again.read_bytes() == picture.read_bytes()


@pytest.mark.slow
def test_another_programs_png_becomes_a_recipe_with_a_word_of_caution(
    stage: Stage, page: Any, tmp_path: Path
) -> None:
    info = PngInfo()
    info.add_text(
        "parameters", "a castle\nNegative prompt: rain\nSteps: 9, CFG scale: 6.5, Seed: 3, Model: v1-5"
    )
    Image.new("RGB", (8, 8)).save(tmp_path / "theirs.png", pnginfo=info)
    open_tab(page, "Create")
    drop(page, "#recipe-drop", [tmp_path / "theirs.png"])
    detail = page.locator("#picture-detail")
    detail.locator(".note", has_text="It was painted with v1-5; here is stand-in.").wait_for()
    detail.get_by_role("button", name="Use this recipe").click()
    page.wait_for_function("() => document.querySelector('#prompt textarea').value === 'a castle'")
    assert page.locator("#seed input").input_value() == "3"


@pytest.mark.slow
def test_a_call_of_another_program_becomes_the_concept_and_what_means_nothing_is_said(
    stage: Stage, page: Any, mona: None, tmp_path: Path
) -> None:
    info = PngInfo()
    text = "a (castle:1.3) by <lora:mona:0.5>\nSteps: 9, CFG scale: 6.5, Seed: 3, Hires upscale: 2"
    info.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(tmp_path / "theirs.png", pnginfo=info)
    open_tab(page, "Create")
    drop(page, "#recipe-drop", [tmp_path / "theirs.png"])
    detail = page.locator("#picture-detail")
    note = detail.locator(".note", has_text="Not used here: Hires upscale: 2.").inner_text()
    assert "<lora:mona:0.5> is <mona> at a strength of 0.5." in note
    assert "Likeness reads (castle:1.3) as plain words; weights have no effect." in note
    detail.get_by_role("button", name="Use this recipe").click()
    page.wait_for_function(
        "() => document.querySelector('#prompt textarea').value === 'a (castle:1.3) by <mona>'"
    )
    assert page.locator("#knob-slider-0 input[type=number]").input_value() == "0.5"
    page.locator("#prompt textarea").fill("a hut by <mona:0.3>")
    paint(page, "a hut by <mona>", 1)
    assert read_recipe(stage.workspace.gallery.newest(1)[0]).strengths == {"<mona>": 0.3}


def test_an_unknown_handle_is_refused_with_what_to_do(page: Any) -> None:
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("a photo of <nobody>")
    page.locator("#paint").click()
    card = page.locator("#create-notice .error")
    card.wait_for()
    assert "There is no concept called <nobody>." in card.inner_text()
    assert "Train it, or import its file in the Library." in card.inner_text()
    assert page.locator("#prompt textarea").input_value() == "a photo of <nobody>"


@pytest.mark.slow
def test_html_in_a_prompt_is_shown_and_never_run(page: Any) -> None:
    hostile = "${1+1} {{7}} <img src=x onerror=document.title=1> a cat"
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill(hostile)
    paint(page, hostile, 2)
    assert page.locator("#painting h2").inner_text() == hostile
    assert page.title().endswith("Likeness")  # it may say what was painted, in letters


@pytest.mark.parametrize("page", [{"width": 390, "height": 844}], indirect=True)
@pytest.mark.slow
def test_nothing_scrolls_sideways_on_a_phone(page: Any, mona: None) -> None:
    for tab in ("Create", "Library", "Queue", "Train"):
        open_tab(page, tab)
        if tab == "Create":
            page.locator(".round-button", has_text="<mona>").click()
            page.locator("#create-more button").first.click()
            for part in ("size", "sampling", "guidance", "places"):
                open_part(page, part)
            page.locator('[data-action="history"]').click()
        if tab == "Library":
            page.locator(".concept", has_text="<mona>").click()
            page.locator("#concept-detail .facts").first.wait_for()
        if tab == "Train":
            page.locator("#demo-subjects .demo").first.click()
            page.locator("#photo-strip .tile").first.click()
            page.locator("dialog.photo-editor[open] .mask-frame[data-shown]").wait_for()
        html = page.query_selector("html")
        over = html.evaluate("root => root.scrollWidth - root.clientWidth")
        assert over <= 0, tab
        names = page.get_by_role("tab").all()
        cut = [name for name in names if name.evaluate("tab => tab.scrollWidth > tab.clientWidth + 1")]
        assert not cut


@pytest.mark.parametrize(
    "page", [{"width": 390, "height": 844}, {"width": 1440, "height": 900}], indirect=True
)
@pytest.mark.slow
def test_the_thumb_of_a_slider_has_room(page: Any, mona: None) -> None:
    open_tab(page, "Create")
    page.locator(".round-button", has_text="<mona>").click()
    page.locator("#knob-slider-0 input[type=range]").wait_for()
    room = """track => {
        const [line, block] = [track, track.closest(".block")].map(e => e.getBoundingClientRect());
        const middle = (line.top + line.bottom) / 2;
        return Math.min(middle - block.top, block.bottom - middle);
    }"""
    tracks = page.locator("#knob-slider-0 input[type=range], #count input[type=range]").all()
    assert len(tracks) == 2
    assert all(track.evaluate(room) >= 9 for track in tracks)


@pytest.mark.slow
def test_a_mode_of_composing_is_chosen_and_comes_back_with_a_recipe(
    stage: Stage, page: Any, mona: None
) -> None:
    if not stage.workspace.concepts.has("<lisa>"):
        save_concept(stage.workspace.concepts.path("<lisa>"), header_of("<lisa>", "dog", 3, 5, 40))
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("<mona> beside <lisa>")
    open_part(page, "places")
    page.locator("#composing").get_by_label(MODES["words"]).check()
    page.locator("#regions textarea, #regions input").fill("mona=0,0,0.5,1")
    page.locator("#knob-slider-1").wait_for()
    paint(page, "<mona> beside <lisa>", 2)
    page.locator("#painting .tile").first.click()
    detail = page.locator("#picture-detail")
    detail.get_by_text(MODES["words"]).wait_for()
    newest = read_recipe(stage.workspace.gallery.newest(1)[0])
    assert newest.composing == "words" and newest.regions == {"<mona>": (0, 0, 0.5, 1)}
    page.locator("#composing").get_by_label(MODES["sum"]).check()
    detail.get_by_role("button", name="Use this recipe").click()
    page.wait_for_function("() => document.querySelector('#composing input[value=words]')?.checked")
