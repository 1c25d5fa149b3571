"""Every program that writes into a workspace does so for its user alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import launch
from studio.__main__ import main as studio_main
from studio.files import close_folder
from studio.workspace.workspace import Workspace
from trainers.__main__ import main as trainers_main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no such modes")
OPEN_MASK = 0o022  # what most systems begin with


@pytest.fixture(autouse=True)
def open_mask() -> Iterator[None]:
    """Begin with a mask under which everybody may read new files."""
    before = os.umask(OPEN_MASK)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def run_launcher(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command of launch.py that does nothing."""
    for name in ("open_studio", "work"):
        monkeypatch.setattr(launch, name, lambda options: None)
    monkeypatch.setattr(launch, "read_catalogue", lambda workspace: None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    launch.run(launch.parser().parse_args([command, "--workspace", "work"]))


@pytest.mark.parametrize(
    "run",
    [
        lambda patch: run_launcher("open", patch),
        lambda patch: run_launcher("worker", patch),
        lambda patch: run_launcher("setup", patch),
        lambda patch: studio_main(["again", "none.png"]),
        lambda patch: trainers_main(["textual_inversion", "none", "--name", "lily", "--noun", "dog"]),
    ],
    ids=["page", "worker", "setup", "studio", "trainers"],
)
def test_new_files_are_closed(
    run: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(monkeypatch)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file").touch()
    assert (mode(tmp_path / "made"), mode(tmp_path / "made" / "file")) == (0o700, 0o600)


def test_an_older_workspace_is_closed_when_it_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o755)
    Workspace(folder)
    assert mode(folder) == 0o700


def test_a_folder_that_many_share_stays_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    close_folder(tmp_path)
    assert mode(tmp_path) == 0o1777
