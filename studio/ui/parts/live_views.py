"""Views of the workspace that are drawn again when it has changed."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import by_position, components_in, in_order
from studio.ui.parts.html_blocks import hidden_text, html_block
from studio.ui.parts.markup import error_card
from studio.ui.parts.page_files import page_script
from studio.ui.parts.visits import Visit, Visits

# by the name of a visit and of the open tab, the tabs whose views have changed; "" for those outside of tabs
WhatChanged = Callable[[str, str], list[str] | None]
NAME_VISIT = "(...values) => [window.likeness.visit, ...values.slice(1)]"
DRAW_SCRIPT = "(likeness.draw ||= {{}})['{tab}'] = () => trigger('input');"
ASK_NOW = "() => window.likeness.askNow?.()"

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


def refresh_views(views: Sequence[LiveView], signal: gr.Number, tabs: Mapping[str, gr.Tab]) -> WhatChanged:
    """Draw what has changed: the views of the open tab, and those outside of tabs.

    `scripts/live_views.js` asks what has changed when the page opens, every second while it is open, when a
    tab is selected and on a change of `signal`. What the answer names is drawn: the views of a tab by one
    handler, whose calls hardly ever overlap. Where they do, the earlier answer counts for nothing
    (`AnsweringBlocks`), so what is shown is noted in a state, which is a part of the answer.

    Gradio's page spends milliseconds on every input and output of a call, whether it changes or not. So each
    tab has a handler of its own, states are read here (`Visits`) and are no inputs, and progress is shown on
    one hidden part alone (see `Connector`).

    Returns a function that says for a visit what has changed, or None when its states are lost, so that it
    has to begin again. Where a browser does not say which tab is open, it answers for all of them.
    """
    groups = {tab: [view for view in views if view.tab == tab] for tab in ("", *tabs)}
    visits = Visits({tab: [view.states for view in group] for tab, group in groups.items()})
    # by tab: by number of a view, the hash of what the browser shows
    drawn_states = {tab: gr.State({}) for tab in groups}

    def drawn_in(tab: str, visit: Visit) -> dict[int, int]:
        return visit.session.state_data.get(drawn_states[tab]._id, {})

    def changed(tab: str, visit: Visit, drawn: Mapping[int, int]) -> dict[int, str]:
        views_with_values = enumerate(zip(groups[tab], visits.values(visit, tab), strict=True))
        fresh = {number: view.redraw(values) for number, (view, values) in views_with_values}
        return {number: html for number, html in fresh.items() if drawn.get(number) != hash(html)}

    def redraw_changed(tab: str, name: str, sent: list[Any]) -> dict[Any, Any]:
        known = visits.ask(name)
        visit = visits.keep(name, tab, sent)
        # a visit that is new here, or gave itself a new name since answers may be lost, is shown everything
        drawn = drawn_in(tab, visit) if visit is known else {}
        new = changed(tab, visit, drawn)
        shown = drawn | {number: hash(html) for number, html in new.items()}
        changes = {groups[tab][number].block: html for number, html in new.items()}
        return changes | ({drawn_states[tab]: shown} if new else {})

    def what_changed(name: str, tab: str) -> list[str] | None:
        visit, about = visits.ask(name), ["", tab] if tab in tabs else list(groups)
        if visit is None:
            return about
        if visit.is_lost:
            return None
        visit.keep_alive()
        return [
            part for part in about if part not in visit.sent or changed(part, visit, drawn_in(part, visit))
        ]

    for tab, group in groups.items():
        outputs, name = [drawn_states[tab], *(view.block for view in group)], hidden_text()
        inputs = {"name": name, "sent": visits.sent_by_browser(tab)}
        drawer = html_block(elem_id=f"live-{tab or 'page'}", js_on_load=DRAW_SCRIPT.format(tab=tab))
        gr.on(
            [drawer.input],
            by_position(
                functools.partial(redraw_changed, tab),
                inputs,
                functools.partial(_answer, outputs),
                functools.partial(_leave_alone, outputs),
            ),
            components_in(inputs),
            outputs,
            queue=False,
            show_progress="hidden",
            show_progress_on=signal,
            api_visibility="private",
            trigger_mode="always_last",
            js=NAME_VISIT,
        )
    with_text = [tab for tab in tabs if visits.sent_by_browser(tab)]
    html_block(elem_id="live-poll", js_on_load=_poll_script(tabs, with_text))
    gr.on([signal.change, *(tab.select for tab in tabs.values())], None, js=ASK_NOW)
    return what_changed


def _poll_script(tabs: Iterable[str], with_text: Iterable[str]) -> str:
    """Return the script that asks for changes.

    Args:
        tabs: the names of all tabs.
        with_text: the tabs whose views are drawn with values that only the browser knows.
    """
    names = f"tabs = {list(tabs)}, withText = {list(with_text)}, panel = '{panel_id('')}'"
    script = page_script("live_views")
    return f"const start = '{START}', {names};\n{script}"


def _answer(outputs: Sequence[Any], call: Callable[[], Mapping[Any, Any] | None]) -> list[Any]:
    return in_order(call() or {}, outputs)


def _leave_alone(outputs: Sequence[Any], error: StudioError) -> list[Any]:
    return in_order({}, outputs)
