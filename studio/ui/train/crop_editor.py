"""The crop editor: which square of a photo is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import gradio as gr

from studio.photos.photo import Crop, Photo
from studio.ui.parts.handlers import board
from studio.ui.parts.markup import data_url

VIEW_SIDE = 480
ZOOM_HIGH = 4.0


@dataclass
class CropEditor:
    """The whole photo with its square, and the sliders `zoom`, `x` and `y` that move it."""

    view: gr.HTML
    zoom: gr.Slider
    x: gr.Slider
    y: gr.Slider

    @property
    def sliders(self) -> list[gr.Slider]:
        """The sliders, in the order of `values`."""
        return [self.zoom, self.x, self.y]


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


def values(crop: Crop) -> tuple[float, float, float]:
    """A square as the sliders show it."""
    return crop.zoom, crop.x, crop.y


def crop_at(zoom: float, x: float, y: float) -> Crop:
    """The square that the sliders say."""
    return Crop(float(x), float(y), min(max(float(zoom), 1.0), ZOOM_HIGH))


def centred(photo: Photo, x: float, y: float) -> Crop:
    """The square of the same size whose middle is as near as can be to (x, y), fractions of the photo."""
    width, height = photo.image.size
    side = photo.side

    def share(middle: float, room: int) -> float:
        return min(max((middle - side / 2) / room, 0.0), 1.0) if room > 0 else 0.5

    return Crop(share(x * width, width - side), share(y * height, height - side), photo.crop.zoom)


def crop_editor() -> CropEditor:
    """Build the editor's parts."""
    view = board("crop-view")
    zoom = gr.Slider(1.0, ZOOM_HIGH, value=1.0, step=0.01, label="Zoom", elem_id="crop-zoom", buttons=[])
    with gr.Row():
        x = gr.Slider(0.0, 1.0, value=0.5, step=0.01, label="Left to right", elem_id="crop-x", buttons=[])
        y = gr.Slider(0.0, 1.0, value=0.5, step=0.01, label="Top to bottom", elem_id="crop-y", buttons=[])
    return CropEditor(view, zoom, x, y)
