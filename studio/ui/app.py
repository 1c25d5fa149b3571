"""The page: five tabs over one workspace.

Everything it shows comes from the folder of the workspace, so a reload, a second browser tab or a restart of
the worker changes nothing.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError, disk_errors
from studio.limits import MAX_FOREIGN_BYTES, MB
from studio.method_card import MethodCard
from studio.recipes.recipe import Recipe
from studio.starter import ASSETS, DEMO, METHOD_PICTURES
from studio.ui.application import app_options
from studio.ui.base_limits import base_limits, limits_block
from studio.ui.base_picker import base_picker
from studio.ui.compare.grid_view import cell_picture
from studio.ui.compare.tab import compare_tab
from studio.ui.concept_library_tab import library_tab
from studio.ui.create.picture_panel import packed_folder
from studio.ui.create.tab import create_tab
from studio.ui.doors import Door
from studio.ui.drafts import connect_drafts
from studio.ui.export_panel import export_folder
from studio.ui.kept_form import KeptForm, by_id
from studio.ui.keyboard import KEYS_SWITCH, SKIP_LINK, keyboard_block
from studio.ui.page_news import CALL_SWITCH, news_block, page_news
from studio.ui.page_words import words_script
from studio.ui.parts.answering_blocks import AnsweringBlocks
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button
from studio.ui.parts.live_views import LiveView, in_tab, panel_id, refresh_views
from studio.ui.parts.markup import error_card, note_card
from studio.ui.parts.page_files import page_script, page_styles
from studio.ui.parts.prompt_buttons import with_handle
from studio.ui.parts.recipe_card import picture_card
from studio.ui.parts.theme import theme
from studio.ui.parts.thumbnails import thumbnail_folder
from studio.ui.parts.visits import MAX_VISITS
from studio.ui.parts.worker_pill import worker_words
from studio.ui.queue_tab import queue_tab
from studio.ui.train.tab import train_tab
from studio.words import tr
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

LITTLE_ROOM = 10_000_000  # bytes on the disk, of which a picture of 1024 pixels takes two million
MAX_UPLOAD = f"{MAX_FOREIGN_BYTES // MB}mb"
AUTH_MESSAGE = tr(
    "After a few wrong passwords the next attempt has to wait, longer each time, up to 5 minutes."
)
THEME_SWITCH = (
    '<button type="button" id="theme-switch"'
    f' aria-label="{escape(tr("Switch between light and dark"))}">◐</button>'
)

log = logging.getLogger("likeness.page")


def page_header(workspace: Workspace) -> str:
    """Return the name of the program and the state of the workers."""
    states = workspace.worker_states()
    state, words = WorkerState.of_all(states), worker_words(states)
    plan = str(state.base.get("memory", ""))
    about = tr("Choose the base model")
    if plan:
        about = tr("Choose the base model. To fit the device: {plan}", plan=plan)
    failed = dict.fromkeys((one.error, one.hint) for one in states if one.state == "error")
    error = "".join(error_card(StudioError(what, hint)) for what, hint in failed)
    if workspace.free_bytes() < LITTLE_ROOM:
        hint = "Free some space: what is under way waits for it, and nothing new can be kept."
        error += error_card(StudioError("The disk with the workspace is full.", hint))
    if workspace.jobs.repair:
        error += note_card(workspace.jobs.repair)
    return (
        f'{SKIP_LINK}<header class="page-header"><div><h1>Likeness</h1>'
        f"<p>{escape(tr('A few photos in, a word for them out, paint with it.'))}</p></div>"
        f'<button type="button" class="pill {escape(state.state)}" data-action="bases" '
        f'title="{escape(about)}"><span role="status">{escape(words)}</span></button>'
        f"{KEYS_SWITCH}{CALL_SWITCH}{THEME_SWITCH}</header>{error}"
    )


def noun_list(workspace: Workspace) -> str:
    """Return the nouns that the base was taught, for the fields that ask for one."""
    nouns = "".join(f'<option value="{escape(noun)}">' for noun in workspace.base_defaults().nouns)
    return f'<datalist id="nouns">{nouns}</datalist>'


def build(
    workspace: Workspace,
    catalogue: Sequence[MethodCard],
    restart_worker: Callable[[], None] = lambda: None,
) -> AnsweringBlocks:
    """Build the page on a workspace. The defaults of the methods are tuned to its base.

    Args:
        restart_worker: called when another base was chosen.
    """
    built_for = workspace.base
    with AnsweringBlocks(title="Likeness", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        connector = Connector()
        header = button_block("page-header", page_header(workspace))
        base_notice = html_block(elem_id="base-notice")
        picker_place = gr.Column(elem_id="base-picker-place")
        nouns = html_block(noun_list(workspace), elem_id="noun-list")
        with gr.Tabs(elem_id="tabs") as tabs:
            panels = {}
            with gr.Tab(tr("Train"), id="train", elem_id=panel_id("train")) as panels["train"]:
                limits = [limits_block(workspace, "train")]
                train = train_tab(workspace, catalogue, connector)
            with gr.Tab(tr("Create"), id="create", elem_id=panel_id("create")) as panels["create"]:
                limits.append(limits_block(workspace, "create"))
                create = create_tab(workspace, connector)
            with gr.Tab(tr("Compare"), id="compare", elem_id=panel_id("compare")) as panels["compare"]:
                compare = compare_tab(workspace, connector, panels["compare"])
            with gr.Tab(tr("Library"), id="library", elem_id=panel_id("library")) as panels["library"]:
                library = library_tab(workspace, connector)
            with gr.Tab(tr("Queue"), id="queue", elem_id=panel_id("queue")) as panels["queue"]:
                jobs = queue_tab(workspace, connector)
        notice = html_block(elem_id="page-notice")
        news_block()
        keyboard_block()

        def base_changes() -> dict[Any, Any]:
            """Return the controls that depend on the base, with its defaults."""
            of_tabs = (train.defaults, create.form.base_defaults, compare.form.base_defaults)
            shared = {nouns: noun_list(workspace)} | dict.fromkeys(limits, base_limits(workspace))
            return shared | {part: value for change in of_tabs for part, value in change(workspace).items()}

        with picker_place:
            openers = [header, *limits]
            base_picker(workspace, connector, openers, base_notice, base_changes, restart_worker, catalogue)

        def paint_with(prompt: str, event: gr.EventData) -> Changes:
            action, handle = pressed_button(event)
            if action != "paint":
                return None
            workspace.concepts.find(handle)
            return {
                create.prompt: with_handle(workspace, prompt, handle),
                tabs: gr.Tabs(selected="create"),
            }

        def compare_from(recipe: Recipe | None, event: gr.EventData) -> Changes:
            if pressed_button(event)[0] != "compare" or recipe is None:
                return None
            return compare.form.filled(recipe) | {tabs: gr.Tabs(selected="compare")}

        def open_in_create(grid: int, event: gr.EventData) -> Changes:
            action, name = pressed_button(event)
            if action != "create":
                return None
            path, recipe = cell_picture(workspace, grid, name)
            recipe, renamed = workspace.former_names.present(recipe)
            warnings = workspace.reproducibility_warnings(recipe)
            card = picture_card(recipe, workspace.refinements, path, warnings, notes=renamed)
            return {create.opened: recipe, create.detail: card, tabs: gr.Tabs(selected="create")}

        connect = functools.partial(connector.connect, notice=notice)
        for source in (train.training, library.detail):
            connect(source.click, paint_with, inputs={"prompt": create.prompt}, outputs=[create.prompt, tabs])
        connect(
            create.detail.click,
            compare_from,
            inputs={"recipe": create.opened},
            outputs=[*compare.form.outputs, tabs],
        )
        connect(
            compare.cells.click,
            open_in_create,
            inputs={"grid": compare.shown},
            outputs=[create.opened, create.detail, tabs],
        )
        views = [
            LiveView(header, lambda: page_header(workspace)),
            *in_tab("train", train.views),
            *in_tab("create", create.views),
            *in_tab("compare", compare.views),
            *in_tab("library", library.views),
            *in_tab("queue", [jobs]),
        ]
        opened = connector.connect(
            page.load,
            lambda: base_changes() if workspace.base != built_for else {},
            outputs=list(base_changes()),
            notice=base_notice,
        )
        kept = KeptForm(
            {
                "train": train.kept,
                "create": create.kept,
                "compare": by_id(*compare.form.kept),
            },
            create.form.knobs,
            create.form.sliders,
            base_changes,
            {
                "train": train.choose_method,
                "create": functools.partial(create.form.kept_sliders, workspace),
                "compare": functools.partial(compare.form.kept_axes, workspace),
            },
        )
        afresh = {"train": train.afresh, "create": create.form.afresh}
        connect_drafts(workspace, connector, opened.then, kept, train.photos, panels, afresh, base_notice)
        page.news = functools.partial(page_news, workspace)
        page.what_changed = refresh_views(views, connector.refresh_signal, panels)
    return page


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
