"""The page: five tabs over one workspace. Everything it shows comes from the workspace's folder, so a
reload, a second tab or a restart of the worker changes nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

import gradio as gr

from studio.errors import StudioError
from studio.method import MethodCard
from studio.recipes.recipe import Recipe
from studio.starter import ASSETS, DEMO
from studio.ui.compare.grid_form import filled
from studio.ui.compare.grid_view import cell_opened
from studio.ui.compare.tab import compare_tab
from studio.ui.create.tab import create_tab
from studio.ui.library_tab import shelf_tab
from studio.ui.parts.handlers import Live, Wire, act_of, drawing
from studio.ui.parts.markup import error_card
from studio.ui.parts.prompt_buttons import with_handle
from studio.ui.parts.recipe_card import picture_card
from studio.ui.parts.theme import theme
from studio.ui.parts.thumbnails import thumbnail_folder
from studio.ui.queue_tab import queue_tab
from studio.ui.train.tab import train_tab
from studio.workspace.workspace import Workspace

LOOK_SECONDS = 1.0
UPLOAD_HIGH = "512mb"
SWITCH = '<button type="button" id="night" aria-label="Switch between light and dark">◐</button>'

log = logging.getLogger("likeness.page")


def masthead(workspace: Workspace) -> str:
    """The name, a line, and how the worker is."""
    state = workspace.worker_state()
    name = Path(state.base.get("name", "")).name
    where = f"{name} on {state.base.get('device', '')}" if name else ""
    words = {
        "starting": "Starting the engine …",
        "ready": f"Ready · {where}",
        "busy": f"Busy · {where}",
        "stopped": "The engine is stopped",
        "error": "The engine cannot run",
    }.get(state.state, state.state)
    trouble = error_card(StudioError(state.error, state.hint)) if state.state == "error" else ""
    return (
        '<header class="masthead"><div><h1>Likeness</h1>'
        "<p>A few photos in, a word for them out, paint with it.</p></div>"
        f'<span class="pill {escape(state.state)}" role="status">{escape(words)}</span>{SWITCH}'
        f"</header>{trouble}"
    )


def build(workspace: Workspace, catalogue: Sequence[MethodCard]) -> gr.Blocks:
    """The page on a workspace. The methods' defaults are tuned to its base."""
    methods = [workspace.tuned(card) for card in catalogue]
    with gr.Blocks(title="Likeness", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        seen, wire = gr.State({}), Wire()
        head = drawing(masthead(workspace), elem_id="masthead")
        nouns = "".join(f'<option value="{escape(noun)}">' for noun in workspace.base_defaults().nouns)
        drawing(f'<datalist id="nouns">{nouns}</datalist>', elem_id="noun-list")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Train", id="train"):
                training = train_tab(workspace, methods, wire)
            with gr.Tab("Create", id="create"):
                create = create_tab(workspace, wire)
            with gr.Tab("Compare", id="compare") as opening:
                compare = compare_tab(workspace, wire, opening)
            with gr.Tab("Library", id="library"):
                shelf = shelf_tab(workspace, wire)
            with gr.Tab("Queue", id="queue"):
                jobs = queue_tab(workspace, wire)
        notice = drawing(elem_id="page-notice")

        def paint_with(prompt: str, event: gr.EventData) -> tuple | None:
            act, handle = act_of(event)
            if act != "paint":
                return None
            workspace.library.find(handle)
            return with_handle(workspace, prompt, handle), gr.Tabs(selected="create")

        for source in (training.drawing, shelf.detail):
            wire(source.click, paint_with, [create.prompt], [create.prompt, tabs], notice)

        def compare_from(recipe: Recipe | None, event: gr.EventData) -> tuple | None:
            if act_of(event)[0] != "compare" or recipe is None:
                return None
            return *filled(recipe), gr.Tabs(selected="compare")

        def open_cell(shown: int, event: gr.EventData) -> tuple | None:
            act, name = act_of(event)
            if act != "create":
                return None
            path, recipe = cell_opened(workspace, shown, name)
            card = picture_card(recipe, path, workspace.reproducibility_warnings(recipe))
            return recipe, card, gr.Tabs(selected="create")

        wire(create.detail.click, compare_from, [create.opened], [*compare.form.shared, tabs], notice)
        wire(compare.cells.click, open_cell, [compare.shown], [create.opened, create.detail, tabs], notice)

        lives = [Live(head, lambda: masthead(workspace)), training, *create.lives, *compare.lives]
        lives += [*shelf.lives, jobs]
        look_again(page, lives, seen, wire.pulse)
    return page


def look_again(page: gr.Blocks, lives: Sequence[Live], seen: gr.State, pulse: gr.Number) -> None:
    """Draw what has changed: when the page opens, every second while it is looked at, after every act.

    One event for all three, so that the page never asks before it has its last answer: answers that overtake
    each other would leave an old drawing there for good, since `seen` says that the new one was sent.
    """
    states = list(dict.fromkeys(state for live in lives for state in live.inputs))

    def look(seen: dict[int, str], *values: object) -> list[object]:
        named = dict(zip(states, values, strict=True))
        fresh = dict(seen)
        answers: list[object] = []
        for number, live in enumerate(lives):
            try:
                drawing = live.draw(*[named[state] for state in live.inputs])
            except Exception:
                log.exception("cannot draw %s", live.drawing.elem_id)
                drawing = error_card(StudioError("This part cannot be shown.", "The reason is in page.log."))
            answers.append(gr.skip() if seen.get(number) == drawing else drawing)
            fresh[number] = drawing
        return [gr.skip() if fresh == seen else fresh, *answers]

    gr.on(
        [page.load, pulse.change, gr.Timer(LOOK_SECONDS).tick],
        look,
        [seen, *states],
        [seen, *[live.drawing for live in lives]],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )


def keep_log(workspace: Workspace) -> None:
    """Send faults of the page to page.log, where their cards point."""
    handler = logging.FileHandler(workspace.folder / "page.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)


def serve(
    workspace: Workspace,
    catalogue: Sequence[MethodCard],
    host: str = "127.0.0.1",
    port: int = 7860,
    auth: tuple[str, str] | None = None,
    open_browser: bool = True,
) -> None:
    """Serve the page until interrupted.

    Gradio serves any file of the working directory, so an empty one is made to be it; uploads lie in the
    workspace's cache and are removed once read.
    """
    keep_log(workspace)
    nowhere = workspace.cache / "empty"
    nowhere.mkdir(exist_ok=True)
    os.chdir(nowhere)
    os.environ["GRADIO_TEMP_DIR"] = str(workspace.cache / "uploads")
    page = build(workspace, catalogue)
    page.queue(api_open=False)
    folders = [
        workspace.pictures,
        workspace.jobs.root,
        workspace.library.folder,
        thumbnail_folder(workspace),
        DEMO,
    ]
    page.launch(
        server_name=host,
        server_port=port,
        auth=auth,
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
        max_file_size=UPLOAD_HIGH,
        allowed_paths=[str(folder) for folder in folders],
        blocked_paths=[str(workspace.jobs.root / f"jobs.sqlite{end}") for end in ("", "-wal", "-shm")],
        favicon_path=str(ASSETS / "favicon.svg"),
        theme=theme(),
        css_paths=[ASSETS / "style.css"],
        js=(ASSETS / "page.js").read_text(encoding="utf-8"),
    )
    print(f"Likeness is open at http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}", flush=True)
    page.block_thread()
