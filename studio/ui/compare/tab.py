"""The Compare tab: what a grid changes on the left; on the right the grid, and three ways to judge it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from studio.grids.blind_vote import Ballot
from studio.ui.compare.before_after import SLIDER_SCRIPT, Sides, put, versus
from studio.ui.compare.blind_vote import KEYS_SCRIPT, Picks, ballot_box, pairs_of, picked
from studio.ui.compare.frontier_panel import frontier_panel
from studio.ui.compare.grid_form import (
    DEFAULTS,
    HELPS,
    NOTHING,
    NUMBERS_HELP,
    GridForm,
    choices,
    counted,
    example,
    grid_form,
    grid_of,
)
from studio.ui.compare.grid_view import cell_named, grid_cells, grid_head, grid_list, sheet_of, the_grid
from studio.ui.parts.handlers import BOARD_SCRIPT, Live, Wire, act_of, board, drawing, whole
from studio.ui.parts.prompt_buttons import chips, with_handle
from studio.workspace.workspace import Workspace

SHOW_GRID = """() => {
  if (window.innerWidth > 720 || document.querySelector('#grid-notice .error')) return;
  document.querySelector('#grid-head').scrollIntoView({behavior: 'smooth'});
}"""
KEEP_SCROLL_SCRIPT = """
let left = 0;
element.addEventListener('scroll', event => { left = event.target.scrollLeft; }, true);
new MutationObserver(() => {
  const cells = element.querySelector('.cells');
  if (cells && cells.scrollLeft !== left) cells.scrollLeft = left;
}).observe(element, {childList: true, subtree: true});
"""


@dataclass
class CompareTab:
    """What others need: the form to fill from a picture, the board whose "create" they listen to, with the
    `shown` grid that it belongs to, and the live drawings."""

    form: GridForm
    cells: gr.HTML
    shown: gr.State
    lives: list[Live]


def compare_tab(workspace: Workspace, wire: Wire, opening: gr.Tab) -> CompareTab:
    """Build the tab; `opening` is the one it stands in."""
    shown, selected, sides = gr.State(0), gr.State(""), gr.State(("", "", 0))
    picks, along, point = gr.State(()), gr.State(""), gr.State("")
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=4, elem_classes=["side", "sheet"]):
            form = grid_form(workspace)
        with gr.Column(scale=8, elem_classes="side"):
            head = board("grid-head", grid_head(workspace, 0))
            notice = drawing(elem_id="compare-notice")
            with gr.Tabs(elem_id="ways") as ways:
                with gr.Tab("Grid", id="cells"):
                    cells = drawing(elem_id="grid-cells", js_on_load=BOARD_SCRIPT + KEEP_SCROLL_SCRIPT)
                with gr.Tab("Side by side", id="versus"):
                    slider = drawing(elem_id="versus", js_on_load=BOARD_SCRIPT + SLIDER_SCRIPT)
                with gr.Tab("Blind vote", id="vote"):
                    ballot = drawing(elem_id="ballot", js_on_load=BOARD_SCRIPT + KEYS_SCRIPT)
                with gr.Tab("Best", id="best"):
                    frontier = board("frontier")
            earlier = board("grid-list")

    def insert(prompt: str, event: gr.EventData) -> str:
        handle = act_of(event)[1]
        workspace.library.find(handle)
        return with_handle(workspace, prompt, handle)

    def offer(prompt: str, *names: str) -> list[dict]:
        options = choices(workspace, prompt or "")
        known = {name for _, name in options}
        kept = [name if name in known else default for name, default in zip(names, DEFAULTS, strict=True)]
        columns, rows = kept
        rows = NOTHING if names[1] == NOTHING else rows
        return [
            gr.update(choices=options, value=columns),
            gr.update(choices=[("Nothing", NOTHING), *options], value=rows),
        ]

    def suggest(name: str, prompt: str) -> dict:
        info = HELPS.get(name, NUMBERS_HELP)
        return gr.update(value=example(workspace, name, prompt or ""), info=info, visible=name != NOTHING)

    def start(*values: object) -> tuple:
        count = len(form.shared)
        job = workspace.compare(grid_of(values[:count], values[count:]))
        return job.id, "", ("", "", 0), (), "", ""

    def steer(shown: int, event: gr.EventData) -> int:
        act, id = act_of(event)
        if act == "stop":
            workspace.jobs.request_stop(whole(id), "keep")
        elif act == "retry":
            workspace.retry(whole(id))
        return shown

    def choose(event: gr.EventData) -> tuple:
        return whole(act_of(event)[1]), "", ("", "", 0), (), "", ""

    def touch(shown: int, selected: str, sides: Sides, event: gr.EventData) -> tuple | None:
        act, name = act_of(event)
        match act:
            case "open":
                return name, sides, gr.skip()
            case "shut":
                return "", sides, gr.skip()
            case "left" | "right":
                cell_named(sheet_of(workspace, the_grid(workspace, shown)), name)
                return selected, put(sides, name, int(act == "right")), gr.Tabs(selected="versus")
        return None

    def place(sides: Sides, event: gr.EventData) -> Sides:
        act, name = act_of(event)
        left, right, side = sides
        match act:
            case "put":
                return put(sides, name, side)
            case "side":
                return left, right, int(name == "1")
            case "exchange":
                left, _, right = name.partition(" ")
                return right, left, side
        return sides

    def vote(shown: int, picks: Picks, event: gr.EventData) -> Picks:
        act, id = act_of(event)
        if act == "pick":
            return picked(picks, id)
        sheet = sheet_of(workspace, the_grid(workspace, shown))
        if act == "start":
            Ballot.draw(*pairs_of(sheet, picks)).save(sheet.folder)
            return ()
        cast = Ballot.open(sheet.folder)
        if act == "drop":
            Ballot.discard(sheet.folder)
        elif cast and act == "reveal":
            cast.reveal().save(sheet.folder)
        elif cast:
            cast.cast(act, whole(id)).save(sheet.folder)
        return picks

    def look(along: str, point: str, selected: str, event: gr.EventData) -> tuple:
        act, id = act_of(event)
        match act:
            case "along":
                return id, "", selected, gr.skip()
            case "point":
                return along, id, selected, gr.skip()
            case "open":
                return along, point, id, gr.Tabs(selected="cells")
            case "judge":
                workspace.retry(whole(id))
        return along, point, selected, gr.skip()

    quiet = {"looks_again": False}
    latest = {"trigger_mode": "always_last", **quiet}
    wire(form.chips.click, insert, [form.prompt], [form.prompt], form.notice, **quiet)
    for event in (form.prompt.change, opening.select):
        wire(event, offer, [form.prompt, *form.names], form.names, form.notice, **latest)
    for name, values in zip(form.names, form.values, strict=True):
        wire(name.input, suggest, [name, form.prompt], [values], form.notice, **latest)
    for field in form.axes:
        wire(field.change, lambda *axes: counted(axes), form.axes, [form.count], form.notice, **latest)
    every = [shown, selected, sides, picks, along, point]
    inputs = [*form.shared, *form.axes]
    started = wire(form.paint.click, start, inputs, every, form.notice, trigger_mode="once")
    started.then(None, js=SHOW_GRID)
    wire(head.click, steer, [shown], [shown], notice)
    wire(earlier.click, choose, [], every, notice)
    wire(cells.click, touch, [shown, selected, sides], [selected, sides, ways], notice)
    wire(slider.click, place, [sides], [sides], notice)
    wire(ballot.click, vote, [shown, picks], [picks], notice)
    wire(frontier.click, look, [along, point, selected], [along, point, selected, ways], notice)

    lives = [
        Live(form.chips, lambda: chips(workspace)),
        Live(head, lambda shown: grid_head(workspace, shown), [shown]),
        Live(cells, lambda shown, chosen: grid_cells(workspace, shown, chosen), [shown, selected]),
        Live(slider, lambda shown, sides: versus(workspace, shown, sides), [shown, sides]),
        Live(ballot, lambda shown, picks: ballot_box(workspace, shown, picks), [shown, picks]),
        Live(
            frontier,
            lambda shown, along, point: frontier_panel(workspace, shown, along, point),
            [shown, along, point],
        ),
        Live(earlier, lambda shown: grid_list(workspace, shown), [shown]),
    ]
    return CompareTab(form, cells, shown, lives)
