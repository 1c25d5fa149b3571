"""The page: five tabs over one workspace.

Everything it shows comes from the folder of the workspace, so a reload, a second browser tab or a restart of
the worker changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.method_card import MethodCard
from studio.recipes.recipe import Recipe
from studio.ui.base_limits import base_limits, limits_block
from studio.ui.base_picker import base_picker
from studio.ui.compare.grid_view import cell_picture
from studio.ui.compare.tab import compare_tab
from studio.ui.concept_library_tab import library_tab
from studio.ui.create.tab import create_tab
from studio.ui.drafts import connect_drafts
from studio.ui.kept_form import KeptForm, by_id
from studio.ui.keyboard import KEYS_SWITCH, SKIP_LINK, keyboard_block
from studio.ui.page_news import CALL_SWITCH, news_block, page_news
from studio.ui.parts.answering_blocks import AnsweringBlocks
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button
from studio.ui.parts.live_views import LiveView, in_tab, panel_id, refresh_views
from studio.ui.parts.markup import error_card, note_card
from studio.ui.parts.prompt_buttons import with_handle
from studio.ui.parts.recipe_card import picture_card
from studio.ui.parts.worker_pill import worker_words
from studio.ui.queue_tab import queue_tab
from studio.ui.train.tab import train_tab
from studio.words import tr
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

LITTLE_ROOM = 10_000_000  # bytes on the disk, of which a picture of 1024 pixels takes two million
THEME_SWITCH = (
    '<button type="button" id="theme-switch"'
    f' aria-label="{escape(tr("Switch between light and dark"))}">◐</button>'
)


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
