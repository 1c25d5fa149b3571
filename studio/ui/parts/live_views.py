"""Views of the workspace that are drawn again when it has changed."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import by_position, components_in, in_order
from studio.ui.parts.html_blocks import hidden_number, hidden_text
from studio.ui.parts.markup import error_card

REFRESH_SECONDS = 1.0

log = logging.getLogger("likeness.page")


@dataclass
class LiveView:
    """A block and how it is drawn.

    Args:
        block: shows the HTML that `draw` returns.
        draw: gets the values of `states` by name.
        tab: the tab that it stands in, and outside which it is not drawn; empty for none.
    """

    block: gr.HTML
    draw: Callable[..., str]
    states: Mapping[str, gr.State] = field(default_factory=dict)
    tab: str = ""

    def redraw(self, values: Mapping[str, Any]) -> str:
        """Return the HTML, or a card when it cannot be drawn."""
        try:
            return self.draw(**values)
        except StudioError as error:
            return error_card(error)
        except Exception:
            log.exception("cannot draw %s", self.block.elem_id)
            return error_card(StudioError("This part cannot be shown.", "The reason is in page.log."))


def in_tab(tab: str, views: Sequence[LiveView]) -> list[LiveView]:
    """Return views that are drawn only while `tab` is open."""
    return [replace(view, tab=tab) for view in views]


def panel_id(tab: str) -> str:
    """Return the id of a tab's part of the page."""
    return f"panel-{tab}"


def open_tab_script(tabs: Sequence[str], wait_ms: int = 0) -> str:
    """Return JavaScript that puts the name of the open tab before the other values of a call.

    It waits for the browser to have shown a tab that was just selected, and `wait_ms` milliseconds longer.
    """
    return f"""async (...values) => {{
      await new Promise(done => setTimeout(done, {wait_ms}));
      const isOpen = name => document.getElementById('{panel_id("")}' + name)?.offsetParent;
      return [{list(tabs)}.find(isOpen) || '', ...values.slice(1)];
    }}"""


def refresh_views(
    page: gr.Blocks, views: Sequence[LiveView], signal: gr.Number, tabs: Mapping[str, gr.Tab]
) -> None:
    """Draw what has changed in the open tab.

    That is when the page opens, every second while it is open, when a tab is selected, and on a change of
    `signal`. Where a browser does not say which tab is open, all of them are drawn.

    What is drawn comes from one handler, so its requests never overlap. Otherwise an old answer could arrive
    after a newer one and stay visible, since `drawn` says that the newer one was sent. The handler of every
    second only says that there is something to draw: Gradio spends milliseconds on every output of a call,
    whether it changes or not.
    """
    drawn_state = gr.State({})  # by number of a view, the hash of what the browser shows
    open_tab, news = hidden_text(), hidden_number(0)
    blocks = [view.block for view in views]

    def changed(tab: str, drawn: dict[int, int], values: list[dict[str, Any]]) -> dict[int, str]:
        fresh = {
            number: view.redraw(its)
            for number, (view, its) in enumerate(zip(views, values, strict=True))
            if view.tab in ("", tab) or tab not in tabs
        }
        return {number: html for number, html in fresh.items() if drawn.get(number) != hash(html)}

    def redraw_changed(tab: str, drawn: dict[int, int], values: list[dict[str, Any]]) -> dict[Any, Any]:
        new = changed(tab, drawn, values)
        changes: dict[Any, Any] = {views[number].block: html for number, html in new.items()}
        shown = drawn | {number: hash(html) for number, html in new.items()}
        return changes | ({drawn_state: shown} if new else {})

    def look_for_changes(tab: str, drawn: dict[int, int], values: list[dict[str, Any]]) -> dict[Any, Any]:
        return {news: time.time()} if changed(tab, drawn, values) else {}

    inputs = {"tab": open_tab, "drawn": drawn_state, "values": [view.states for view in views]}
    selected = [tab.select for tab in tabs.values()]
    for triggers, handler, outputs in (
        ([page.load, signal.change, news.change, *selected], redraw_changed, [drawn_state, *blocks]),
        ([gr.Timer(REFRESH_SECONDS).tick], look_for_changes, [news]),
    ):
        gr.on(
            triggers,
            by_position(
                handler,
                inputs,
                functools.partial(_answer, outputs),
                functools.partial(_leave_alone, outputs),
            ),
            components_in(inputs),
            outputs,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
            trigger_mode="always_last",
            js=open_tab_script(list(tabs)),
        )


def _answer(outputs: Sequence[Any], call: Callable[[], Mapping[Any, Any] | None]) -> list[Any]:
    return in_order(call() or {}, outputs)


def _leave_alone(outputs: Sequence[Any], error: StudioError) -> list[Any]:
    return in_order({}, outputs)
