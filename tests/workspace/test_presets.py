"""Presets: settings under a name, each in its own file, and none lost with another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.errors import DiskError, StudioError
from studio.ui.train.preset_list import preset_list, preset_row
from studio.workspace import presets as module
from studio.workspace.presets import SUFFIX
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue

CARD = catalogue()[0]
VALUES = CARD.parse({"steps": 77, "flips": False})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_settings_come_back_as_they_were_kept(workspace: Workspace) -> None:
    workspace.presets.save("  My  puppies ", CARD.id, VALUES)
    again = Workspace(workspace.folder).presets
    assert again.find("my PUPPIES").values_for(CARD) == VALUES
    assert [path.name for path in workspace.presets.folder.iterdir()] == [f"my-puppies{SUFFIX}"]
    with pytest.raises(StudioError, match="holds settings of another method"):
        again.find("My puppies").values_for(catalogue()[1])


def test_a_name_is_taken_once_and_can_be_changed(workspace: Workspace) -> None:
    presets = workspace.presets
    presets.save("one", CARD.id, VALUES)
    presets.save("Two", CARD.id, {})
    for name in ("ONE", "two"):
        with pytest.raises(StudioError, match="already"):
            presets.save(name, CARD.id, {})
        with pytest.raises(StudioError, match="already"):
            presets.rename("Two" if name == "ONE" else "one", name)
    presets.rename("one", "One")
    presets.rename("Two", "三 / ../..")
    assert [preset.name for preset in presets.all()] == ["One", "三 / ../.."]
    assert sorted(path.name for path in presets.folder.iterdir()) == [f"one{SUFFIX}", f"two{SUFFIX}"]
    presets.save("four / ../..", CARD.id, {})
    assert (presets.folder / f"four{SUFFIX}").is_file()
    for name, words in (("  \n", "no name"), ("x" * 61, "too long")):
        with pytest.raises(StudioError, match=words):
            presets.save(name, CARD.id, {})


def test_a_deleted_preset_comes_back_from_the_trash(workspace: Workspace) -> None:
    workspace.presets.save("puppy", CARD.id, VALUES)
    path = workspace.presets.delete("Puppy")
    assert not workspace.presets.all()
    (thing,) = workspace.trash.newest(9)
    assert (thing.kind, thing.title, thing.file) == ("preset", "puppy", path.name)
    workspace.trash.restore(path.name)
    assert workspace.presets.find("puppy").settings == VALUES


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"name": 3, "method": "m"}', b'{"name": " ", "method": "m"}',
     b'{"name": "a", "method": "m", "settings": {"steps": [1]}}'],
)  # fmt: skip
def test_a_damaged_file_is_named_and_changes_nothing_else(workspace: Workspace, content: bytes) -> None:
    presets = workspace.presets
    presets.save("good", CARD.id, VALUES)
    damaged = presets.folder / f"good-2{SUFFIX}"
    damaged.write_bytes(content)
    assert [preset.name for preset in presets.all()] == ["good"]
    assert f"good-2{SUFFIX}" in str(presets.unreadable()[damaged.name])
    assert f"good-2{SUFFIX}" in preset_list(workspace, [CARD])
    presets.rename("good", "better")
    presets.save("good", CARD.id, {})
    assert damaged.read_bytes() == content
    assert {preset.name: preset.settings for preset in presets.all()} == {"better": VALUES, "good": {}}
    presets.discard(damaged.name)
    assert not presets.unreadable() and not damaged.exists()


def test_a_full_disk_leaves_the_preset_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.presets.save("puppy", CARD.id, VALUES)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no room")))
    with pytest.raises(DiskError):
        workspace.presets.rename("puppy", "cat")
    assert workspace.presets.find("puppy").settings == VALUES
    assert len(list(workspace.presets.folder.iterdir())) == 1


def test_there_is_an_end_to_them(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PRESETS", 1)
    workspace.presets.save("one", CARD.id, {})
    with pytest.raises(StudioError, match="which is the most"):
        workspace.presets.save("two", CARD.id, {})


def test_what_another_version_had_is_left_out_and_what_is_out_of_range_refused(workspace: Workspace) -> None:
    path = workspace.presets.folder / f"old{SUFFIX}"
    workspace.presets.folder.mkdir()
    path.write_text(json.dumps({"name": "old", "method": CARD.id, "settings": {"gone": 1, "steps": 5}}))
    assert workspace.presets.find("old").values_for(CARD)["steps"] == 5
    path.write_text(json.dumps({"name": "old", "method": CARD.id, "settings": {"steps": 50_000}}))
    with pytest.raises(StudioError, match=r"Steps of 50000 is out of range"):
        Workspace(workspace.folder).presets.find("old").values_for(CARD)


def test_a_preset_says_what_it_changes_and_nothing_gets_out_of_its_place(workspace: Workspace) -> None:
    assert preset_row(workspace) == ""
    workspace.presets.save("<b>&", CARD.id, VALUES)
    workspace.presets.save("other", "gone", {})
    shown = preset_list(workspace, catalogue())
    assert "Textual Inversion: steps 77, flips off" in shown and "<b>&lt;b&gt;&amp;</b>" in shown
    assert "gone, which this studio does not have" in shown and shown.count('data-action="apply"') == 1
    assert preset_row(workspace).count('data-action="apply"') == 2
