"""Earlier prompts come from the pictures, favourites from a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.create.prompt_history import prompt_history
from studio.workspace import favourite_prompts, pictures
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face

PROMPTS = ("a cat", "a <b>dog</b>", "a cat", "a fox", "a dog" * 300)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    for number, prompt in enumerate(PROMPTS):
        save_picture(
            draw_face(number), Recipe(prompt, seed=number), workspace.pictures / f"{number:05d}-01.png"
        )
    return workspace


def test_each_prompt_comes_once_the_latest_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "READ_AT_ONCE", 2)  # so that they come in several parts
    assert workspace.gallery.recent_prompts(50)[1:] == ["a fox", "a cat", "a <b>dog</b>"]
    assert workspace.gallery.recent_prompts(2)[1:] == ["a fox"]
    (workspace.pictures / "00003-01.png").unlink()
    assert "a fox" not in workspace.gallery.recent_prompts(50)
    assert Workspace(workspace.folder / "empty").gallery.recent_prompts(5) == []


def test_favourites_stand_first_and_stay_when_their_pictures_go(workspace: Workspace) -> None:
    workspace.favourite_prompts.keep(" a <b>dog</b> ")
    workspace.favourite_prompts.keep("never painted")
    again = Workspace(workspace.folder)
    assert again.favourite_prompts.all() == ("never painted", "a <b>dog</b>")
    drawn = prompt_history(again)
    order = ["never painted", "a &lt;b&gt;dog&lt;/b&gt;", "a fox", "a cat"]
    places = [drawn.index(f'data-prompt="{words}"') for words in order]
    assert places == sorted(places) and drawn.count("<li>") == 4  # one is longer than the prompt takes
    assert drawn.count('aria-pressed="true"') == 2 and "<b>" not in drawn
    for path in again.pictures.iterdir():
        path.unlink()
    again.favourite_prompts.keep("never painted", kept=False)
    assert prompt_history(again).count("<li>") == 1
    again.favourite_prompts.keep("a <b>dog</b>", kept=False)
    assert "<li>" not in prompt_history(again) and workspace.favourite_prompts.all() == ()


def test_what_cannot_be_kept_is_said(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    favourites = workspace.favourite_prompts
    with pytest.raises(StudioError, match="no prompt to keep"):
        favourites.keep("  ")
    monkeypatch.setattr(favourite_prompts, "MAX_FAVOURITE_PROMPTS", 1)
    favourites.keep("one")
    favourites.keep("one")
    with pytest.raises(StudioError, match="the most"):
        favourites.keep("two")
    (workspace.folder / "prompts.json").write_bytes(b'{"prompts": 1}')
    assert "The list of favourite prompts cannot be read" in prompt_history(Workspace(workspace.folder))
