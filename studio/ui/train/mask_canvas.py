"""The part of the photo editor in which masks are made, by clicking on a subject, painting or uploading.

`scripts/mask_editor.js` holds the masks in the pixels of the photo's square and sends all of them after every
change, as PNGs of 0 and 255. Gradio's own ImageEditor returns pictures of other sizes with soft edges, so it
is not used. The server answers with a canvas state: a JSON text with the square, the masks, and the `turn` of
the change that it answers. The browser ignores the masks of an answer when a stroke was made since.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from studio.errors import StudioError
from studio.photos.click_mask import Box, box_mask, corrected_mask, propose_mask
from studio.photos.photo import Photo
from studio.ui.parts.arguments import event_share, event_values
from studio.ui.parts.html_blocks import to_int, uploaded_files
from studio.ui.parts.markup import data_url
from studio.ui.train.mask_images import mask_from_url, mask_to_url, with_mask_file
from studio.ui.train.mask_overlay import COLOURS, Subjects
from studio.words import tr

Propose = Callable[
    [Image.Image, Sequence[tuple[float, float]], Sequence[Image.Image], Image.Image | None, int], Image.Image
]  # as `studio.photos.click_mask.propose_mask`

MAX_SHOWN_SIDE = 640
OPTIONAL = tr(
    "Click on it or drag a box around it, then touch it up. Optional: methods that use a mask learn mostly "
    "where it is, the others see the whole square."
)
NEEDED = tr(
    "Click on it or drag a box around it, then touch it up. This method needs a mask of everything that it "
    "learns."
)
TOOLS = {
    "click": (
        tr("Click"),
        tr("Click on it, or drag a box around it: its outline is found. Click again to add a part."),
    ),
    "not": (
        tr("Not this"),
        tr("Click on what is not it, to take that part away. With Click, hold Shift."),
    ),
    "brush": (tr("Brush"), tr("Paint over it.")),
    "eraser": (tr("Eraser"), tr("Wipe off what is not it.")),
}
ACTIONS = {
    "smaller": (tr("Smaller"), tr("The last click meant less than was found")),
    "larger": (tr("Larger"), tr("The last click meant more than was found")),
    "undo": (tr("Undo"), tr("Take the last change back")),
    "clear": (tr("Clear"), tr("Wipe off the whole mask")),
}


def stage(more: str = "") -> str:
    """Return the HTML of what masks are drawn on: the square of a photo, the canvas over it, and `more`."""
    return (
        '<div class="mask-stage"><img alt="" draggable="false"><canvas tabindex="0"></canvas>'
        '<i class="brush-ring"></i><i class="mask-box" hidden></i><i class="mask-cross"></i>'
        f"{more}</div>"
    )


def tools(more: str = "") -> str:
    """Return the HTML of the tools that change a mask; `more` are HTML tools before them."""
    segments = more + "".join(
        f'<button type="button" class="segment" data-tool="{tool}" title="{escape(title)}">'
        f"{escape(label)}</button>"
        for tool, (label, title) in TOOLS.items()
    )
    actions = "".join(
        f'<button type="button" class="action action-quiet" data-do="{action}" title="{escape(title)}">'
        f"{escape(label)}</button>"
        for action, (label, title) in ACTIONS.items()
    )
    return (
        '<div class="mask-tools">'
        f'<div class="segments" role="group" aria-label="{escape(tr("Tool"))}">{segments}</div>'
        f'<label class="mask-size"><span>{escape(tr("Size"))}</span>'
        f'<input type="range" min="1" max="40" value="10" aria-label="{escape(tr("Brush size"))}"></label>'
        '<div class="mask-actions">'
        f"{actions}"
        f'<label class="action action-quiet" title="{escape(tr("White is the subject"))}">'
        f"{escape(tr('Upload a mask'))}"
        '<input type="file" accept="image/*"></label></div></div>'
    )


def square_key(photo: Photo, number: int) -> str:
    """Return a text that differs for each photo and each of its squares."""
    return f"{number} {photo.name} {photo.crop.box(*photo.image.size)}"


def canvas_state(
    photo: Photo,
    number: int,
    subjects: Subjects,
    turn: int | None = None,
    error: str = "",
    about: Mapping[str, Any] | None = None,
) -> str:
    """Return what the canvas shows, as JSON.

    Args:
        number: of the photo.
        turn: number of the change that this answers; -1 when no mask has changed, None to start anew.
        error: why a change was not made.
        about: what else the editor shows, where it has changed.
    """
    masks = (photo.square_mask(subject, photo.side) for subject in range(len(subjects.names)))
    state = {
        "key": square_key(photo, number),
        "turn": turn,
        "time": time.time_ns(),  # else Gradio would not send a state that equals the one before
        "side": photo.side,
        "square": data_url(photo.square(min(photo.side, MAX_SHOWN_SIDE))),
        "subjects": [
            {"name": subjects.title(subject), "colour": COLOURS[subject]}
            for subject in range(len(subjects.names))
        ],
        "masks": [mask and mask_to_url(mask) for mask in masks],
        "text": error or (NEEDED if subjects.needed else OPTIONAL),
        "is_error": bool(error),
        **(about or {}),
    }
    return json.dumps(state)


def with_canvas_masks(photo: Photo, masks: object, subjects: Subjects) -> Photo:
    """Return the photo with the masks that the canvas sent: one for each subject, None for an empty one."""
    if not isinstance(masks, list):
        raise StudioError("These are no masks of the photo.", "Reload the page and paint them again.")
    for number, text in enumerate(masks[: len(subjects.names)]):
        empty = Image.new("L", (photo.side, photo.side))
        photo = photo.with_mask(number, mask_from_url(text, photo.side) if text else empty)
    return photo


def with_clicked_subject(
    photo: Photo,
    subject: int,
    x: float,
    y: float,
    subjects: Subjects,
    propose: Propose = propose_mask,
    step: int = 0,
) -> Photo:
    """Return the photo with what was clicked on, at (x, y) in shares of the square, added to a mask.

    Args:
        step: how many sizes larger it is than the likeliest one.
    """
    before = photo.square_mask(subject, photo.side)
    proposal = propose(photo.square(photo.side), [(x, y)], _beside(photo, subject, subjects), before, step)
    return _with_added(photo, subject, proposal)


def with_box(photo: Photo, subject: int, box: Box, subjects: Subjects) -> Photo:
    """Return the photo with what is inside a box, in shares of the square, added to a mask."""
    return _with_added(
        photo, subject, box_mask(photo.square(photo.side), box, _beside(photo, subject, subjects))
    )


def without_clicked_part(photo: Photo, subject: int, x: float, y: float, step: int = 0) -> Photo:
    """Return the photo without the part of a mask that was clicked on.

    Raises StudioError for a click outside the mask.
    """
    mask = photo.square_mask(subject, photo.side)
    column, row = (min(photo.side - 1, int(share * photo.side)) for share in (x, y))
    if mask is None or not mask.getpixel((column, row)):
        raise StudioError("That is not in the mask.", "Click on a coloured part to take it away.")
    return photo.with_mask(
        subject, corrected_mask(photo.square(photo.side), mask, (x, y), adds=False, step=step)
    )


def with_pointed_subject(
    photo: Photo, subject: int, event: gr.EventData, subjects: Subjects, propose: Propose
) -> Photo:
    """Return the photo with a mask changed by a click: on the subject, on what is not it, or by a box.

    A click may be sent again, with the masks as they were before it and another `step`.
    """
    x, y = (event_share(event, name) for name in "xy")
    data = event_values(event)
    step = to_int(data.get("step", 0))
    if data.get("takes"):
        return without_clicked_part(photo, subject, x, y, step)
    if "right" in data:
        right, bottom = (event_share(event, name) for name in ("right", "bottom"))
        return with_box(photo, subject, (x, y, right, bottom), subjects)
    return with_clicked_subject(photo, subject, x, y, subjects, propose, step)


def _beside(photo: Photo, subject: int, subjects: Subjects) -> list[Image.Image]:
    """Return the masks of the other subjects in the square."""
    others = (number for number in range(len(subjects.names)) if number != subject)
    masks = (photo.square_mask(number, photo.side) for number in others)
    return [mask for mask in masks if mask is not None]


def _with_added(photo: Photo, subject: int, proposal: Image.Image) -> Photo:
    """Return the photo with a proposal added to a mask in its square."""
    before = photo.square_mask(subject, photo.side)
    if before is not None:
        proposal.paste(255, mask=before)
    return photo.with_mask(subject, proposal)


def apply_canvas_change(
    photos: list[Photo], subjects: Subjects, action: str, event: gr.EventData, propose: Propose = propose_mask
) -> tuple[list[Photo], str]:
    """Apply a change that was made on the canvas.

    Args:
        action: the event: "input" for a stroke, "click" for a click on a subject, on what is not it or a box
            around it, "upload" for a mask file.
        propose: finds the mask of the subject that was clicked on.

    Returns the photos, and the state to show: empty after a stroke, which the canvas shows already. Raises
    StudioError for a square that has moved since.
    """
    data = event_values(event)
    number, turn, subject = (to_int(data.get(name, 0)) for name in ("photo", "turn", "subject"))
    if not (0 <= number < len(photos) and data.get("key") == square_key(photos[number], number)):
        raise StudioError("That photo has changed.", "Select it again, then paint.")
    photo = with_canvas_masks(photos[number], data.get("masks"), subjects)
    if not 0 <= subject < len(subjects.names):
        raise StudioError("That subject is not there.", "Choose one of those shown.")
    failure = ""
    try:
        if action == "click":
            photo = with_pointed_subject(photo, subject, event, subjects, propose)
        elif action == "upload":
            photo = with_mask_file(uploaded_files(event)[0], photo, subject)
    except StudioError as error:
        failure = str(error)
    changed = [photo if i == number else other for i, other in enumerate(photos)]
    return changed, "" if action == "input" else canvas_state(photo, number, subjects, turn, failure)
