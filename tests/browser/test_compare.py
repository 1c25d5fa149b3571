"""The Compare tab in a real browser: a grid, two pictures under a slider, a blind vote, the best setting."""

from __future__ import annotations

import os
import re
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from studio.grids.blind_vote import Ballot
from studio.grids.grid_folder import GridFolder
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from tests.browser.actions import open_tab
from tests.browser.actor import draw_face, header_of, save_concept
from tests.browser.conftest import Stage
from tests.browser.test_drafts import KEPT_MS

pytestmark = pytest.mark.browser
VALUE_IS = "([id, value]) => document.querySelector(`#${id} textarea, #${id} input`)?.value === value"


@pytest.fixture
def mona(stage: Stage) -> None:
    """Put a concept into the library."""
    if not stage.workspace.concepts.has("<mona>"):
        save_concept(stage.workspace.concepts.path("<mona>"), header_of("<mona>", "cat", 3, 5, 40))


def choose(page: Any, place: str, words: str) -> None:
    """Choose what columns or rows change."""
    page.locator(f"#{place}-name input").click()
    page.get_by_role("option", name=words, exact=True).click()


def paint(page: Any, prompt: str, columns: str, rows: str) -> None:
    """Paint a grid of guidance by seed."""
    open_tab(page, "Compare")
    page.locator("#grid-prompt textarea").fill(prompt)
    page.locator("#columns-values textarea").fill(columns)
    page.locator("#rows-values textarea").fill(rows)
    page.locator("#paint-grid").click()


def finished(page: Any, prompt: str) -> Any:
    """Wait until a grid is done, and return its head."""
    head = page.locator("#grid-head section.done", has_text=prompt)
    head.wait_for()
    return head


def newest_grid(stage: Stage) -> GridFolder:
    """Open the newest grid."""
    job = stage.workspace.jobs.newest(1, ("grid",))[0]
    return GridFolder.open(stage.workspace.jobs.folder(job.id))


def stop_worker_at(stage: Stage, prompt: str, count: int) -> dict[Path, int]:
    """Pause the worker once it has painted so many cells; returns when each picture was written."""
    pid, limit = int((stage.workspace.folder / "actor.pid").read_text()), time.monotonic() + 60
    while time.monotonic() < limit:
        for job in stage.workspace.jobs.newest(1, ("grid",)):
            folder = stage.workspace.jobs.folder(job.id)
            if prompt in job.title and len(list(folder.glob("[!.]*.png"))) >= count:
                os.kill(pid, signal.SIGSTOP)
                return {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*.png")}
        time.sleep(0.05)
    raise AssertionError("the grid does not begin")


def left_part(slider: Any) -> float:
    """Return how much of the left picture shows, in percent of its width."""
    shape = slider.locator(".over").evaluate("image => getComputedStyle(image).clipPath")
    return 100 - float(re.findall(r"([\d.]+)%", shape)[0])


def test_a_grid_goes_on_through_a_reload_and_a_dead_worker_to_its_end(
    stage: Stage, page: Any, mona: None, tmp_path: Path
) -> None:
    paint(page, "<mona> by the sea", "1:6", "1:5")
    before = stop_worker_at(stage, "<mona> by the sea", 3)
    page.reload()
    open_tab(page, "Compare")
    page.locator("#grid-cells .tile.pending").first.wait_for()
    assert page.locator("#grid-cells .tile img").count() == len(before)
    os.kill(int((stage.workspace.folder / "actor.pid").read_text()), signal.SIGKILL)
    head = finished(page, "<mona> by the sea")
    tiles = page.locator("#grid-cells .tile img")
    assert tiles.count() == 30
    # a picture that is not square is seen whole
    assert tiles.first.evaluate("image => getComputedStyle(image).objectFit") == "contain"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    grid = newest_grid(stage)
    recipes = [read_recipe(grid.path(cell)) for cell in grid.cells]
    assert [(recipe.guidance, recipe.seed) for recipe in recipes] == [
        (guidance, seed) for seed in range(1, 6) for guidance in range(1, 7)
    ]
    with page.expect_download() as waiting:
        head.get_by_role("link", name="All as a zip").click()
    waiting.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = archive.namelist()
        assert len(names) == 31 and "03-02 Seed 3, Guidance 2.png" in names
        assert archive.read("01-01 Seed 1, Guidance 1.png") == grid.path(grid.cells[0]).read_bytes()


@pytest.mark.slow
def test_a_cell_goes_to_create_and_is_painted_again_bit_for_bit(stage: Stage, page: Any, mona: None) -> None:
    paint(page, "<mona> with a hat", "3, 5", "8")
    finished(page, "<mona> with a hat")
    page.locator("#grid-cells .tile").nth(1).click()
    page.locator("#grid-cells .picture").get_by_role("button", name="Open in Create").click()
    page.locator("#picture-detail").get_by_role("button", name="Paint it again").click()
    page.locator("#painting .painting.done", has_text="<mona> with a hat").wait_for()
    grid = newest_grid(stage)
    assert stage.workspace.gallery.newest(1)[0].read_bytes() == grid.path(grid.cells[1]).read_bytes()


def test_two_cells_under_a_slider_with_what_differs(stage: Stage, page: Any, mona: None) -> None:
    paint(page, "<mona> in a boat", "2, 4", "1, 2")
    finished(page, "<mona> in a boat")
    open_tab(page, "Side by side")
    says = page.locator("#before-after .one-difference")
    says.get_by_text("Only the guidance differs: 2 left, 4 right.").wait_for()
    ends = page.locator("#before-after .ends")
    page.locator("#before-after .tiles .tile").nth(2).click()  # guidance 2, seed 2: the right one follows
    page.wait_for_function(
        "() => document.querySelector('#before-after .ends').innerText.split('Seed 2').length === 3"
    )
    assert "Guidance 2" in ends.inner_text() and "Guidance 4" in ends.inner_text()
    page.locator("#before-after .tiles .tile").nth(0).click()
    slider = page.locator("#before-after .before-after")
    width = slider.bounding_box()["width"]
    slider.locator("input").click(position={"x": 0.2 * width, "y": 40})
    before = left_part(slider)
    assert 14 < before < 26
    page.locator("#before-after .tiles .tile").nth(3).click()  # drawn again, the line stays where it is
    page.wait_for_function(
        "() => document.querySelector('#before-after .ends').innerText.includes('Guidance 4')"
    )
    assert left_part(slider) == before and 14 < float(slider.locator("input").input_value()) < 26


def test_a_blind_vote_is_kept_through_a_reload_and_revealed_at_the_end(
    stage: Stage, page: Any, mona: None
) -> None:
    paint(page, "<mona> asleep", "2, 9", "1:4")
    finished(page, "<mona> asleep")
    open_tab(page, "Blind vote")
    ballot = page.locator("#blind-vote")
    for label in ("2", "9"):
        ballot.locator(".round-button", has_text=label).first.click()
        ballot.locator(f".round-button[aria-pressed=true]:text-is('{label}')").first.wait_for()
    ballot.get_by_role("button", name="Start the vote").click()
    liked = []
    for number in range(4):
        ballot.locator(".pair-question .badge", has_text=f"{number + 1} of 4").wait_for()
        drawn = Ballot.open(newest_grid(stage).folder)
        if number == 0:
            page.keyboard.press("Shift+ArrowRight")
            page.keyboard.press("?")
            page.locator("dialog[open]").wait_for()
            page.keyboard.press("ArrowDown")  # scrolls the list of keys, and is no vote
            page.keyboard.press("Escape")
            page.locator("dialog[open]").wait_for(state="detached")
        html = ballot.inner_html()
        assert drawn.pair.first not in html and drawn.pair.second not in html
        if number == 2:
            page.reload()
            open_tab(page, "Compare")
            open_tab(page, "Blind vote")
            ballot.get_by_text("So far 2 to 0, 0 the same.").wait_for()
            page.locator("#blind-vote .pair-question").wait_for()
        vote = "Right" if drawn.pair.swapped else "Left"
        vote = "Both the same" if number == 3 else vote
        liked.append(vote)
        ballot.get_by_role("button", name=vote, exact=True).click()
    result = ballot.locator(".vote-result")
    result.wait_for()
    text = result.inner_text()
    assert "Guidance 2: 3" in text and "same: 1" in text and "Guidance 9: 0" in text
    assert "do not tell Guidance 2 and Guidance 9 apart" in text and "%" not in text
    result.locator("summary").click()
    result.get_by_text("the 95 % interval is 44% to 100%").wait_for()
    assert Ballot.open(newest_grid(stage).folder).tally.first == 3


def test_the_best_setting_is_suggested_and_a_point_shows_its_pictures(page: Any, mona: None) -> None:
    paint(page, "<mona> dancing", "2, 4, 8", "1, 2, 3")
    finished(page, "<mona> dancing")
    open_tab(page, "Best")
    panel = page.locator("#frontier")
    panel.locator(".best", has_text="Guidance 4 lies between").wait_for()
    assert "below it the likeness is higher, but the prompt is followed less" in panel.inner_text()
    assert panel.locator("#best-pictures .tile").count() == 3
    assert not panel.locator(".scatter").is_visible() and "0." not in panel.locator(".best").inner_text()
    panel.locator("summary", has_text="The figures").click()
    panel.locator(".scatter .dot").nth(2).wait_for()
    assert "5 photos of <mona>" in panel.inner_text() and "nearest to the best of both" in panel.inner_text()
    panel.locator(".scatter .dot circle").nth(2).click()
    panel.locator("h2", has_text="Guidance 8").wait_for()
    assert panel.locator("#best-pictures .tile").count() == 3
    assert panel.locator(".scatter").is_visible()  # what was unfolded stays so


@pytest.mark.slow
def test_a_grid_that_cannot_be_painted_is_refused_with_what_to_do(page: Any, mona: None) -> None:
    open_tab(page, "Compare")
    choose(page, "columns", "Strength")
    page.wait_for_function(VALUE_IS, arg=["columns-values", "0, 0.5, 1, 1.5"])
    page.locator("#grid-prompt textarea").fill("a cat")
    page.locator("#paint-grid").click()
    card = page.locator("#grid-notice .error")
    card.wait_for()
    assert "nothing called strength" in card.inner_text() and "Let it name a concept" in card.inner_text()


@pytest.mark.parametrize("page", [{"width": 390, "height": 844}], indirect=True)
@pytest.mark.slow
def test_nothing_scrolls_sideways_on_a_phone(page: Any, mona: None) -> None:
    paint(page, "<mona> on the phone", "1:8", "1, 2")
    finished(page, "<mona> on the phone")
    page.locator("#grid-cells .tile").first.click()
    page.locator("#grid-cells .picture").wait_for()
    cells = page.locator("#grid-cells .cells")
    assert cells.evaluate("cells => cells.scrollWidth <= cells.clientWidth + 1")  # no column is cut
    assert cells.locator("tbody td").nth(2).evaluate("td => getComputedStyle(td, '::after').content") == '"3"'
    assert cells.get_by_role("row").count() == 3 and cells.get_by_role("rowheader").count() == 2
    for view in ("Grid", "Side by side", "Blind vote", "Best"):
        open_tab(page, view)
        over = page.query_selector("html").evaluate("root => root.scrollWidth - root.clientWidth")
        assert over <= 0, view
    tabs = page.get_by_role("tab").all()
    assert len(tabs) == 9
    assert not [tab for tab in tabs if tab.evaluate("tab => tab.scrollWidth > tab.clientWidth + 1")]


@pytest.mark.slow
def test_what_a_picture_brings_along_is_said_kept_and_left_out(stage: Stage, page: Any, mona: None) -> None:
    recipe = Recipe("<mona> on a boat", strengths={"<mona>": 0.6}, base="stand-in")
    save_picture(draw_face(1), recipe, stage.workspace.pictures / "99998-01.png")
    open_tab(page, "Create")
    page.locator('#gallery .tile[data-id="99998-01.png"]').click()
    page.locator('#picture-detail [data-action="compare"]').click()
    carried = page.locator("#grid-carried", has_text="Strength of <mona> 0.6")
    carried.wait_for()
    page.wait_for_timeout(KEPT_MS)
    page.reload()
    carried.wait_for()
    carried.get_by_role("button", name="Leave that out").click()
    page.locator("#grid-carried .carried").wait_for(state="detached")
    assert "on a boat" in page.locator("#grid-prompt textarea").input_value()
    page.goto("about:blank")
    (stage.workspace.pictures / "99998-01.png").unlink()


@pytest.mark.slow
def test_the_axes_come_back_after_a_reload(page: Any, mona: None) -> None:
    open_tab(page, "Compare")
    page.locator("#grid-prompt textarea").fill("<mona> on a skyscraper")
    page.locator("#grid-prompt-notes", has_text="skyscraper: the base was not taught this word").wait_for()
    choose(page, "columns", "Strength")
    page.wait_for_function(VALUE_IS, arg=["columns-values", "0, 0.5, 1, 1.5"])
    page.locator("#columns-values textarea").fill("0.2, 0.9")
    choose(page, "rows", "Nothing")
    page.locator("#rows-values").wait_for(state="hidden")
    page.wait_for_timeout(KEPT_MS)
    page.reload()
    page.wait_for_function(VALUE_IS, arg=["columns-values", "0.2, 0.9"])
    page.wait_for_function(VALUE_IS, arg=["columns-name", "Strength"])
    page.wait_for_function(VALUE_IS, arg=["rows-name", "Nothing"])
    assert not page.locator("#rows-values").is_visible()
    page.locator("#grid-count", has_text="2 × 1: 2 pictures").wait_for()
