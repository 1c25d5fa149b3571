"""The board on which each concept of the prompt gets a box, drawn on the last picture.

`scripts/places_board.js` draws it, moves and resizes boxes by mouse, touch and keys, and sends them when one
is let go. Boxes are kept as the recipe's `regions`, in a text that may also be typed. Gradio's AnnotatedImage
only shows boxes and its ImageEditor only paints, so neither is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.handles import to_handle
from studio.limits import MAX_HANDLES
from studio.recipes.recipe import Box, read_regions
from studio.ui.create.sampling_line import PaintSettings, picture_size
from studio.ui.parts.arguments import RELOAD, checked_text, event_values, is_number
from studio.ui.parts.html_blocks import html_block
from studio.ui.parts.page_files import page_script
from studio.words import tr
from studio.workspace.workspace import Workspace

# one for each concept, as far as they go: told apart by all kinds of colour vision (Okabe and Ito 2008)
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00", "#999999")
HELP = tr(
    "Drag a box for each concept; one without is placed by itself. "
    "Arrow keys move a box, with Shift they resize it, Delete removes it."
)


def template() -> str:
    """Return the HTML of the board before it knows the prompt."""
    return (
        f'<div class="places-board"><p class="faint" id="places-help">{escape(HELP)}</p>'
        f'<div class="round-buttons" role="group" aria-label="{escape(tr("Whose box"))}"></div>'
        '<div class="places-stage"><img alt="" draggable="false" hidden></div><div class="actions">'
        f"{_button('add', tr('Add a box'))}{_button('clear', tr('Remove all'))}"
        f"{_button('blank', tr('Hide the picture'))}"
        '</div><span class="unseen" role="status"></span></div>'
    )


def _button(does: str, label: str) -> str:
    return f'<button type="button" class="action action-quiet" data-do="{does}">{escape(label)}</button>'


def places_board() -> gr.HTML:
    """Build the board; its `input` event brings all boxes, read by `with_sent_boxes`."""
    script = page_script("places_board")
    return html_block(elem_id="places-board", html_template=template(), js_on_load=script)


def board_state(workspace: Workspace, now: PaintSettings) -> str:
    """Return what the board shows, as JSON: each concept with its box, and the picture's ratio."""
    concepts = [
        {
            "handle": handle,
            "noun": noun,
            "colour": COLOURS[number % len(COLOURS)],
            "box": now.used_boxes.get(handle),
        }
        for number, (handle, noun) in enumerate(now.nouns.items())
    ]
    width, height = picture_size(workspace, now.width, now.height)
    ratio = width / height if width and height else 1.0
    return json.dumps({"concepts": concepts, "ratio": ratio})


def boxes_in(text: str) -> dict[str, Box]:
    """Return the boxes of a typed text, none where it cannot be read: Paint says why."""
    try:
        return read_regions(text)
    except StudioError:
        return {}


def with_sent_boxes(boxes: Mapping[str, Box], event: gr.EventData) -> dict[str, Box]:
    """Return the boxes with those that the board sent: by handle, None where a concept has none.

    Raises StudioError when one is no box.
    """
    sent = event_values(event).get("boxes")
    if not isinstance(sent, dict) or len(sent) > MAX_HANDLES:
        raise StudioError("These are no boxes.", RELOAD)
    changed = {to_handle(checked_text(tr("The concept"), name)): _box(edges) for name, edges in sent.items()}
    known = {**boxes, **changed}
    return {handle: box for handle, box in known.items() if box is not None}


def _box(edges: object) -> Box | None:
    """Return a box that the board sent, within the picture. Raises StudioError when it is none."""
    if edges is None:
        return None
    if not (isinstance(edges, list) and len(edges) == 4 and all(map(is_number, edges))):
        raise StudioError("That is no box.", RELOAD)
    left, top, right, bottom = (min(max(float(edge), 0.0), 1.0) for edge in edges)
    if not (left < right and top < bottom):
        raise StudioError("That box is empty.", "Drag it larger.")
    return left, top, right, bottom
