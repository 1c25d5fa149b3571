"""Old pictures find concepts that were renamed since."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from studio.recipes.recipe import Recipe
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    for seed, name in enumerate(("lily", "tom")):
        add(workspace, f"<{name}>", seed)
    return workspace


def add(workspace: Workspace, handle: str, seed: int) -> None:
    save_concept(workspace.concepts.path(handle), header_of(handle, "fox", seed, 5, 40))


def painted(workspace: Workspace, prompt: str) -> Recipe:
    recipe = Recipe(prompt, "<Lily> twice", {"<lily>": 0.5}, regions={"<lily>": (0.0, 0.0, 0.5, 1.0)})
    return workspace.resolve_recipe(recipe)


def test_a_renamed_concept_is_recognised_by_its_hash_also_after_several_names(workspace: Workspace) -> None:
    recipe = painted(workspace, "<lily> and <tom>")
    workspace.rename("<lily>", "rose")
    workspace.rename("<rose>", "iris")
    again = Workspace(workspace.folder)
    present, notes = again.former_names.present(recipe)
    assert notes == ["Painted with <lily>, now called <iris>."]
    assert present.prompt == "<iris> and <tom>" and present.negative == "<iris> twice"
    assert present.strengths == {"<iris>": 0.5, "<tom>": 1.0} and [*present.regions] == ["<iris>"]
    assert again.reproducibility_warnings(present) == []
    assert again.resolve_recipe(present) == present
    assert "<lily> is not in the Library." in again.reproducibility_warnings(recipe)


def test_a_name_that_was_given_back_changes_nothing(workspace: Workspace) -> None:
    recipe = painted(workspace, "<lily>")
    workspace.rename("<lily>", "rose")
    between = workspace.resolve_recipe(Recipe("<rose>"))
    workspace.rename("<rose>", "lily")
    assert workspace.former_names.present(recipe) == (recipe, [])
    assert workspace.former_names.present(between)[1] == ["Painted with <rose>, now called <lily>."]


def test_two_that_changed_names_are_told_apart(workspace: Workspace) -> None:
    recipe = painted(workspace, "<lily> and <tom>")
    for old, new in (("<lily>", "aside"), ("<tom>", "lily"), ("<aside>", "tom")):
        workspace.rename(old, new)
    present, notes = workspace.former_names.present(recipe)
    assert present.prompt == "<tom> and <lily>" and len(notes) == 2
    assert workspace.reproducibility_warnings(present) == []


def test_another_concept_of_the_old_name_is_not_taken_for_it(workspace: Workspace) -> None:
    recipe = painted(workspace, "<lily>")
    workspace.rename("<lily>", "rose")
    add(workspace, "<lily>", 77)
    present, notes = workspace.former_names.present(recipe)
    assert present.prompt == "<rose>" and notes == ["Painted with <lily>, now called <rose>."]
    both = dataclasses.replace(recipe, prompt="<lily> and <rose>")  # <rose> was somebody else
    assert workspace.former_names.present(both) == (both, [])


def test_one_that_is_gone_or_was_never_renamed_stays_as_it_was(workspace: Workspace) -> None:
    recipe = painted(workspace, "<lily> and <tom>")
    workspace.rename("<lily>", "rose")
    workspace.concepts.delete("<rose>")
    assert workspace.former_names.present(recipe) == (recipe, [])
    older = dataclasses.replace(recipe, concepts={})
    assert workspace.former_names.present(older) == (older, [])


def test_of_two_in_one_file_the_other_keeps_its_name_and_is_the_same_file(workspace: Workspace) -> None:
    header = dataclasses.replace(
        header_of("<cat>", "cat", 3, 5, 40), handles={"<cat>": "cat", "<hat>": "hat"}
    )
    save_concept(workspace.concepts.path("<cat>"), header)
    recipe = workspace.resolve_recipe(Recipe("<cat> with <hat>"))
    workspace.rename("<cat>", "puss")
    present, notes = workspace.former_names.present(recipe)
    assert present.prompt == "<puss> with <hat>" and notes == ["Painted with <cat>, now called <puss>."]
    assert workspace.reproducibility_warnings(present) == []


@pytest.mark.parametrize("text", [b"", b"{]", b'{"renamed": [{"old": "x"}]}', b'{"renamed": 7}'])
def test_a_damaged_list_of_renamings_is_an_empty_one(workspace: Workspace, text: bytes) -> None:
    recipe = painted(workspace, "<lily>")
    (workspace.folder / "renamed.json").write_bytes(text)
    assert workspace.former_names.present(recipe) == (recipe, [])
    workspace.rename("<lily>", "rose")
    assert workspace.former_names.present(recipe)[0].prompt == "<rose>"
