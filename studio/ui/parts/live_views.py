"""Views of the workspace that are drawn again when it has changed."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.starter import ASSETS
from studio.ui.parts.handlers import by_position, components_in, in_order
from studio.ui.parts.html_blocks import hidden_text, html_block
from studio.ui.parts.markup import error_card
from studio.ui.parts.visits import Visits

HasChanged = Callable[[str, str], bool | None]  # of the name of a visit, and of the open tab
# JavaScript: the name of this visit, made when it is asked for first
NAME_VISIT = "window.likeness.visit ||= Date.now().toString(36) + Math.random().toString(36).slice(2)"

START = uuid.uuid4().hex  # of this process: a page that another one has served has lost its session

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


def open_tab_script(tabs: Sequence[str], wait_ms: int = 0, more: Sequence[str] = ()) -> str:
    """Return JavaScript that puts the name of the open tab in the place of the first value of a call.

    It waits for the browser to have shown a tab that was just selected, and `wait_ms` milliseconds longer.

    Args:
        more: expressions, whose values go in the places of the next ones.

    `likeness.openTab()` is the name of the open tab from then on.
    """
    return f"""async (...values) => {{
      await new Promise(done => setTimeout(done, {wait_ms}));
      const isOpen = name => document.getElementById('{panel_id("")}' + name)?.offsetParent;
      const openTab = (window.likeness ||= {{}}).openTab = () => {list(tabs)}.find(isOpen) || '';
      return [{", ".join(["openTab()", *more])}, ...values.slice({1 + len(more)})];
    }}"""


def refresh_views(
    page: gr.Blocks, views: Sequence[LiveView], signal: gr.Number, tabs: Mapping[str, gr.Tab]
) -> HasChanged:
    """Draw what has changed in the open tab.

    Returns a function that says whether there is something to draw for a visit, or None when its states are
    lost, so that it has to begin again.

    That is when the page opens, when a tab is selected, on a change of `signal`, and when the answer to
    `assets/live_views.js`, which asks every second, is that there is something. Where a browser does not say
    which tab is open, all of them are drawn.

    What is drawn comes from one handler, so its requests never overlap. Otherwise an old answer could arrive
    after a newer one and stay visible, since `drawn` says that the newer one was sent.
    """
    drawn_state = gr.State({})  # by number of a view, the hash of what the browser shows
    open_tab, visit = hidden_text(), hidden_text()
    poll = f"const start = '{START}';\n" + (ASSETS / "live_views.js").read_text(encoding="utf-8")
    script = html_block(elem_id="live-views", js_on_load=poll)
    outputs = [drawn_state, *(view.block for view in views)]
    visits = Visits({"drawn": drawn_state, "values": [view.states for view in views]})

    def changed(tab: str, drawn: dict[int, int], values: list[dict[str, Any]]) -> dict[int, str]:
        fresh = {
            number: view.redraw(its)
            for number, (view, its) in enumerate(zip(views, values, strict=True))
            if view.tab in ("", tab) or tab not in tabs
        }
        return {number: html for number, html in fresh.items() if drawn.get(number) != hash(html)}

    def redraw_changed(
        tab: str, visit: str, drawn: dict[int, int], values: list[dict[str, Any]]
    ) -> dict[Any, Any]:
        if not visits.keep(visit, {"drawn": drawn, "values": values}):
            drawn = {}  # a visit that is new here, or gave itself a new name since answers may be lost
        new = changed(tab, drawn, values)
        changes: dict[Any, Any] = {views[number].block: html for number, html in new.items()}
        shown = drawn | {number: hash(html) for number, html in new.items()}
        return changes | ({drawn_state: shown} if new else {})

    def has_changed(visit: str, tab: str) -> bool | None:
        asking = visits.ask(visit)
        if asking is None:
            return True
        if asking.is_lost:
            return None
        asking.keep_alive()
        return bool(changed(tab, **visits.values(asking)))

    inputs = {"tab": open_tab, "visit": visit, **visits.parts}
    gr.on(
        [page.load, signal.change, script.input, *(tab.select for tab in tabs.values())],
        by_position(
            redraw_changed,
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
        js=open_tab_script(list(tabs), more=[NAME_VISIT]),
    )
    return has_changed


def _answer(outputs: Sequence[Any], call: Callable[[], Mapping[Any, Any] | None]) -> list[Any]:
    return in_order(call() or {}, outputs)


def _leave_alone(outputs: Sequence[Any], error: StudioError) -> list[Any]:
    return in_order({}, outputs)
