"""The mask editor: where the subjects are in a photo's square, by clicking, painting or uploading.

The canvas in `assets/mask_editor.js` holds the masks in the square's own pixels and sends all of them after
every change, as PNGs of 0 and 255; the page keeps what it sends. Gradio's own ImageEditor returns pictures
of other sizes and soft edges, so it is not used. What the page sends back is a scene: a JSON text with the
square, the masks, and the `turn` of the change that it answers, so that an answer which a later stroke has
overtaken is left aside.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from studio.errors import StudioError
from studio.photos.click_mask import propose_mask
from studio.photos.mask_checks import binary_mask
from studio.photos.photo import FORMATS, MAX_PIXELS, Photo
from studio.starter import ASSETS
from studio.ui.parts.handlers import drawing, uploaded, whole
from studio.ui.parts.markup import data_url
from studio.ui.train.mask_overlay import COLOURS, Subjects

Propose = Callable[
    [Image.Image, Sequence[tuple[float, float]], Sequence[Image.Image]], Image.Image
]  # as `studio.photos.click_mask.propose`

SHOWN_HIGH = 640
PNG_START = "data:image/png;base64,"
PNG_LETTERS_HIGH = 4_000_000
HOW = "Click on it, then touch it up with brush and eraser."
OPTIONAL = (
    f"{HOW} Optional: methods that use a mask learn mostly where it is, the others see the whole square."
)
NEEDED = f"{HOW} This method needs a mask of everything that it learns."
TOOLS = {
    "click": ("Click", "Click on it, and its outline is found. Click again to add a part."),
    "brush": ("Brush", "Paint over it."),
    "eraser": ("Eraser", "Wipe off what is not it."),
}


def template() -> str:
    """The editor before it shows a photo."""
    tools = "".join(
        f'<button type="button" class="segment" data-tool="{tool}" title="{title}">{label}</button>'
        for tool, (label, title) in TOOLS.items()
    )
    return (
        '<div class="masking" hidden><p class="row"><strong>Where is it?</strong></p>'
        '<p class="faint" aria-live="polite"></p>'
        '<div class="chips" role="group" aria-label="What is masked"></div>'
        '<div class="mask-stage"><img alt="" draggable="false"><canvas aria-label="Mask of the square">'
        '</canvas><i class="ring"></i></div><div class="mask-tools">'
        f'<div class="segments" role="group" aria-label="Tool">{tools}</div>'
        '<label class="mask-size"><span>Size</span>'
        '<input type="range" min="1" max="40" value="10" aria-label="Brush size"></label>'
        '<div class="mask-acts"><button type="button" class="act act-quiet" data-do="undo">Undo</button>'
        '<button type="button" class="act act-quiet" data-do="clear">Clear</button>'
        '<label class="act act-quiet" title="White is the subject">Upload a mask'
        '<input type="file" accept="image/*"></label></div></div></div>'
    )


def key_of(photo: Photo, number: int) -> str:
    """Which square of which photo a mask is made for."""
    return f"{number} {photo.name} {photo.crop.box(*photo.image.size)}"


def scene_of(
    photo: Photo, number: int, subjects: Subjects, turn: int | None = None, trouble: str = ""
) -> str:
    """What the canvas shows. `turn` is that of the change which this answers, -1 when only the names have
    changed, None when whatever it showed is to go; `trouble` says why a change was not made."""
    masks = (photo.square_mask(subject, photo.side) for subject in range(len(subjects.names)))
    scene = {
        "key": key_of(photo, number),
        "turn": turn,
        "time": time.time_ns(),  # else the page would leave out a scene that it was sent before
        "side": photo.side,
        "square": data_url(photo.square(min(photo.side, SHOWN_HIGH))),
        "subjects": [
            {"name": subjects.title(subject), "colour": COLOURS[subject]}
            for subject in range(len(subjects.names))
        ],
        "masks": [mask and to_url(mask) for mask in masks],
        "words": trouble or (NEEDED if subjects.needed else OPTIONAL),
        "trouble": bool(trouble),
    }
    return json.dumps(scene)


def to_url(mask: Image.Image) -> str:
    """A mask as a PNG inside the page, exact."""
    buffer = io.BytesIO()
    binary_mask(mask).convert("1").save(buffer, format="PNG")
    return PNG_START + base64.b64encode(buffer.getvalue()).decode("ascii")


def from_url(text: object, side: int) -> Image.Image:
    """The mask that the canvas sent. Raises StudioError unless it is a PNG of `side` x `side` pixels."""
    wrong = StudioError("This is no mask of the photo.", "Reload the page and paint it again.")
    if not isinstance(text, str) or not text.startswith(PNG_START) or len(text) > PNG_LETTERS_HIGH:
        raise wrong
    try:
        with Image.open(io.BytesIO(base64.b64decode(text[len(PNG_START) :])), formats=("PNG",)) as opened:
            if opened.size == (side, side):
                return binary_mask(opened)
    except (OSError, ValueError, SyntaxError) as error:
        raise wrong from error
    raise wrong


def painted(photo: Photo, masks: object, subjects: Subjects) -> Photo:
    """The photo with the masks that the canvas holds, one for each subject, None where there is none."""
    if not isinstance(masks, list):
        raise StudioError("These are no masks of the photo.", "Reload the page and paint them again.")
    for number, text in enumerate(masks[: len(subjects.names)]):
        empty = Image.new("L", (photo.side, photo.side))
        photo = photo.with_mask(number, from_url(text, photo.side) if text else empty)
    return photo


def pointed(
    photo: Photo, subject: int, x: float, y: float, subjects: Subjects, propose: Propose = propose_mask
) -> Photo:
    """The photo with what was clicked on, at (x, y) in fractions of the square, added to a subject's mask."""
    masks = {number: photo.square_mask(number, photo.side) for number in range(len(subjects.names))}
    beside = [mask for number, mask in masks.items() if mask is not None and number != subject]
    proposal = propose(photo.square(photo.side), [(x, y)], beside)
    before = masks.get(subject)
    if before is not None:
        proposal.paste(255, mask=before)
    return photo.with_mask(subject, proposal)


def opened_mask(paths: Sequence[Path], photo: Photo, subject: int) -> Photo:
    """The photo with a mask from an uploaded file, which is removed once read: one with the whole photo's
    proportions lies over the photo, any other is fitted to the square. Raises StudioError when there is
    nothing white in it."""
    if not paths:
        raise StudioError("The mask did not arrive.", "Upload it again.")
    try:
        with Image.open(paths[0], formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise StudioError("This mask has too many pixels.", "Make it smaller.")
            mask = binary_mask(opened)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise StudioError("This mask cannot be opened.", "Save it as a PNG, white on black.") from error
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    if not mask.getbbox():
        raise StudioError("There is nothing white in this mask.", "Make the subject white, the rest black.")
    width, height = photo.image.size
    if width != height and abs(mask.width / mask.height - width / height) < 0.01 * width / height:
        whole_photo = mask.resize(photo.image.size, Image.Resampling.NEAREST)
        return replace(photo, masks={**photo.masks, subject: whole_photo})
    return photo.with_mask(subject, mask.resize((photo.side, photo.side), Image.Resampling.NEAREST))


def answer(
    photos: list[Photo], subjects: Subjects, act: str, event: gr.EventData, propose: Propose = propose_mask
) -> tuple[list[Photo], str]:
    """The photos after a change on the canvas, and the scene to show: none after a stroke, which is there
    already. `propose` finds what was clicked on. Raises StudioError for a square that has moved since."""
    data: dict[str, Any] = event._data
    number, turn, subject = (whole(data.get(name, 0)) for name in ("photo", "turn", "subject"))
    if not (0 <= number < len(photos) and data.get("key") == key_of(photos[number], number)):
        raise StudioError("That photo has changed.", "Select it again, then paint.")
    photo = painted(photos[number], data.get("masks"), subjects)
    if not 0 <= subject < len(subjects.names):
        raise StudioError("That subject is not there.", "Choose one of those shown.")
    trouble = ""
    try:
        if act == "click":
            x, y = (min(max(float(data.get(name, 0.5)), 0.0), 1.0) for name in "xy")
            photo = pointed(photo, subject, x, y, subjects, propose)
        elif act == "upload":
            photo = opened_mask(uploaded(event)[0], photo, subject)
    except StudioError as error:
        trouble = str(error)
    now = [photo if i == number else other for i, other in enumerate(photos)]
    return now, "" if act == "input" else scene_of(photo, number, subjects, turn, trouble)


def mask_editor() -> gr.HTML:
    """The drawing. Its events `input`, `click` and `upload` are for `answer`; its value is a scene."""
    script = (ASSETS / "mask_editor.js").read_text(encoding="utf-8")
    return drawing(elem_id="mask-editor", html_template=template(), js_on_load=script)
