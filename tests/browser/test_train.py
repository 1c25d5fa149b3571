"""The Train tab in a real browser."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.photos.photo_set import PhotoSet
from tests.browser.actions import (
    close_photo,
    drop_photos,
    open_photo,
    open_tab,
    press_and_confirm,
    shown_step,
    train,
    training_card,
    unfold,
)
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser
TOP_COLOUR = """image => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8;
  const brush = canvas.getContext('2d');
  brush.drawImage(image, 0, 0, 8, 8);
  return [...brush.getImageData(4, 1, 1, 1).data];
}"""
STEP_GREW = "before => Number(document.querySelector('#train-progress .numbers b')?.innerText) > before"


def tiles(page: Any) -> Any:
    """Return the tiles of the photo box."""
    return page.locator("#photo-strip .tile")


def test_a_demo_subject_trains_in_two_clicks(stage: Stage, page: Any) -> None:
    page.locator("#demo-subjects .demo").first.click()
    page.locator("#photo-strip .tile >> nth=4").wait_for()
    name = page.locator("#concept-name input").input_value()
    page.locator("#train").click()
    card = training_card(page, name, "done")
    assert card.locator(".large-preview img").is_visible()
    assert card.locator(".curve svg").is_visible()
    assert card.locator(".strip figure").count() == 4
    assert stage.workspace.concepts.has(f"<{name}>")


def test_a_training_goes_on_through_a_reload_and_is_kept_when_stopped(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    train(page, photos, "slow", "tortoise")
    training_card(page, "slow", "running").locator(".numbers b").wait_for()
    before = shown_step(page)
    page.reload()
    card = training_card(page, "slow", "running")
    bar = card.get_by_role("progressbar")
    assert 0 <= int(bar.get_attribute("aria-valuenow")) < 100
    page.wait_for_function(STEP_GREW, arg=before)
    card.get_by_role("button", name="Stop and keep").click()
    ended = training_card(page, "slow", "done")
    assert "Stopped early" in ended.inner_text()
    assert 0 < stage.workspace.concepts.find("<slow>").header.steps < 40


@pytest.mark.slow
def test_a_stopped_training_can_be_discarded_and_trained_again(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    train(page, photos, "gone", "tortoise")
    press_and_confirm(page, training_card(page, "gone", "running"), "Stop and discard")
    card = training_card(page, "gone", "stopped")
    assert not stage.workspace.concepts.has("<gone>")
    card.get_by_role("button", name="Train again").click()
    press_and_confirm(page, training_card(page, "gone", "running"), "Stop and discard")
    training_card(page, "gone", "stopped")


def test_a_failed_training_says_why_and_what_to_do(stage: Stage, page: Any, photos: list[Path]) -> None:
    train(page, photos, "lost", "failure")
    card = training_card(page, "lost", "failed")
    assert "The loss is not a number any more." in card.inner_text()
    assert "Lower the learning rate, then press Retry." in card.inner_text()
    open_tab(page, "Queue")
    row = page.locator("#queue .job.failed", has_text="<lost>").first
    assert "Lower the learning rate, then press Retry." in row.inner_text()
    number = int(row.get_attribute("data-job"))
    row.get_by_role("button", name="Retry").click()
    deadline = time.monotonic() + 30
    while "asked" not in [event.event for event in stage.workspace.jobs.events(number)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    page.locator(f"#queue .job.failed[data-job='{number}']").wait_for()


@pytest.mark.slow
def test_a_training_whose_worker_was_killed_goes_on_by_itself(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    train(page, photos, "phoenix", "snail")
    training_card(page, "phoenix", "running").locator(".numbers b").wait_for()
    kept = {entry.path: entry.path.read_bytes() for entry in stage.workspace.concepts.entries()}
    os.kill(int((stage.workspace.folder / "actor.pid").read_text()), signal.SIGKILL)
    before = shown_step(page)
    page.wait_for_function(STEP_GREW, arg=before)
    training_card(page, "phoenix", "running").get_by_role("button", name="Stop and keep").click()
    card = training_card(page, "phoenix", "done")
    assert before < stage.workspace.concepts.find("<phoenix>").header.steps < 40
    card.get_by_role("button", name="Train to the end").click()
    page.get_by_role("button", name="Train 25 % further").first.wait_for()
    assert stage.workspace.concepts.find("<phoenix>").header.steps == 40
    assert all(path.read_bytes() == content for path, content in kept.items())


@pytest.mark.slow
def test_a_training_is_paused_and_the_queue_put_in_order(stage: Stage, page: Any, photos: list[Path]) -> None:
    for name in ("patient", "second", "third"):
        train(page, photos, name, "snail")
        page.reload()
    card = training_card(page, "patient", "running")
    card.locator(".numbers b").wait_for()
    open_tab(page, "Queue")
    rows = page.locator("#queue .job")
    rows.filter(has_text="<third>").get_by_role("button", name="Next", exact=True).click()
    page.locator("#queue .jobs .job >> nth=1").filter(has_text="<third>").wait_for()
    rows.filter(has_text="<third>").get_by_role("button", name="Hold").click()
    page.locator("#queue .job.paused", has_text="<third>").wait_for()
    rows.filter(has_text="<second>").get_by_role("button", name="Cancel").click()
    page.locator("#queue .job.stopped", has_text="<second>").wait_for()
    rows.filter(has_text="<patient>").get_by_role("button", name="Pause").click()
    paused = page.locator("#queue .job.paused", has_text="<patient>")
    paused.wait_for()
    reached = int(paused.locator(".numbers b").inner_text())
    open_tab(page, "Train")
    card = training_card(page, "patient", "paused")
    assert "Paused. What was learned so far is kept on the disk." in card.inner_text()
    assert reached < 40
    card.get_by_role("button", name="Go on").click()
    training_card(page, "patient", "done")
    assert stage.workspace.concepts.find("<patient>").header.steps == 40
    open_tab(page, "Queue")
    press_and_confirm(page, rows.filter(has_text="<third>"), "Discard")
    page.locator("#queue .job.stopped", has_text="<third>").wait_for()


def test_unusable_files_are_named_with_the_reason(page: Any, photos: list[Path], tmp_path: Path) -> None:
    text, twin = tmp_path / "letter.png", tmp_path / "twin.png"
    text.write_text("Dear Lily, this is no picture.", encoding="utf-8")
    Image.open(photos[0]).save(twin)
    drop_photos(page, [*photos, text, twin])
    tiles(page).nth(2).wait_for()
    reasons = page.locator("#photo-refusals li").all_inner_texts()
    assert len(reasons) == 2
    assert "letter.png" in reasons[0] and "not a picture in a format" in reasons[0]
    assert "twin.png" in reasons[1] and "the same as photo-0.jpg" in reasons[1]
    assert tiles(page).count() == 3


def test_a_phone_photo_is_shown_upright_and_its_square_can_be_moved(page: Any, tmp_path: Path) -> None:
    picture = Image.new("RGB", (300, 200), "white")
    picture.paste("red", (0, 0, 100, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the red left side is the top
    picture.save(tmp_path / "phone.jpg", exif=exif)
    drop_photos(page, [tmp_path / "phone.jpg"])
    open_photo(page, 0)
    whole = page.locator(".whole-photo > img")
    assert whole.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [200, 300]
    place = "() => parseFloat(document.querySelector('.mask-stage').style.top)"
    assert 16 < page.evaluate(place) < 17
    box = page.locator(".mask-stage").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] - 200, steps=4)
    page.mouse.up()
    assert page.evaluate(place) == 0
    close_photo(page)
    page.wait_for_function(f"({TOP_COLOUR})(document.querySelector('#photo-strip .tile img'))[0] > 200")
    red = tiles(page).first.locator("img").evaluate(TOP_COLOUR)
    assert red[0] > 200 and red[1] < 60
    open_photo(page, 0)
    page.get_by_role("button", name="Remove this photo").click()
    page.wait_for_function("() => !document.querySelector('#photo-strip .tile')")


@pytest.mark.slow
def test_captions_are_typed_or_dropped_and_go_into_the_training(
    stage: Stage, page: Any, photos: list[Path], tmp_path: Path
) -> None:
    note = tmp_path / f"{photos[1].stem}.txt"
    note.write_text("a tortoise on a stone")
    stray = tmp_path / "nobody.txt"
    stray.write_text("a dog")
    drop_photos(page, [*photos, note, stray])
    page.locator("#photo-refusals li", has_text="nobody.txt it is the caption of no photo here").wait_for()
    field = page.locator("#photo-caption textarea")
    open_photo(page, 0)
    assert field.input_value() == ""
    field.fill("a tortoise asleep")
    page.get_by_role("button", name="Next photo").click()
    page.wait_for_function("document.querySelector('#photo-caption textarea').value.endsWith('stone')")
    page.get_by_role("button", name="Previous photo").click()
    page.wait_for_function("document.querySelector('#photo-caption textarea').value.endsWith('asleep')")
    page.keyboard.press("Escape")
    page.locator("#photo-strip .tile-caption >> nth=1").wait_for()
    assert page.locator("#photo-strip .tile-caption").all_inner_texts() == [
        "a tortoise asleep",
        "a tortoise on a stone",
    ]
    page.locator("#concept-name input").fill("captioned")
    page.locator("#concept-noun input").fill("tortoise")
    page.locator("#naming code:text-is('<captioned>')").wait_for()
    page.locator("#train").click()
    training_card(page, "captioned", "running")
    job = next(job for job in stage.workspace.jobs.newest(9, ("train",)) if "<captioned>" in job.title)
    kept = PhotoSet.load(stage.workspace.jobs.folder(job.id) / "photos")
    assert kept.captions[:2] == ("a tortoise asleep", "a tortoise on a stone")
    press_and_confirm(page, page.locator("#train-progress"), "Stop and discard")
    training_card(page, "captioned", "stopped")


def test_a_missing_noun_is_asked_for_and_nothing_is_lost(page: Any, photos: list[Path]) -> None:
    drop_photos(page, photos)
    tiles(page).nth(2).wait_for()
    page.locator("#concept-name input").fill("half")
    page.locator("#train").click()
    page.locator("#train-notice .error", has_text="The noun is missing.").wait_for()
    assert page.locator("#concept-name input").input_value() == "half"
    assert tiles(page).count() == 3


def test_a_setting_out_of_range_is_refused_in_words_and_the_recipe_comes_back(
    page: Any, photos: list[Path]
) -> None:
    drop_photos(page, photos)
    tiles(page).nth(2).wait_for()
    page.locator("#concept-name input").fill("far")
    page.locator("#concept-noun input").fill("cat")
    unfold(page, "#train-settings")
    rate = page.locator("#setting-textual-inversion-learning-rate input")
    recipe = rate.input_value()
    rate.fill("7")
    page.locator("#train").click()
    page.locator("#train-notice .error", has_text="Learning rate of 7 is out of range.").wait_for()
    page.locator("#train-reset").click()
    page.wait_for_function(
        "recipe => document.querySelector('#setting-textual-inversion-learning-rate input').value === recipe",
        arg=recipe,
    )


def test_nothing_moves_away_under_a_click_while_a_name_is_typed(page: Any) -> None:
    page.wait_for_timeout(500)
    place = "() => document.querySelector('#train').getBoundingClientRect().top + window.scrollY"
    before = page.evaluate(place)
    page.locator("#concept-name input").fill("steady")
    page.locator("#naming code:text-is('<steady>')").wait_for()
    assert page.evaluate(place) == before


def test_a_method_shows_a_picture_of_what_it_is_good_at(page: Any) -> None:
    picture = page.locator("#method-summary img")
    picture.wait_for()
    place = "image => [image.getBoundingClientRect().height, document.querySelector('#train').offsetTop]"
    shown = picture.evaluate(
        f"async image => {{ const before = ({place})(image); await image.decode();"
        f" return [image.naturalWidth, before, ({place})(image)]; }}"
    )
    assert shown[0] > 0 and shown[1] == shown[2] and shown[1][0] > 40
    assert picture.get_attribute("alt") == (
        "one of its photos, then what Textual Inversion made of it: in the snow; in a box"
    )
    page.locator("#method label", has_text="DreamBooth").click()
    page.wait_for_function("() => !document.querySelector('#method-summary img')")
