"""The sentences that a person reads when the machine is in trouble, in one table."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import launch
from studio.bases.known_bases import Base
from studio.errors import StudioError, disk_error
from studio.launcher.options import check_flags, parser
from studio.models.opening import find_base
from studio.recipes.recipe import Recipe
from studio.ui.queue_tab import job_list
from studio.workspace.workspace import Workspace
from tests.workspace.test_room import read_only

DAY = 86_400.0


def disk_full(folder: Path, patch: pytest.MonkeyPatch) -> None:
    raise disk_error(folder / "lily.safetensors", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def share_of_the_disk_used_up(folder: Path, patch: pytest.MonkeyPatch) -> None:
    raise disk_error(folder / "lily.safetensors", OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))


def read_only_workspace(folder: Path, patch: pytest.MonkeyPatch) -> None:
    read_only(patch, folder)
    Workspace(folder)


def workspace_in_use(folder: Path, patch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(folder)
    holder = launch.claim(workspace)
    try:
        launch.claim(workspace)
    finally:
        holder.close()


def base_gone_before_the_start(folder: Path, patch: pytest.MonkeyPatch) -> None:
    check_flags(parser().parse_args(["--base", str(folder / "dream"), "--workspace", str(folder)]))


def base_gone_while_open(folder: Path, patch: pytest.MonkeyPatch) -> None:
    find_base(folder / "dream")  # what the worker does, at its start and after every end


def base_gone_from_the_list(folder: Path, patch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(folder)
    workspace.bases.remember(Base(str(folder / "dream")))
    workspace.choose_base(str(folder / "dream"))


Trouble = Callable[[Path, pytest.MonkeyPatch], None]
TABLE: dict[Trouble, tuple[str, str]] = {  # the sentence, and what to do; FOLDER is the workspace
    disk_full: (
        "There is no room left on the disk for lily.safetensors.",
        "Free some space, then try again.",
    ),
    share_of_the_disk_used_up: (
        "There is no room left on the disk for lily.safetensors.",
        "Free some space, then try again.",
    ),
    read_only_workspace: (
        "The folder FOLDER cannot be written to: Read-only file system.",
        "Choose another with --workspace.",
    ),
    workspace_in_use: (
        "Another studio has the workspace FOLDER open.",
        "Close that one, or choose another with --workspace DIR.",
    ),
    base_gone_before_the_start: (
        "There is no base model at FOLDER/dream.",
        "Give --base the folder of a diffusers model, a checkpoint file, or a name on the hub.",
    ),
    base_gone_while_open: (
        "There is no base model at FOLDER/dream.",
        "Give --base a diffusers folder, a .safetensors checkpoint, or a name on the hub.",
    ),
    base_gone_from_the_list: ("It is not there any more.", "Choose another."),
}


@pytest.mark.parametrize("trouble", TABLE, ids=lambda trouble: trouble.__name__)
def test_trouble_is_a_sentence_and_a_remedy(
    trouble: Trouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudioError) as told:
        trouble(tmp_path, monkeypatch)
    message, hint = TABLE[trouble]
    place = str(tmp_path)
    assert (told.value.message.replace(place, "FOLDER"), told.value.hint) == (message, hint)


@pytest.mark.parametrize("jump", [-400 * DAY, -3600.0, 3600.0, 400 * DAY])
def test_a_clock_that_jumps_loses_no_job_and_changes_no_order(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs go by their number; times are shown only, and none is negative."""
    workspace = Workspace(tmp_path)
    first = workspace.create(Recipe("the first"))
    claimed = workspace.jobs.claim(("create",))
    assert claimed is not None and claimed.id == first.id
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump)
    second, third = workspace.create(Recipe("the second")), workspace.create(Recipe("the third"))
    workspace.jobs.end(first.id, "done", {"pictures": []})
    page = job_list(workspace)
    assert page.index("the second") < page.index("the third") < page.index("the first")
    assert "-" not in page[page.index("the first") :].split("</small>")[0].rpartition("took")[2]
    assert [workspace.jobs.claim(("create",)).id for _ in range(2)] == [second.id, third.id]
    assert [job.id for job in workspace.jobs.newest(9)] == [third.id, second.id, first.id]
