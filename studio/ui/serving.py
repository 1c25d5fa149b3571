"""Serves the page: which files, to whom, and what is read while nobody has asked yet."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from studio.errors import StudioError, disk_errors
from studio.limits import MAX_FOREIGN_BYTES, MB
from studio.method_card import MethodCard
from studio.starter import ASSETS, DEMO, METHOD_PICTURES
from studio.ui.app import build
from studio.ui.application import app_options
from studio.ui.create.picture_panel import packed_folder
from studio.ui.doors import Door
from studio.ui.export_panel import export_folder
from studio.ui.page_words import words_script
from studio.ui.parts.page_files import page_script, page_styles
from studio.ui.parts.theme import theme
from studio.ui.parts.thumbnails import thumbnail_folder
from studio.ui.parts.visits import MAX_VISITS
from studio.words import tr
from studio.workspace.workspace import Workspace

MAX_UPLOAD = f"{MAX_FOREIGN_BYTES // MB}mb"
AUTH_MESSAGE = tr(
    "After a few wrong passwords the next attempt has to wait, longer each time, up to 5 minutes."
)

log = logging.getLogger("likeness.page")


def keep_log(workspace: Workspace) -> None:
    """Write exceptions of the page to page.log; the error cards name that file."""
    file = workspace.folder / "page.log"
    with disk_errors(file):
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)


def read_library(workspace: Workspace) -> None:
    """Read what all concepts and pictures say, so that who asks first does not wait for thousands."""
    for read in (workspace.concepts.entries, workspace.gallery.read_ahead):
        with suppress(StudioError, OSError):  # the tab says it
            read()


def serve(
    workspace: Workspace,
    catalogue: Sequence[MethodCard],
    host: str = "127.0.0.1",
    port: int = 7860,
    auth: tuple[str, str] | None = None,
    open_browser: bool = True,
    door: Door | None = None,
    root_path: str = "",
    restart_worker: Callable[[], None] = lambda: None,
    open_window: Callable[[str], None] | None = None,
) -> None:
    """Serve the page until interrupted.

    Args:
        restart_worker: called when another base was chosen.
        auth: the user and password that visitors are asked for.
        door: which requests are let in; those for this machine alone when None.
        root_path: the address or path at which a reverse proxy serves the page.
        open_window: shows the address in another way than `open_browser` does.

    Gradio serves any file of the working directory, so an empty folder becomes the working directory. Uploads
    are kept in the cache of the workspace and deleted once read.
    """
    keep_log(workspace)
    empty = workspace.cache / "empty"
    empty.mkdir(exist_ok=True)
    os.chdir(empty)
    os.environ["GRADIO_TEMP_DIR"] = str(workspace.cache / "uploads")
    page = build(workspace, catalogue, restart_worker)
    page.queue(api_open=False)
    folders = [
        workspace.pictures,
        workspace.jobs.root,
        workspace.concepts.folder,
        thumbnail_folder(workspace),
        export_folder(workspace),
        packed_folder(workspace),
        DEMO,
        METHOD_PICTURES,
    ]
    page.launch(
        server_name=host,
        server_port=port,
        auth=auth,
        auth_message=AUTH_MESSAGE,
        root_path=root_path,
        app_kwargs=app_options(door or Door.of(root_path=root_path), page),
        mcp_server=False,
        num_workers=0,
        inbrowser=open_browser,
        prevent_thread_lock=True,
        share=False,
        quiet=True,
        show_error=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        ssr_mode=False,
        pwa=False,
        max_file_size=MAX_UPLOAD,
        state_session_capacity=MAX_VISITS,
        allowed_paths=[str(folder) for folder in folders],
        blocked_paths=[str(workspace.jobs.root / f"jobs.sqlite{end}") for end in ("", "-wal", "-shm")],
        favicon_path=str(ASSETS / "favicon.svg"),
        theme=theme(),
        css_paths=page_styles(),
        js=page_script("page"),
        head=words_script(),
    )
    here = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    address = root_path if "://" in root_path else here
    print(tr("Likeness is open at {address}", address=address), flush=True)
    if open_window is not None:
        threading.Thread(target=open_window, args=[address], name="window", daemon=True).start()
    threading.Thread(target=read_library, args=[workspace], name="library", daemon=True).start()
    try:
        page.block_thread()
    finally:
        workspace.drafts.flush()
