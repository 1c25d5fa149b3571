"""The photos of a training to be: dropped, pasted or picked, each shown as the square it is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.photos import COUNT_HIGH, Crop, Photo, Refusal, open_photos
from studio.ui.markup import button, data_url
from studio.ui.wire import Wire, act_of, board, drawing, drop_zone, uploaded, whole

TILE_SIDE = 160
VIEW_SIDE = 480
ZOOM_HIGH = 4.0
ACCEPT = "image/*,.heic,.heif,.avif"


@dataclass
class PhotosBox:
    """The box's parts that others fill: `photos` is a State of list[Photo]."""

    photos: gr.State
    chosen: gr.State
    strip: gr.HTML
    refusals: gr.HTML
    editor: gr.Column


def strip_of(photos: Sequence[Photo], chosen: int = -1) -> str:
    """The squares, each a button that opens its crop."""
    if not photos:
        return ""
    tiles = "".join(
        f'<button type="button" class="tile" data-act="choose" data-id="{number}"'
        f' aria-pressed="{str(number == chosen).lower()}" title="{escape(photo.name)}">'
        f'<img src="{data_url(photo.square(TILE_SIDE))}" alt="{escape(photo.name)}, adjust"></button>'
        for number, photo in enumerate(photos)
    )
    words = "1 photo" if len(photos) == 1 else f"{len(photos)} photos"
    return (
        f'<div class="tiles">{tiles}</div><p class="row faint"><span>{words}, squared as they are trained on.'
        f" Select one to move its square.</span>{button('clear', 'Clear')}</p>"
    )


def refusals_of(refusals: Sequence[Refusal], failed: Sequence[str] = ()) -> str:
    """The files that cannot be used, one by one."""
    pairs = [(refusal.name, refusal.reason) for refusal in refusals]
    pairs += [(name, "it could not be uploaded; it may be too large") for name in failed]
    if not pairs:
        return ""
    rows = "".join(f"<li><b>{escape(name)}</b> {escape(reason)}</li>" for name, reason in pairs)
    title = "This file was left out" if len(pairs) == 1 else f"{len(pairs)} files were left out"
    return f'<div class="card refusals" role="alert"><strong>{title}</strong><ul>{rows}</ul></div>'


def view_of(photo: Photo) -> str:
    """The whole photo with its square drawn on it; a click puts the square there."""
    width, height = photo.image.size
    left, top, right, bottom = photo.crop.box(width, height)
    place = (
        f"left:{100 * left / width:.2f}%;top:{100 * top / height:.2f}%;"
        f"width:{100 * (right - left) / width:.2f}%;height:{100 * (bottom - top) / height:.2f}%"
    )
    shown = photo.image.copy()
    shown.thumbnail((VIEW_SIDE, VIEW_SIDE))
    return (
        f'<div class="cropping"><div class="whole" data-act="place">'
        f'<img src="{data_url(shown)}" alt="{escape(photo.name)}"><i style="{place}"></i></div></div>'
        f'<p class="faint">{escape(photo.name)} · {width} × {height}. Click to put the square there.</p>'
    )


def centred(photo: Photo, x: float, y: float) -> Crop:
    """The square of the same size whose middle is as near as can be to (x, y), fractions of the photo."""
    width, height = photo.image.size
    side = photo.side

    def share(middle: float, room: int) -> float:
        return min(max((middle - side / 2) / room, 0.0), 1.0) if room > 0 else 0.5

    return Crop(share(x * width, width - side), share(y * height, height - side), photo.crop.zoom)


def at(photos: Sequence[Photo], number: int) -> Photo:
    """The photo `number`. Raises StudioError when there is none."""
    if not 0 <= number < len(photos):
        raise StudioError("That photo is no longer there.", "Select another one.")
    return photos[number]


def changed(photos: list[Photo], number: int, crop: Crop) -> list[Photo]:
    """`photos` with another square for one of them."""
    return [at(photos, number).cropped(crop) if i == number else photo for i, photo in enumerate(photos)]


def photos_box(wire: Wire, notice: gr.HTML) -> PhotosBox:
    """Build the box and connect its parts."""
    photos, chosen = gr.State([]), gr.State(-1)
    text = f"or click to choose, or paste · 1 to {COUNT_HIGH} photos of one thing"
    drop = drop_zone("photo-drop", "Drop photos here", text, ACCEPT, many=True)
    refusals = drawing(elem_id="photo-refusals")
    strip = board("photo-strip")
    with gr.Column(visible=False, elem_id="crop-editor", elem_classes="card") as editor:
        view = board("crop-view")
        zoom = gr.Slider(1.0, ZOOM_HIGH, value=1.0, step=0.01, label="Zoom", elem_id="crop-zoom", buttons=[])
        with gr.Row():
            x = gr.Slider(0.0, 1.0, value=0.5, step=0.01, label="Left to right", elem_id="crop-x", buttons=[])
            y = gr.Slider(0.0, 1.0, value=0.5, step=0.01, label="Top to bottom", elem_id="crop-y", buttons=[])
        with gr.Row(elem_classes="acts"):
            close = gr.Button("Done", size="sm", elem_id="crop-done")
            remove = gr.Button("Remove this photo", size="sm", variant="stop", elem_id="crop-remove")

    def add(there: list[Photo], event: gr.EventData) -> tuple:
        paths, failed = uploaded(event)
        fresh, refused = open_photos(paths, there)
        for path in paths:
            path.unlink(missing_ok=True)
        now = [*there, *fresh]
        return now, -1, strip_of(now), refusals_of(refused, failed), gr.update(visible=False)

    def press(there: list[Photo], event: gr.EventData) -> tuple:
        act, id = act_of(event)
        if act == "clear":
            return [], -1, "", "", gr.update(visible=False), *[gr.skip()] * 4
        photo = at(there, number := whole(id))
        crop = photo.crop
        sliders = crop.zoom, crop.x, crop.y
        return (
            there,
            number,
            strip_of(there, number),
            gr.skip(),
            gr.update(visible=True),
            view_of(photo),
            *sliders,
        )

    def move(there: list[Photo], number: int, zoom: float, x: float, y: float) -> tuple:
        now = changed(there, number, Crop(float(x), float(y), min(max(float(zoom), 1.0), ZOOM_HIGH)))
        return now, strip_of(now, number), view_of(now[number])

    def place(there: list[Photo], number: int, event: gr.EventData) -> tuple:
        x, y = (float(event._data.get(name, 0.5)) for name in "xy")
        crop = centred(at(there, number), x, y)
        now = changed(there, number, crop)
        return now, strip_of(now, number), view_of(now[number]), crop.x, crop.y

    def drop_one(there: list[Photo], number: int) -> tuple:
        at(there, number)
        now = [photo for i, photo in enumerate(there) if i != number]
        return now, -1, strip_of(now), gr.update(visible=False)

    def shut(there: list[Photo]) -> tuple:
        return -1, strip_of(there), gr.update(visible=False)

    quiet = {"looks_again": False}
    wire(drop.upload, add, [photos], [photos, chosen, strip, refusals, editor], notice, **quiet)
    wire(
        strip.click,
        press,
        [photos],
        [photos, chosen, strip, refusals, editor, view, zoom, x, y],
        notice,
        **quiet,
    )
    for slider in (zoom, x, y):
        parts = [photos, chosen, zoom, x, y]
        wire(slider.input, move, parts, [photos, strip, view], notice, trigger_mode="always_last", **quiet)
    wire(view.click, place, [photos, chosen], [photos, strip, view, x, y], notice, **quiet)
    wire(remove.click, drop_one, [photos, chosen], [photos, chosen, strip, editor], notice, **quiet)
    wire(close.click, shut, [photos], [chosen, strip, editor], notice, **quiet)
    return PhotosBox(photos, chosen, strip, refusals, editor)
