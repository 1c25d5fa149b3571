"""The Library tab in a real browser, and what the server refuses to give away."""

from __future__ import annotations

import dataclasses
import os
import pickle
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from studio.concepts.header import read_header
from studio.concepts.verdict import Verdict
from studio.errors import StudioError
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.parts.html_blocks import uploaded_files
from tests.browser.actions import drop, open_tab, train, training_card
from tests.browser.actor import BASE, draw_face, header_of, save_concept
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser


def add_concept(stage: Stage, handle: str, fingerprint: str = "", base_kind: str = "") -> None:
    """Put a concept into the library."""
    header = dataclasses.replace(header_of(handle, "fox", 9, 5, 40, fingerprint), base_kind=base_kind)
    save_concept(stage.workspace.concepts.path(handle), header)


def select(page: Any, handle: str) -> Any:
    """Open a concept's details."""
    page.locator(".concept", has_text=handle).click()
    card = page.locator("#concept-detail .concept-card", has_text=handle)
    card.wait_for()
    return card


def test_a_concept_is_renamed_deleted_and_brought_back(stage: Stage, page: Any) -> None:
    add_concept(stage, "<rusty>")
    open_tab(page, "Library")
    select(page, "<rusty>")
    page.locator("#new-name input").fill("Ruby")
    page.locator("#rename").click()
    page.locator(".concept", has_text="<ruby>").wait_for()
    assert stage.workspace.concepts.find("<ruby>").header.noun == "fox"
    assert not stage.workspace.concepts.has("<rusty>")
    page.locator("#delete").click()
    page.wait_for_function("() => !document.querySelector('#library-cards').innerText.includes('<ruby>')")
    assert not stage.workspace.concepts.has("<ruby>")
    page.locator("#undo").get_by_role("button", name="Undo").click()
    page.locator(".concept", has_text="<ruby>").wait_for()
    assert stage.workspace.concepts.has("<ruby>")
    page.locator("#new-name input").fill("not a name!")
    page.locator("#rename").click()
    page.locator("#library-notice .error", has_text="cannot be the name of a concept").wait_for()


def test_painting_with_a_concept_fills_the_prompt(stage: Stage, page: Any) -> None:
    add_concept(stage, "<vixen>")
    open_tab(page, "Library")
    select(page, "<vixen>").get_by_role("button", name="Paint with <vixen>").click()
    page.locator("#prompt textarea").wait_for()
    assert "<vixen>" in page.locator("#prompt textarea").input_value()


def test_a_file_is_imported_and_downloaded_unchanged(stage: Stage, page: Any, tmp_path: Path) -> None:
    file = tmp_path / "guest.safetensors"
    save_concept(file, header_of("<guest>", "owl", 5, 4, 40))
    open_tab(page, "Library")
    drop(page, "#concept-drop", [file])
    page.locator(".concept", has_text="<guest>").wait_for()
    with page.expect_download() as waiting:
        page.locator("#concept-detail").get_by_role("link", name="Download").click()
    waiting.value.save_as(tmp_path / "back.safetensors")
    assert (tmp_path / "back.safetensors").read_bytes() == file.read_bytes()


def test_a_pickle_is_refused_as_one(stage: Stage, page: Any, tmp_path: Path) -> None:
    file = tmp_path / "evil.safetensors"
    file.write_bytes(pickle.dumps({"weights": [1.0]}))
    open_tab(page, "Library")
    drop(page, "#concept-drop", [file])
    page.locator("#library-notice .error", has_text="evil.safetensors is a pickle").wait_for()


def test_a_concept_of_another_base_is_flagged(stage: Stage, page: Any) -> None:
    add_concept(stage, "<stranger>", fingerprint="of another base", base_kind="stable_diffusion 8")
    add_concept(stage, "<cousin>", fingerprint="of a fine-tune", base_kind=BASE["kind"])
    open_tab(page, "Library")
    for handle in ("<stranger>", "<cousin>"):
        assert "other base" in page.locator(".concept", has_text=handle).inner_text()
    assert "cannot be painted with stand-in" in select(page, "<stranger>").inner_text()
    assert "with stand-in it may look different" in select(page, "<cousin>").inner_text()


def test_a_weak_concept_says_what_to_change(stage: Stage, page: Any) -> None:
    verdict = Verdict(likeness=0.04, noise=0.2, seeds=3, encoder="U-Net features", obeyed=0.9)
    header = header_of("<faint>", "fox", 9, 5, 40)
    save_concept(
        stage.workspace.concepts.path("<faint>"), dataclasses.replace(header, verdicts={"<faint>": verdict})
    )
    add_concept(stage, "<sure>")
    open_tab(page, "Library")
    assert "weak" in page.locator(".concept", has_text="<faint>").inner_text()
    assert "weak" not in page.locator(".concept", has_text="<sure>").inner_text()
    text = select(page, "<faint>").inner_text()
    assert "Weak: the pictures have 4% of the likeness" in text
    assert "more steps (it had 40) or a higher learning rate (0.002)" in text


def shown(page: Any, *handles: str) -> None:
    """Wait until the Library shows exactly these concepts, in this order."""
    script = "() => [...document.querySelectorAll('.concept code')].map(one => one.innerText).join(' ')"
    page.wait_for_function(f"text => ({script})() === text", arg=" ".join(handles))


def test_concepts_are_searched_sorted_and_starred(stage: Stage, page: Any) -> None:
    for handle, method in (("<zzz-b>", "Methoda"), ("<zzz-a>", "Methodb"), ("<zzz-c>", "Methodb")):
        header = dataclasses.replace(
            header_of(handle, "fox", sum(map(ord, handle)), 5, 40), method_title=method
        )
        save_concept(stage.workspace.concepts.path(handle), header)
        os.utime(stage.workspace.concepts.path(handle), (ord(handle[-2]), ord(handle[-2])))
    open_tab(page, "Library")
    search = page.locator("#concept-search input")
    search.fill("zzz")
    shown(page, "<zzz-c>", "<zzz-b>", "<zzz-a>")
    page.locator("#concept-order input").click()
    page.get_by_role("option", name="Name").click()
    shown(page, "<zzz-a>", "<zzz-b>", "<zzz-c>")
    search.fill("methodb zz")
    shown(page, "<zzz-a>", "<zzz-c>")
    select(page, "<zzz-c>").get_by_role("button", name="Give it a star").click()
    page.locator("#concept-detail").get_by_role("button", name="Take the star away").wait_for()
    page.locator("#concept-bar button").click()
    shown(page, "<zzz-c>")
    search.fill("zzz-a")
    page.get_by_role("button", name="Show all concepts").click()
    page.locator(".concept", has_text="<zzz-b>").wait_for()
    assert search.input_value() == ""


def test_a_note_stays_with_its_concept_and_goes_into_a_download(
    stage: Stage, page: Any, tmp_path: Path
) -> None:
    add_concept(stage, "<noted>")
    header = dataclasses.replace(header_of("<blank>", "owl", 77, 5, 40))
    save_concept(stage.workspace.concepts.path("<blank>"), header)
    open_tab(page, "Library")
    select(page, "<noted>")
    note = page.locator("#concept-note textarea")
    note.fill("Best at 0.8")
    select(page, "<blank>")
    page.wait_for_function("() => !document.querySelector('#concept-note textarea').value")
    select(page, "<noted>")
    page.wait_for_function("() => document.querySelector('#concept-note textarea').value === 'Best at 0.8'")
    page.locator("#new-name input").fill("annotated")
    page.locator("#rename").click()
    page.locator("#concept-detail .concept-card", has_text="<annotated>").wait_for()
    assert note.input_value() == "Best at 0.8"
    with page.expect_download() as waiting:
        page.locator("#concept-detail").get_by_role("link", name="Download").click()
    waiting.value.save_as(tmp_path / "back.safetensors")
    assert read_header(tmp_path / "back.safetensors").note == "Best at 0.8"


@pytest.mark.slow
def test_a_cover_is_chosen_and_the_photos_are_shown(stage: Stage, page: Any, photos: list[Path]) -> None:
    train(page, photos, "covered", "fox")
    training_card(page, "covered", "done")
    save_picture(draw_face(3), Recipe("<covered> at sea", seed=3), stage.workspace.pictures / "00777-01.png")
    open_tab(page, "Library")
    select(page, "<covered>")
    portrait = page.locator(".concept", has_text="<covered>").locator(".portrait")
    before = portrait.get_attribute("src")
    page.locator(".made-from", has_text="3 photos, kept with the training").wait_for()
    assert page.locator(".made-from img").count() == 3
    page.locator(".cover-choice summary").click()
    page.locator(".cover-choice .tile").nth(1).click()
    page.wait_for_function(
        "src => [...document.querySelectorAll('.concept')].find(one => one.innerText.includes('<covered>'))"
        ".querySelector('.portrait').getAttribute('src') !== src",
        arg=before,
    )


def test_files_outside_the_shown_ones_are_not_served(stage: Stage) -> None:
    folder = stage.workspace.folder
    (folder / "secret.txt").write_text("mine", encoding="utf-8")
    for path in (
        folder / "secret.txt",
        folder / "worker.json",
        folder / "jobs" / "jobs.sqlite",
        Path("/etc/hosts"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{stage.url}gradio_api/file={path}", timeout=10)
        assert refusal.value.code in (403, 404), path


def test_only_uploaded_files_are_taken(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"x")
    with pytest.raises(StudioError, match="not uploaded here"):
        uploaded_files(gr.EventData(None, {"files": [str(tmp_path / "mine.png")], "failed": []}))


def test_a_note_that_is_kept_late_leaves_the_concept_that_was_selected_since(stage: Stage, page: Any) -> None:
    """The answer to leaving the field may come after the one to selecting another concept."""
    add_concept(stage, "<annotated-late>")
    # of another training: the same concept under two names has one note
    other = header_of("<selected-since>", "owl", 78, 5, 40)
    save_concept(stage.workspace.concepts.path("<selected-since>"), other)
    open_tab(page, "Library")
    select(page, "<annotated-late>")
    held: list[Any] = []
    page.route("**/gradio_api/run/predict*", lambda route: hold_note(route, held))
    page.locator("#concept-note textarea").fill("kept late")
    page.locator("#concept-note textarea").blur()
    while not held:
        page.wait_for_timeout(50)
    select(page, "<selected-since>")
    for route, answer in held:
        route.fulfill(response=answer)
    page.wait_for_timeout(2500)  # long enough for the answer, and for the page to ask twice what has changed
    assert page.locator("#concept-detail .concept-card", has_text="<selected-since>").is_visible()
    entry = stage.workspace.concepts.find("<annotated-late>")
    assert stage.workspace.marks.note(entry.header) == "kept late"


def hold_note(route: Any, held: list[Any]) -> None:
    """Hold the answer to the request that brings the note; let others pass."""
    if "kept late" in (route.request.post_data or ""):
        held.append((route, route.fetch()))
    else:
        route.continue_()


def test_the_concept_that_was_pressed_is_opened_though_another_has_taken_its_place(
    stage: Stage, page: Any
) -> None:
    """Gradio changes what is on the page in place: the first card becomes that of the newest concept."""
    add_concept(stage, "<held-down>")
    open_tab(page, "Library")
    place = page.locator("#library-cards .concept").first
    place.and_(page.locator(".concept", has_text="<held-down>")).hover()
    page.mouse.down()
    add_concept(stage, "<come-meanwhile>")
    place.and_(page.locator(".concept", has_text="<come-meanwhile>")).wait_for()
    page.mouse.up()
    page.locator("#concept-detail .concept-card", has_text="<held-down>").wait_for()
