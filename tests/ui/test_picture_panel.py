"""What the page draws of pictures: tiles, the opened one, a refinement before and after, several at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.errors import StudioError
from studio.limits import MAX_CHOSEN
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.create.gallery import latest_pictures, painting_card
from studio.ui.create.gallery_tools import chosen_names
from studio.ui.create.picture_panel import deleted_note, opened_picture
from studio.ui.parts.recipe_card import picture_card
from studio.workspace.picture_search import PictureFilter
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face, header_of, save_concept
from tests.browser.stage import GLOW

PLAIN = Recipe("<mona> at night", seed=3, base="stand-in")
GLOWING = dataclasses.replace(PLAIN, refinements={"glow_steps": 5})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, refinements=(GLOW,))
    save_concept(workspace.concepts.path("<mona>"), header_of("<mona>", "cat", 3, 5, 40))
    for number, recipe in enumerate((PLAIN, dataclasses.replace(GLOWING, seed=4), GLOWING), 1):
        save_picture(draw_face(number), recipe, workspace.pictures / f"0000{number}-01.png")
    return workspace


def test_an_opened_picture_shows_before_and_after_only_beside_its_own_twin(workspace: Workspace) -> None:
    before_after = opened_picture(workspace, "00003-01.png")[1]
    assert "before-after" in before_after and "after golden hour" in before_after
    assert before_after.index("00003-01.png") < before_after.index("00001-01.png")  # the left one lies on top
    for name in ("00001-01.png", "00002-01.png"):
        assert "before-after" not in opened_picture(workspace, name)[1]
    workspace.gallery.delete("00001-01.png")
    assert "before-after" not in opened_picture(workspace, "00003-01.png")[1]


def test_a_painting_with_a_refinement_has_the_room_of_the_slider_from_the_start(workspace: Workspace) -> None:
    job = workspace.jobs.add("create", GLOWING.prompt, GLOWING.to_json())
    waiting = painting_card(workspace, job)
    assert 'class="before-after waiting"' in waiting and "00001-01.png" in waiting
    workspace.jobs.claim()
    workspace.jobs.log(job.id, {"event": "picture", "file": "00003-01.png"})
    workspace.jobs.end(job.id, "done", {"pictures": ["00003-01.png"]})
    done = painting_card(workspace, workspace.jobs.get(job.id))
    assert 'class="before-after"' in done and "after golden hour" in done and "1 picture in" in done
    workspace.gallery.delete("00003-01.png")
    assert "before-after" not in painting_card(workspace, workspace.jobs.get(job.id))
    several = workspace.jobs.add("create", "x", dataclasses.replace(GLOWING, count=2).to_json())
    plain = workspace.jobs.add("create", "x", PLAIN.to_json())
    assert all("before-after" not in painting_card(workspace, job) for job in (several, plain))


def test_only_pictures_of_the_gallery_have_a_star_and_a_bin(workspace: Workspace) -> None:
    path = workspace.pictures / "00001-01.png"
    elsewhere = picture_card(PLAIN, (GLOW,), path)
    assert 'data-action="star"' not in elsewhere and 'data-action="delete"' not in elsewhere
    card = opened_picture(workspace, path.name)[1]
    assert 'data-action="star" data-id="00001-01.png" aria-pressed="false"' in card
    workspace.gallery.stars.give([path.name])
    assert 'data-id="00001-01.png" aria-pressed="true"' in opened_picture(workspace, path.name)[1]
    assert latest_pictures(workspace, "", None).count("tile-star") == 1


def test_every_button_with_a_drawing_has_a_name(workspace: Workspace) -> None:
    card = opened_picture(workspace, "00003-01.png")[1]
    buttons = card.split('class="icon-button"')[1:]
    names = [part.split('aria-label="')[1].split('"')[0] for part in buttons]
    assert names == [
        *("Close", "More like this: the same recipe, new seeds", "Paint it again", "Use this recipe"),
        *("Without glow", "Compare from here", "Copy the prompt", "Enlarge", "Download", "Star", "Delete"),
    ]


def test_what_is_not_found_says_so_and_leads_back(workspace: Workspace) -> None:
    def shown(text: str, starred: bool = False) -> str:
        return latest_pictures(workspace, "", None, 0, PictureFilter(text, starred))

    assert "No picture found" in shown("walrus") and 'data-action="show-all"' in shown("walrus")
    assert "Among the starred pictures none has all of these words" in shown("night", starred=True)
    assert "No stars yet" in shown("", starred=True)
    assert shown("night").count("<img") == 3 and "No pictures yet" not in shown("night")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (None, "did not say which"),
        ("a.png", "did not say which"),
        ([], "No picture is selected."),
        (["a.png"] * (MAX_CHOSEN + 1), "too many"),
        ([3], "has no text"),
        (["\ud800.png"], "broken letter"),
    ],
)
def test_a_program_that_sends_nonsense_reads_a_sentence(names: object, sentence: str) -> None:
    with pytest.raises(StudioError, match=sentence):
        chosen_names(SimpleNamespace(_data={"action": "delete-chosen", "names": names}))


def test_the_note_says_what_is_in_the_trash() -> None:
    one = {"00001-01.png": Path("t1")}
    assert "00001-01.png is in the trash." in deleted_note(one, 1)
    assert "2 pictures are in the trash." in deleted_note({**one, "b.png": Path("t2")}, 2)
    assert "1 of 3 pictures are in the trash." in deleted_note(one, 3)
