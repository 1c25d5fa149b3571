"""The photo editor: a dialogue over the page with one canvas for the crop and the masks of a photo.

It is the browser's own <dialog>, which keeps the focus inside, closes with Esc and hides the rest from screen
readers; Gradio has no such part (its Dialogue is a script of speakers). `scripts/mask_editor.js` and
`mask_tools.js` draw masks, `photo_editor.js` does all else. It sends "edit" events, each with an action:
"choose" (a photo), "crop", "caption", "move", "remove", "unused" (a mask file for a photo that was left) or
"close".
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.limits import MAX_CAPTION_LETTERS
from studio.photos.advice import Advice
from studio.photos.photo import MAX_ZOOM, Crop, Photo
from studio.ui.parts.arguments import RELOAD, event_share, event_values, is_number
from studio.ui.parts.html_blocks import html_block
from studio.ui.parts.icons import icon
from studio.ui.parts.markup import data_url
from studio.ui.parts.page_files import page_script
from studio.ui.train.mask_canvas import canvas_state, stage, tools
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.session_photos import photo_key
from studio.words import tr

VIEW_SIDE = 960  # pixels of the long side of the photo as the editor shows it
CROP_TITLE = tr("Choose the square that is learned from")
CROP_TEXT = tr("Drag the square to what is to be learned; pull a corner, or use Zoom, to bring it closer.")
CAPTION = tr("Caption")
CAPTION_INFO = tr(
    "Optional. What else the photo shows is then not learned as the subject. Say the noun, or {} where it is."
    " Text files of the photos' names, dropped in with them, fill this in."
)
CATEGORY = tr("Category")
CATEGORY_INFO = tr(
    "Which kind this photo shows, such as red, or colour: red where you sort by several things. Photos of one"
    " kind have the same words."
)


def template() -> str:
    """Return the HTML of the editor before it shows a photo."""
    crop = f'<button type="button" class="segment" data-tool="crop" title="{escape(CROP_TITLE)}">'
    crop += f"{escape(tr('Crop'))}</button>"
    zoom = escape(tr("Zoom"))
    zoom = (
        f'<label class="crop-zoom"><span>{zoom}</span><input type="range" min="1" max="{MAX_ZOOM:g}"'
        f' step="0.01" value="1" aria-label="{zoom}"></label>'
    )
    corners = "".join(f'<i class="crop-corner {corner}" data-corner="{corner}"></i>' for corner in _CORNERS)
    masked = tr("What is masked")
    return (
        '<dialog class="photo-editor" aria-labelledby="photo-editor-name"><header>'
        '<div><h2 id="photo-editor-name" data-part="name"></h2><p class="faint" data-part="facts"></p></div>'
        f'<div class="photo-turn">{_button("previous", "‹", tr("Previous photo"))}'
        f'<span data-part="place"></span>'
        f"{_button('next', '›', tr('Next photo'))}</div>"
        f"{_button('close', icon('close'), tr('Close'))}</header>"
        f'<div class="mask-frame" hidden data-crop-text="{escape(CROP_TEXT)}"><div class="photo-view">'
        f'<div class="photo-room"><div class="whole-photo"><img alt="" data-part="whole" draggable="false">'
        f"{stage(corners)}</div></div>"
        f'<p class="faint" data-part="hint" aria-live="polite"></p></div><div class="photo-panel">'
        f'<div class="round-buttons" role="group" aria-label="{escape(masked)}"></div>{tools(crop)}{zoom}'
        '<ul class="photo-said" data-part="advice"></ul>'
        '<label class="photo-words" id="photo-caption">'
        f'<span data-part="caption-label">{escape(CAPTION)}</span>'
        f'<textarea rows="2" maxlength="{MAX_CAPTION_LETTERS}"></textarea>'
        '<small class="faint" data-part="caption-info"></small></label>'
        f'<div class="actions">{_action("earlier", tr("Move earlier"))}{_action("later", tr("Move later"))}'
        f"{_action('remove', tr('Remove this photo'), 'danger')}"
        f"{_action('close', tr('Done'), 'strong')}</div></div></div></dialog>"
    )


_CORNERS = ("nw", "ne", "sw", "se")


def _button(action: str, face: str, label: str) -> str:
    about = f'data-photo="{action}" aria-label="{escape(label)}"'
    return f'<button type="button" class="icon-button" {about}>{face}</button>'


def _action(action: str, label: str, kind: str = "quiet") -> str:
    return (
        f'<button type="button" class="action action-{kind}" data-photo="{action}">{escape(label)}</button>'
    )


def photo_editor() -> gr.HTML:
    """Create the editor. Its value is the state that `editor_state` and `apply_canvas_change` return."""
    return html_block(
        elem_id="photo-editor",
        html_template=template(),
        js_on_load=page_script("mask_editor", "mask_tools", "photo_editor"),
    )


def editor_state(
    photos: Sequence[Photo], number: int, subjects: Subjects, advice: Sequence[Advice] = ()
) -> str:
    """Return the state that opens the editor with a photo, or turns to it.

    Args:
        number: of the photo.
        advice: on it.
    """
    photo = photos[number]
    small = photo.image.copy()
    small.thumbnail((VIEW_SIDE, VIEW_SIDE))
    about = crop_state(photo, 0) | {
        "opens": True,
        "photo_key": photo_key(photo, number),
        "name": photo.name,
        "count": len(photos),
        "whole": data_url(small),
        "caption": photo.caption,
        "caption_label": CATEGORY if subjects.sorted else CAPTION,
        "caption_info": CATEGORY_INFO if subjects.sorted else CAPTION_INFO,
        "caption_example": "red" if subjects.sorted else "a cat asleep on a green sofa",
        "advice": [tr(one.sentence) for one in advice],
    }
    return canvas_state(photo, number, subjects, about=about)


def crop_state(photo: Photo, turn: int) -> dict[str, Any]:
    """Return the crop of a photo as the editor shows it; `turn` is the number of the change it answers."""
    left, top, right, _ = photo.crop.box(*photo.image.size)
    return {"size": photo.image.size, "crop": (left, top, right - left), "crop_turn": turn}


def sent_crop(event: gr.EventData) -> Crop:
    """Return the square that the editor sent. Raises StudioError when it is none."""
    zoom: Any = event_values(event).get("zoom")
    if not is_number(zoom):
        raise StudioError("The page did not say how large the square is.", RELOAD)
    return Crop(event_share(event, "x"), event_share(event, "y"), min(max(float(zoom), 1.0), MAX_ZOOM))
