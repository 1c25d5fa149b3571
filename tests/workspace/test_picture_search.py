"""Pictures are found by the words of their recipes, their concepts, methods and base."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.workspace import picture_summary
from studio.workspace.picture_search import PictureFilter
from studio.workspace.picture_summary import recipe_key, words_in
from studio.workspace.pictures import PNG_START
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face, header_of, save_concept

RECIPES = {
    "00001-01.png": Recipe("a cat on the beach", base="dream/starter.safetensors"),
    "00002-01.png": Recipe("<lily> on a red BEACH, scattered shells", base="other"),
    "00003-01.png": Recipe("<lily-2> at night", negative="beach"),
    "00004-01.png": Recipe("<tom> über 海滩の夜"),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    for name, recipe in RECIPES.items():
        save_picture(draw_face(1), recipe, workspace.pictures / name)
    (workspace.pictures / "00005-01.png").write_bytes(PNG_START)
    header = header_of("<tom>", "dog", 1, 5, 40)
    save_concept(workspace.concepts.path("<tom>"), header)
    other = dataclasses.replace(
        header_of("<lily>", "dog", 1, 5, 40), method="dreambooth", method_title="DreamBooth"
    )
    save_concept(workspace.concepts.path("<lily>"), other)
    return workspace


def numbers(workspace: Workspace, text: str = "", starred: bool = False) -> list[int]:
    """Return the numbers of the pictures that are found, in their order."""
    page = workspace.gallery.page(60, 0, PictureFilter(text, starred))
    assert page.count == workspace.gallery.count(PictureFilter(text, starred))
    return [int(path.name[:5]) for path in page.paths]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("beach", [2, 1]),
        ("Beach cat", [1]),
        ("cat", [1]),  # not in "scattered"
        ("scat", [2]),
        ("<lily>", [2]),
        ("lily", [3, 2]),
        ("<lily-2>", [3]),
        ("dreambooth", [2]),
        ("textual inversion", [4]),
        ("starter", [1]),
        ("dream", [2]),  # the folder of a base says nothing
        ("ÜBER", [4]),
        ("海滩", [4]),
        ("の夜", [4]),
        ("beach night", []),
        ("walrus", []),
        ("... !", [5, 4, 3, 2, 1]),  # no words: everything, whatever it says
    ],
)
def test_every_word_must_begin_a_word_of_the_picture(
    workspace: Workspace, text: str, found: list[int]
) -> None:
    assert numbers(workspace, text) == found


def test_words_are_those_of_people_and_handles_stay_whole() -> None:
    assert words_in("A <Lily-2>'s hat, x<y") == ["a", "<lily-2>", "s", "hat", "x", "y"]


def test_starred_pictures_are_chosen_among_and_the_trash_does_not_count(workspace: Workspace) -> None:
    workspace.gallery.stars.give(["00001-01.png", "00003-01.png", "00009-01.png"])
    assert numbers(workspace, starred=True) == [3, 1]
    assert numbers(workspace, "beach", starred=True) == [1]
    workspace.gallery.delete("00003-01.png")
    assert numbers(workspace, starred=True) == [1]
    workspace.gallery.stars.give(["00001-01.png"], starred=False)
    assert numbers(workspace, starred=True) == []


def test_what_changes_is_found_at_once_and_nothing_else_is_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    read = picture_summary.read_recipe

    def counted(path: Path, behind_pixels: bool = True) -> Recipe:
        opened.append(path.name)
        assert not behind_pixels  # thousands are not decoded for a search
        return read(path, behind_pixels)

    monkeypatch.setattr(picture_summary, "read_recipe", counted)
    assert numbers(workspace, "beach") == [2, 1] and len(opened) == 5
    save_picture(draw_face(1), Recipe("a beach ball"), workspace.pictures / "00006-01.png")
    assert numbers(workspace, "beach") == [6, 2, 1] and opened[5:] == ["00006-01.png"]
    workspace.concepts.rename("<tom>", "jerry")
    assert numbers(workspace, "textual") == []  # nobody knows any more what <tom> was


def test_an_answer_is_remembered_while_nothing_changes(workspace: Workspace) -> None:
    os.utime(workspace.pictures, (1000, 1000))
    gallery, wanted = workspace.gallery, PictureFilter("beach")
    first = gallery._wanted(wanted)
    assert gallery._wanted(wanted) is first
    gallery.stars.give(["00001-01.png"])
    assert gallery._wanted(wanted) is not first and gallery._wanted(wanted) == first


def test_the_words_below_a_picture_are_those_of_its_prompt(workspace: Workspace) -> None:
    prompts = workspace.gallery.page(60).prompts
    assert prompts == {name: recipe.prompt for name, recipe in RECIPES.items()}


def test_a_picture_is_found_by_its_recipe(workspace: Workspace) -> None:
    wanted = dataclasses.replace(RECIPES["00003-01.png"], base_hash="0123456789")
    found = workspace.gallery.find_painted(wanted)
    assert found is not None and found.name == "00003-01.png"
    assert workspace.gallery.find_painted(dataclasses.replace(wanted, seed=1)) is None
    found.unlink()
    assert workspace.gallery.find_painted(wanted) is None
    assert recipe_key(wanted) == recipe_key(RECIPES["00003-01.png"])
    assert recipe_key(wanted) != recipe_key(dataclasses.replace(wanted, refinements={"glow_steps": 5}))


def test_reading_ahead_spares_the_next_start_the_pictures(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio import file_index

    monkeypatch.setattr(file_index, "MAX_UNSAVED", 0)
    workspace.gallery.read_ahead()
    monkeypatch.setattr(picture_summary, "read_recipe", lambda *_: pytest.fail("a picture is read again"))
    again = Workspace(workspace.folder)
    (again.pictures / "00005-01.png").unlink()
    assert numbers(again, "beach") == [2, 1]
