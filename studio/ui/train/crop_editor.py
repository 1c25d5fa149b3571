"""The crop editor: which square of a photo is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.photos.photo import Crop, Photo
from studio.ui.parts.html_blocks import button_block
from studio.ui.parts.markup import data_url

VIEW_SIDE = 480
MAX_ZOOM = 4.0


@dataclass
class CropEditor:
    """The components of the editor.

    Args:
        view: the whole photo with its square; a click on it moves the square.
        sliders: by the name of the field of `Crop`: "zoom", "x" and "y".
    """

    view: gr.HTML
    sliders: dict[str, gr.Slider]

    def at(self, crop: Crop) -> dict[Any, Any]:
        """Return the changes that move the sliders to a square."""
        return {slider: getattr(crop, name) for name, slider in self.sliders.items()}


def crop_view(photo: Photo) -> str:
    """Return the whole photo with its square drawn on it; a click centres the square there."""
    width, height = photo.image.size
    left, top, right, bottom = photo.crop.box(width, height)
    position = (
        f"left:{100 * left / width:.2f}%;top:{100 * top / height:.2f}%;"
        f"width:{100 * (right - left) / width:.2f}%;height:{100 * (bottom - top) / height:.2f}%"
    )
    small = photo.image.copy()
    small.thumbnail((VIEW_SIDE, VIEW_SIDE))
    return (
        f'<div class="crop-frame"><div class="whole-photo" data-action="centre">'
        f'<img src="{data_url(small)}" alt="{escape(photo.name)}"><i style="{position}"></i></div></div>'
        f'<p class="faint">{escape(photo.name)} · {width} × {height}. Click to put the square there.</p>'
    )


def crop_from_sliders(zoom: float, x: float, y: float) -> Crop:
    """Return the square that the sliders choose."""
    return Crop(float(x), float(y), min(max(float(zoom), 1.0), MAX_ZOOM))


def centred_crop(photo: Photo, x: float, y: float) -> Crop:
    """Return the square of the same size with its middle as near as can be to (x, y), shares of the photo."""
    width, height = photo.image.size
    side = photo.side

    def share(middle: float, room: int) -> float:
        return min(max((middle - side / 2) / room, 0.0), 1.0) if room > 0 else 0.5

    return Crop(share(x * width, width - side), share(y * height, height - side), photo.crop.zoom)


def crop_editor() -> CropEditor:
    """Build the editor."""
    view = button_block("crop-view")
    zoom = gr.Slider(1.0, MAX_ZOOM, value=1.0, step=0.01, label="Zoom", elem_id="crop-zoom", buttons=[])
    with gr.Row():
        x = gr.Slider(0.0, 1.0, value=0.5, step=0.01, label="Left to right", elem_id="crop-x", buttons=[])
        y = gr.Slider(0.0, 1.0, value=0.5, step=0.01, label="Top to bottom", elem_id="crop-y", buttons=[])
    return CropEditor(view, {"zoom": zoom, "x": x, "y": y})
