"""The Compare tab: what a grid changes on the left; on the right the grid, and three ways to judge it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

import gradio as gr

from studio.grids.blind_vote import Ballot, Vote
from studio.ui.compare.before_after import before_after, chosen_sides, turned_side
from studio.ui.compare.blind_vote import KEYS_SCRIPT, Picks, blind_vote_panel, pairs_of, toggled
from studio.ui.compare.carried import carried_recipe
from studio.ui.compare.form_events import connect_form
from studio.ui.compare.frontier_panel import frontier_panel
from studio.ui.compare.grid_form import GridForm, grid_form, grid_from_form
from studio.ui.compare.grid_view import (
    cell_named,
    grid_buttons,
    grid_folder,
    grid_head,
    grid_table,
    require_grid,
)
from studio.ui.compare.pair_choice import Sides
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button, to_int
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.prompt_buttons import concept_buttons
from studio.ui.parts.slider import SLIDER_SCRIPT
from studio.words import tr
from studio.workspace.workspace import Workspace

# A grid whose columns would be cut shows each row as lines of pictures, with the headings of their columns.
FIT_COLUMNS_SCRIPT = """
const fit = () => {
  const cells = element.querySelector('.cells');
  if (!cells || !cells.clientWidth) return;
  element.classList.remove('in-lines');
  element.classList.toggle('in-lines', cells.scrollWidth > cells.clientWidth + 1);
};
let width = 0;
new ResizeObserver(() => {
  if (element.clientWidth === width) return;
  width = element.clientWidth;
  requestAnimationFrame(fit);
}).observe(element);
new MutationObserver(fit).observe(element, {childList: true, subtree: true});
"""
# what was unfolded stays so when the block is drawn again
KEEP_FOLDS_SCRIPT = """
const open = new Set(), named = fold => fold.querySelector('summary').textContent;
element.addEventListener('click', event => {
  const fold = event.target.closest('summary')?.parentElement;
  if (fold) fold.open ? open.delete(named(fold)) : open.add(named(fold));
});
new MutationObserver(() => element.querySelectorAll('details:not([open])').forEach(fold => {
  if (open.has(named(fold))) fold.open = true;
})).observe(element, {childList: true, subtree: true, attributes: true, attributeFilter: ['open']});
"""
NO_SIDES: Sides = ("", "", 0)


@dataclass
class CompareTab:
    """What the other tabs use.

    Args:
        cells: the block whose "create" buttons open a picture of the grid `shown` in Create.
        shown: State of the number of the shown grid's job; 0 for the newest.
    """

    form: GridForm
    cells: gr.HTML
    shown: gr.State
    views: list[LiveView]


def compare_tab(workspace: Workspace, connector: Connector, tab: gr.Tab) -> CompareTab:
    """Build the tab inside `tab`."""
    cards = workspace.refinements
    shown, selected, sides = gr.State(0), gr.State(""), gr.State(NO_SIDES)
    picks, along, point = gr.State(()), gr.State(""), gr.State("")
    concept_page = gr.State(0)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=4, elem_classes=["side", "sheet"]):
            form = grid_form(workspace)
        with gr.Column(scale=8, elem_classes="side"):
            head = button_block("grid-head", grid_head(workspace, 0))
            notice = html_block(elem_id="compare-notice")
            with gr.Tabs(elem_id="compare-views") as tabs:
                with gr.Tab(tr("Grid"), id="cells"):
                    cells = button_block("grid-cells", script=FIT_COLUMNS_SCRIPT)
                with gr.Tab(tr("Side by side"), id="before-after"):
                    slider = button_block("before-after", script=SLIDER_SCRIPT)
                with gr.Tab(tr("Blind vote"), id="vote"):
                    vote_block = button_block("blind-vote", script=KEYS_SCRIPT)
                with gr.Tab(tr("Best"), id="best"):
                    frontier = button_block("frontier", script=KEEP_FOLDS_SCRIPT)
            grids = button_block("grid-list")
    nothing_chosen = {selected: "", sides: NO_SIDES, picks: (), along: "", point: ""}

    def paint_grid(**values: Any) -> Changes:
        values["base"] = carried_recipe(values["base"])
        job = workspace.compare(grid_from_form(**values, cards=cards))
        return {shown: job.id, **nothing_chosen}

    def press_in_head(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action == "stop":
            workspace.jobs.request_stop(to_int(id), "keep")
        elif action == "retry":
            workspace.retry(to_int(id))
        return {}

    def show_grid(event: gr.EventData) -> Changes:
        return {shown: to_int(pressed_button(event)[1]), **nothing_chosen}

    def press_in_cells(number: int, now: Sides, event: gr.EventData) -> Changes:
        action, name = pressed_button(event)
        match action:
            case "open":
                return {selected: name}
            case "close":
                return {selected: ""}
            case "left" | "right":
                cell_named(grid_folder(workspace, require_grid(workspace, number)), name)
                chosen = chosen_sides(workspace, number, now, name, int(action == "right"))
                return {sides: chosen, tabs: gr.Tabs(selected="before-after")}
        return None

    def press_in_slider(number: int, now: Sides, event: gr.EventData) -> Changes:
        action, name = pressed_button(event)
        side = now[2]
        match action:
            case "choose":
                return {sides: chosen_sides(workspace, number, now, name, side)}
            case "side":
                return {sides: turned_side(workspace, number, now, int(name == "1"))}
            case "swap":
                left, _, right = name.partition(" ")
                return {sides: (right, left, side)}
        return {}

    def press_in_vote(number: int, chosen: Picks, event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action == "pick":
            return {picks: toggled(chosen, id)}
        grid = grid_folder(workspace, require_grid(workspace, number))
        if action == "start":
            Ballot.draw(*pairs_of(grid, chosen)).save(grid.folder)
            return {picks: ()}
        ballot = Ballot.open(grid.folder)
        if action == "discard":
            Ballot.discard(grid.folder)
        elif ballot and action == "reveal":
            ballot.reveal().save(grid.folder)
        elif ballot:
            ballot.cast(cast(Vote, action), to_int(id)).save(grid.folder)  # `Ballot.cast` checks it
        return {}

    def press_in_frontier(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        match action:
            case "along":
                return {along: id, point: ""}
            case "point":
                return {point: id}
            case "open":
                return {selected: id, tabs: gr.Tabs(selected="cells")}
            case "judge":
                workspace.retry(to_int(id))
        return {}

    connect_form(workspace, connector, form, tab, concept_page)
    connector.connect(
        form.paint.click,
        paint_grid,
        inputs=form.inputs,
        outputs=[shown, *nothing_chosen],
        notice=form.notice,
        trigger_mode="once",
    )
    connect = functools.partial(connector.connect, notice=notice)
    now = {"number": shown, "now": sides}
    connect(head.click, press_in_head)
    connect(grids.click, show_grid, outputs=[shown, *nothing_chosen])
    connect(cells.click, press_in_cells, inputs=now, outputs=[selected, sides, tabs])
    connect(slider.click, press_in_slider, inputs=now, outputs=[sides])
    connect(vote_block.click, press_in_vote, inputs={"number": shown, "chosen": picks}, outputs=[picks])
    connect(frontier.click, press_in_frontier, outputs=[along, point, selected, tabs])

    draw = functools.partial
    views = [
        LiveView(form.concepts, draw(concept_buttons, workspace), {"page": concept_page}),
        LiveView(head, draw(grid_head, workspace), {"shown": shown}),
        LiveView(cells, draw(grid_table, workspace), {"shown": shown, "selected": selected}),
        LiveView(slider, draw(before_after, workspace), {"shown": shown, "sides": sides}),
        LiveView(vote_block, draw(blind_vote_panel, workspace), {"shown": shown, "picks": picks}),
        LiveView(
            frontier, draw(frontier_panel, workspace), {"shown": shown, "along": along, "chosen": point}
        ),
        LiveView(grids, draw(grid_buttons, workspace), {"shown": shown}),
    ]
    return CompareTab(form, cells, shown, views)
