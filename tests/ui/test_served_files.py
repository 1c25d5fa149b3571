"""The files that the page serves over HTTP: pictures, but not the table of jobs."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from studio.ui import serving
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue
from tests.free_port import free_port


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page, served as `serve` does, with one picture and one job."""
    workspace = Workspace(tmp_path / "workspace")
    Image.new("RGB", (8, 8)).save(workspace.pictures / "a.png")
    workspace.jobs.add("create", "a job", {"prompt": "secret"})
    port = free_port()
    ready, leave = threading.Event(), threading.Event()

    def block(page: gr.Blocks) -> None:
        ready.set()
        leave.wait(60)
        page.close()

    monkeypatch.setattr(gr.Blocks, "block_thread", block)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    here = Path.cwd()
    thread = threading.Thread(
        target=serving.serve, args=(workspace, catalogue()), kwargs={"port": port, "open_browser": False}
    )
    thread.start()
    try:
        assert ready.wait(60)
        yield f"http://127.0.0.1:{port}/gradio_api/file={workspace.folder}"
    finally:
        leave.set()
        thread.join(30)
        os.chdir(here)


def status_of(address: str) -> int:
    try:
        return urllib.request.urlopen(address, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def test_pictures_are_served_and_the_table_of_jobs_is_not(address: str) -> None:
    assert status_of(f"{address}/pictures/a.png") == 200
    for ending in ("", "-wal", "-shm"):
        assert status_of(f"{address}/jobs/jobs.sqlite{ending}") in (403, 404), ending
    assert status_of(f"{address}/page.log") in (403, 404)
