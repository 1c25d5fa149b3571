"""The hash of a checkpoint's file: made once, written into pictures, and compared when one is read."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from studio.bases.file_hash import FileHash, known_hash
from studio.events import Result
from studio.generation.generate import generate
from studio.recipes.parameters import from_parameters, parameters
from studio.recipes.png import read_recipe, read_recipe_and_notes, save_picture
from studio.recipes.recipe import Recipe
from studio.recipes.settings_line import read_settings
from studio.ui.parts.recipe_card import picture_card
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests import tiny
from tests.recipes.test_parameters import png

SAID = "a dog\nSteps: 12, Sampler: DDIM, CFG scale: 5.5, Seed: 77"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dream.safetensors"
    path.write_bytes(bytes(range(256)) * 9000)  # more than is read at a time
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def test_a_file_is_hashed_once_until_it_changes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, before = tmp_path / "cache", digest(file)
    assert known_hash(file, cache) == ""
    assert FileHash(file, cache).short() == before == known_hash(file, cache)
    with monkeypatch.context() as patched:
        patched.setattr("studio.bases.file_hash.FileHash._make", lambda self: pytest.fail("read again"))
        assert FileHash(file, cache).short() == before
    file.write_bytes(b"another")
    assert known_hash(file, cache) == "" and FileHash(file, cache).short() == digest(file) != before
    os.utime(file, ns=(1, 1))
    assert known_hash(file, cache) == ""


def test_a_file_that_changes_while_it_is_read_has_no_hash(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Changing:
        def __init__(self) -> None:
            file.write_bytes(b"another by now")

        def update(self, chunk: bytes) -> None: ...

        def hexdigest(self) -> str:
            return "0" * 64

    made = hashlib.sha256
    monkeypatch.setattr(
        "studio.bases.file_hash.hashlib.sha256", lambda *text: made(*text) if text else Changing()
    )
    assert FileHash(file, tmp_path / "cache").short() == "" == known_hash(file, tmp_path / "cache")


def test_a_folder_and_nothing_have_no_hash(file: Path, tmp_path: Path) -> None:
    assert FileHash(tmp_path, tmp_path).short() == "" == FileHash(tmp_path / "gone", tmp_path).short()
    (tmp_path / "full").touch()  # a cache that cannot be written keeps nothing, and the hash is true
    assert FileHash(file, tmp_path / "full").short() == digest(file)


def test_a_picture_says_the_hash_of_its_checkpoint_as_a1111_does(file: Path, tmp_path: Path) -> None:
    base = tiny.backbone()
    for base.file_hash, wanted in ((None, ""), (FileHash(file, tmp_path), digest(file))):
        *_, last = generate(base, Recipe("a cat", steps=1, base_hash="0123456789"))
        assert isinstance(last, Result) and last.value.recipe.base_hash == wanted
        settings = read_settings(parameters(last.value.recipe).split("\n")[-1])
        assert settings.get("Model hash", "") == wanted
        save_picture(Image.new("RGB", (8, 8)), last.value.recipe, tmp_path / "a.png")
        assert read_recipe(tmp_path / "a.png").base_hash == wanted


def test_concepts_of_ours_claim_no_hash_of_another_programs_file() -> None:
    text = parameters(Recipe("<lily>", concepts={"<lily>": "ab" * 32}, base="dream"))
    assert "hash" not in text and "abab" not in text


def test_recipes_without_a_hash_are_written_as_before_and_compared_without_it() -> None:
    assert "base_hash" not in Recipe("a").to_json()
    hashed = Recipe("a", base_hash="0123456789")
    assert Recipe.from_json(hashed.to_json()).base_hash == "0123456789" and hashed == Recipe("a")


@pytest.mark.parametrize("value", ["0123456789", "0123456789".upper(), "0123456789" + "ab" * 27])
def test_a_hash_that_was_read_is_not_listed_as_unused(value: str) -> None:
    recipe, notes = from_parameters(f"{SAID}, Model hash: {value}, Model: dream")
    assert (recipe.base_hash, recipe.base, len(notes)) == ("0123456789", "dream", 1)
    assert from_parameters(parameters(recipe))[0].base_hash == "0123456789"


@pytest.mark.parametrize("value", ["81761151", "0123456xyz", "01" * 40])
def test_another_kind_of_hash_is_listed(value: str) -> None:
    recipe, notes = from_parameters(f"{SAID}, Model hash: {value}")
    assert recipe.base_hash == "" and f"Not used here: Model hash: {value[:60]}" in notes[1]


def test_hashes_of_loras_that_the_prompt_calls_say_nothing_more() -> None:
    called = SAID.replace("a dog", "a dog <lora:ink:0.8> <lora:fog:1>")
    assert len(from_parameters(f'{called}, Lora hashes: "ink: 3a5f, fog: 77b0"')[1]) == 1
    for hashes in ('Lora hashes: "ink: 3a5f, mist: 77b0"', 'TI hashes: "ink: 3a5f"'):
        (_, unused) = from_parameters(f"{called}, {hashes}")[1]
        assert "ink: 3a5f" in unused


def test_fooocus_writes_the_hash_under_a_name_of_its_own(tmp_path: Path) -> None:
    values = {"prompt": "a dog", "seed": "9", "base_model": "dream", "base_model_hash": "0123456789"}
    recipe, notes = read_recipe_and_notes(png(tmp_path / "a.png", parameters=json.dumps(values)))
    assert recipe.base_hash == "0123456789" and not any("hash" in note for note in notes)


def test_the_page_says_whether_a_picture_is_of_the_base_in_use(file: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work", file)
    workspace.write_worker_state(WorkerState("ready", {"name": file.name}))
    theirs = Recipe("a dog", base="sd15", base_hash=digest(file))
    assert workspace.reproducibility_warnings(theirs) == [
        "It was painted with sd15; here is dream.safetensors."  # nobody has hashed the file yet
    ]
    FileHash(file, workspace.cache).short()
    (same,) = workspace.reproducibility_warnings(theirs)
    assert (
        same == f"Its base, sd15 [{digest(file)}], is the very file that is in use here: dream.safetensors."
    )
    other = Recipe("a dog", base=file.name, base_hash="0123456789")
    (warning,) = workspace.reproducibility_warnings(other)
    assert f"another checkpoint, {file.name} [0123456789]" in warning and digest(file) in warning
    assert workspace.reproducibility_warnings(Recipe("a", base=file.name, base_hash=digest(file))) == []
    assert "dream.safetensors [0123456789]" in picture_card(other)
