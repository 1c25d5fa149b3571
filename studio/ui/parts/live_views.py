"""Views of the workspace that are drawn again when it has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import by_position, components_in, in_order
from studio.ui.parts.html_blocks import hidden_text
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


def open_tab_script(tabs: Sequence[str]) -> str:
    """Return JavaScript that puts the name of the open tab before the other values of a call.

    It waits for the browser to have shown a tab that was just selected.
    """
    return f"""async (...values) => {{
      await new Promise(done => setTimeout(done));
      const isOpen = name => document.getElementById('{panel_id("")}' + name)?.offsetParent;
      return [{list(tabs)}.find(isOpen) || '', ...values.slice(1)];
    }}"""


def refresh_views(
    page: gr.Blocks, views: Sequence[LiveView], signal: gr.Number, tabs: Mapping[str, gr.Tab]
) -> None:
    """Draw what has changed in the open tab.

    That is when the page opens, every second while it is open, when a tab is selected, and on a change of
    `signal`. Where a browser does not say which tab is open, all of them are drawn.

    One handler serves all three, so requests never overlap. Otherwise an old answer could arrive after a
    newer one and stay visible, since `drawn` says that the newer one was sent.
    """
    drawn_state = gr.State({})  # by number of a view, the hash of what the browser shows
    open_tab = hidden_text()
    blocks = [view.block for view in views]

    def redraw_changed(tab: str, drawn: dict[int, int], values: list[dict[str, Any]]) -> dict[Any, Any]:
        fresh = {
            number: view.redraw(its)
            for number, (view, its) in enumerate(zip(views, values, strict=True))
            if view.tab in ("", tab) or tab not in tabs
        }
        changed = {number: html for number, html in fresh.items() if drawn.get(number) != hash(html)}
        changes: dict[Any, Any] = {views[number].block: html for number, html in changed.items()}
        shown = drawn | {number: hash(html) for number, html in changed.items()}
        return changes | ({drawn_state: shown} if changed else {})

    inputs = {"tab": open_tab, "drawn": drawn_state, "values": [view.states for view in views]}
    outputs = [drawn_state, *blocks]
    gr.on(
        [
            page.load,
            signal.change,
            gr.Timer(REFRESH_SECONDS).tick,
            *(tab.select for tab in tabs.values()),
        ],
        by_position(
            redraw_changed,
            inputs,
            lambda call: in_order(call() or {}, outputs),
            lambda error: in_order({}, outputs),
        ),
        components_in(inputs),
        outputs,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
        js=open_tab_script(list(tabs)),
    )
