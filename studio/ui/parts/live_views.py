"""Views of the workspace that are drawn again when it has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.handlers import by_position, components_in, in_order
from studio.ui.parts.markup import error_card

REFRESH_SECONDS = 1.0

log = logging.getLogger("likeness.page")


@dataclass
class LiveView:
    """A block and how it is drawn.

    Args:
        block: shows the HTML that `draw` returns.
        draw: gets the values of `states` by name.
    """

    block: gr.HTML
    draw: Callable[..., str]
    states: Mapping[str, gr.State] = field(default_factory=dict)

    def redraw(self, values: Mapping[str, Any]) -> str:
        """Return the HTML, or a card when it cannot be drawn."""
        try:
            return self.draw(**values)
        except StudioError as error:
            return error_card(error)
        except Exception:
            log.exception("cannot draw %s", self.block.elem_id)
            return error_card(StudioError("This part cannot be shown.", "The reason is in page.log."))


def refresh_views(page: gr.Blocks, views: Sequence[LiveView], signal: gr.Number) -> None:
    """Draw what has changed: when the page opens, every second while it is open, and on a change of `signal`.

    One handler serves all three, so requests never overlap. Otherwise an old answer could arrive after a
    newer one and stay visible, since `drawn` says that the newer one was sent.
    """
    drawn_state = gr.State({})  # by number of a view, what the browser shows
    blocks = [view.block for view in views]

    def redraw_changed(drawn: dict[int, str], values: list[dict[str, Any]]) -> dict[Any, Any]:
        fresh = {
            number: view.redraw(its) for number, (view, its) in enumerate(zip(views, values, strict=True))
        }
        changed = {number: html for number, html in fresh.items() if drawn.get(number) != html}
        changes: dict[Any, Any] = {views[number].block: html for number, html in changed.items()}
        return changes | ({drawn_state: fresh} if changed else {})

    inputs = {"drawn": drawn_state, "values": [view.states for view in views]}
    outputs = [drawn_state, *blocks]
    gr.on(
        [page.load, signal.change, gr.Timer(REFRESH_SECONDS).tick],
        by_position(redraw_changed, inputs, lambda call: in_order(call() or {}, outputs)),
        components_in(inputs),
        outputs,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )
