"""Gradio's Blocks, with a sentence in place of status 500 for whatever is sent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.arguments import RELOAD, checked_argument

log = logging.getLogger("likeness.page")
FAULT = StudioError(
    "Something went wrong inside the studio.", "The details are in page.log in the workspace folder."
)


class AnsweringBlocks(gr.Blocks):
    """Blocks that answer a call with wrong arguments as they answer a handler's StudioError.

    The function of each event has an attribute `refuse` that turns a StudioError into the values of its
    outputs; `studio.ui.parts.handlers.by_position` puts it there.
    """

    async def preprocess_data(
        self, block_fn: Any, inputs: Sequence[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Return the arguments of a handler. Raises StudioError when they cannot be what the page sends."""
        if len(inputs) < len(block_fn.inputs):
            raise StudioError("The page sent too little.", RELOAD)
        sent = [checked_argument(part, value) for part, value in zip(block_fn.inputs, inputs, strict=False)]
        try:
            return await super().preprocess_data(block_fn, sent, state, explicit_call)
        except Exception as error:
            log.info("%s: wrong arguments: %s", block_fn.name, type(error).__name__)
            raise StudioError("The page sent a value that cannot be.", RELOAD) from None

    async def process_api(
        self, block_fn: Any, inputs: list[Any], state: Any = None, **more: Any
    ) -> dict[str, Any]:
        """Call the handler of an event. Whatever is raised on the way becomes its answer."""
        try:
            return await super().process_api(block_fn, inputs, state, **more)
        except StudioError as error:
            refused = error
        except gr.Error:  # what Gradio raises about files in an event that are not its own
            refused = StudioError("These files were not uploaded here.", "Drop them in again.")
        except Exception:
            log.exception("%s failed", block_fn.name)
            refused = FAULT
        values = block_fn.fn.refuse(refused)
        data = await self.postprocess_data(block_fn, values, state)
        return {
            "data": data,
            "is_generating": False,
            "iterator": None,
            "duration": 0.0,
            "average_duration": 0.0,
            "render_config": None,
            "changed_state_ids": [],
        }
