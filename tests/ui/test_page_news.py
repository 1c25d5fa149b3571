"""The news of a page, the trash panel, and what a renamed concept's picture says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.page_news import page_news
from studio.ui.parts import progress_card
from studio.ui.parts.recipe_card import picture_card
from studio.ui.trash_panel import trash_list
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face, header_of, save_concept
from tests.ui.test_job_cards import add_training, finish


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def news(workspace: Workspace) -> dict[str, Any]:
    return page_news(workspace)


def step(workspace: Workspace, job: int, number: int, **values: float) -> None:
    event = {"event": "step", "step": number, "steps": 50, "values": values}
    workspace.jobs.log(job, event)


def title(workspace: Workspace) -> str:
    again = Workspace(workspace.folder)  # a running job's log is read once a second
    progress_card._read.clear()
    return news(again)["title"]


def test_the_title_says_what_runs_and_how_far_it_is(workspace: Workspace) -> None:
    assert news(workspace) == {"title": "", "waiting": 0, "ended": []}
    job, _ = add_training(workspace, "lily"), add_training(workspace, "rose")
    workspace.jobs.claim()
    assert title(workspace) == "getting ready · <lily>" and news(workspace)["waiting"] == 2
    step(workspace, job, 20)
    assert title(workspace) == "getting ready · <lily>"
    step(workspace, job, 31, loss=0.5)
    assert title(workspace) == "62 % · <lily>"
    step(workspace, job, 3)
    assert title(workspace) == "finishing · <lily>"


def test_what_ended_is_told_once_by_its_key_until_it_is_put_away(workspace: Workspace) -> None:
    learned, failed, cancelled = (add_training(workspace, name) for name in ("lily", "rose", "tom"))
    finish(workspace, learned)
    finish(workspace, failed, "failed", "The loss is no number.")
    workspace.jobs.request_stop(cancelled, "discard")
    painting = workspace.jobs.add("create", "a cat " * 20, Recipe("a cat").to_json()).id
    workspace.jobs.claim()
    workspace.jobs.end(painting, "done", {"pictures": ["1.png"]})
    told = {entry["words"]: entry for entry in news(workspace)["ended"]}
    assert list(told) == [
        "<rose> failed. The loss is no number.",
        "<lily> is learned.",
        f"1 picture of “{('a cat ' * 20)[:59]}…” is painted.",
    ]
    assert [entry["tab"] for entry in told.values()] == ["train", "train", "create"]
    key = told["<lily> is learned."]["key"]
    workspace.jobs.put_all_away("train")
    assert len(news(workspace)["ended"]) == 1
    workspace.jobs.requeue(learned)
    finish(workspace, learned)
    again = {entry["words"]: entry["key"] for entry in news(workspace)["ended"]}
    assert again["<lily> is learned."] != key


def test_the_trash_is_listed_with_sizes_and_asks_before_it_deletes(workspace: Workspace) -> None:
    assert trash_list(workspace, True) == ""
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "fox", 1, 5, 40))
    save_picture(draw_face(1), Recipe("a face"), workspace.pictures / "00001-01.png")
    workspace.concepts.delete("<lily>")
    workspace.gallery.delete("00001-01.png")
    (workspace.trash.folder / "20260101-101010-<img src=x>.txt").write_bytes(b"x" * 3000)
    folded = trash_list(workspace, False)
    assert "3 things, " in folded and "&lt;lily&gt;" not in folded
    drawn = trash_list(workspace, True)
    assert drawn.count('class="trashed"') == 3 and drawn.count("<img class") == 2
    assert drawn.count(">Restore<") == 2 and drawn.count(">Delete for good<") == 3
    assert drawn.count("data-ask=") == 4 and "<img src=x" not in drawn and "file · deleted" in drawn
    assert "concept · deleted just now · " in drawn


def test_many_things_in_the_trash_come_in_pages(workspace: Workspace) -> None:
    for number in range(60):
        (workspace.trash.folder / f"20260101-1010{number:02d}-a{number}.txt").touch()
    assert trash_list(workspace, True).count('class="trashed"') == 24
    assert trash_list(workspace, True, 2).count('class="trashed"') == 12
    assert "49 to 60 of 60 things" in trash_list(workspace, True, 2)


def test_a_picture_says_who_was_renamed_apart_from_what_makes_it_another(workspace: Workspace) -> None:
    card = picture_card(Recipe("<rose>"), notes=["Painted with <lily>, now called <rose>."])
    assert '<p class="faint">Painted with &lt;lily&gt;, now called &lt;rose&gt;.</p>' in card
    assert "not be the very same" not in card
