"""The photos of a training to be: dropped, pasted or picked, each shown as the square it is trained on, with
an editor for its square and its masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from studio.photos.photo import MAX_PHOTOS, Crop, open_photos
from studio.ui.parts.handlers import Wire, act_of, board, drawing, drop_zone, unseen_text, uploaded, whole
from studio.ui.train.crop_editor import centred, crop_at, crop_editor, values, view_of
from studio.ui.train.mask_canvas import Propose, answer, mask_editor, scene_of
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_strip import refusals_of, strip_of
from studio.ui.train.session_photos import Table, in_turn

ACCEPT = "image/*,.heic,.heif,.avif"


@dataclass
class PhotosBox:
    """The box's parts that others fill: `table` is a State of a Table, `subjects` one of what is to be seen
    in its photos, and `renamed` a text that changes whenever `subjects` does."""

    table: gr.State
    subjects: gr.State
    renamed: gr.Textbox
    strip: gr.HTML
    refusals: gr.HTML
    editor: gr.Column


def photos_box(wire: Wire, notice: gr.HTML, propose: Propose) -> PhotosBox:
    """Build the box and connect its parts; `propose` finds the mask of what is clicked on."""
    table, subjects, renamed = gr.State(Table()), gr.State(Subjects()), unseen_text()
    text = f"or click to choose, or paste · 1 to {MAX_PHOTOS} photos of one thing"
    drop = drop_zone("photo-drop", "Drop photos here", text, ACCEPT, many=True)
    refusals = drawing(elem_id="photo-refusals")
    strip = board("photo-strip")
    with gr.Column(visible=False, elem_id="crop-editor", elem_classes="card") as editor:
        crop = crop_editor()
        canvas = mask_editor()
        with gr.Row(elem_classes="acts"):
            close = gr.Button("Done", size="sm", elem_id="crop-done")
            remove = gr.Button("Remove this photo", size="sm", variant="stop", elem_id="crop-remove")

    @in_turn
    def add(table: Table, seen: Subjects, event: gr.EventData) -> tuple:
        paths, failed = uploaded(event)
        fresh, refused = open_photos(paths, table.photos)
        for path in paths:
            path.unlink(missing_ok=True)
        table.lay([*table.photos, *fresh])
        return strip_of(table.photos, seen), refusals_of(refused, failed), gr.update(visible=False)

    @in_turn
    def press(table: Table, seen: Subjects, event: gr.EventData) -> tuple:
        act, id = act_of(event)
        if act == "clear":
            table.lay([])
            return "", "", gr.update(visible=False), *[gr.skip()] * 5
        photo = table.at(number := whole(id))
        table.chosen = number
        drawn = strip_of(table.photos, seen, number), gr.skip(), gr.update(visible=True), view_of(photo)
        return *drawn, scene_of(photo, number, seen), *values(photo.crop)

    def cut(table: Table, seen: Subjects, crop: Crop) -> tuple:
        table.put(photo := table.at(table.chosen).cropped(crop))
        scene = scene_of(photo, table.chosen, seen)
        return strip_of(table.photos, seen, table.chosen), view_of(photo), scene

    @in_turn
    def move(table: Table, seen: Subjects, *sliders: float) -> tuple:
        return cut(table, seen, crop_at(*sliders))

    @in_turn
    def place(table: Table, seen: Subjects, event: gr.EventData) -> tuple:
        x, y = (float(event._data.get(name, 0.5)) for name in "xy")
        crop = centred(table.at(table.chosen), x, y)
        return *cut(table, seen, crop), crop.x, crop.y

    def mask(act: str) -> Callable[..., tuple]:
        @in_turn
        def change(table: Table, seen: Subjects, event: gr.EventData) -> tuple:
            table.photos, scene = answer(table.photos, seen, act, event, propose)
            return strip_of(table.photos, seen, table.chosen), scene or gr.skip()

        return change

    @in_turn
    def name(table: Table, seen: Subjects) -> tuple:
        number = table.chosen
        scene = gr.skip() if number < 0 else scene_of(table.at(number), number, seen, -1)
        return strip_of(table.photos, seen, number), scene

    @in_turn
    def drop_one(table: Table, seen: Subjects) -> tuple:
        table.at(table.chosen)
        table.lay([photo for i, photo in enumerate(table.photos) if i != table.chosen])
        return strip_of(table.photos, seen), gr.update(visible=False)

    @in_turn
    def shut(table: Table, seen: Subjects) -> tuple:
        table.chosen = -1
        return strip_of(table.photos, seen), gr.update(visible=False)

    quiet = {"looks_again": False}
    known = [table, subjects]
    opened = [strip, refusals, editor, crop.view, canvas, *crop.sliders]
    cropped = [strip, crop.view, canvas]
    wire(drop.upload, add, known, opened[:3], notice, **quiet)
    wire(strip.click, press, known, opened, notice, **quiet)
    for slider in crop.sliders:
        slid = {"trigger_mode": "always_last", **quiet}
        wire(slider.input, move, [*known, *crop.sliders], cropped, notice, **slid)
    wire(crop.view.click, place, known, [*cropped, crop.x, crop.y], notice, **quiet)
    for event, act in ((canvas.input, "input"), (canvas.click, "click"), (canvas.upload, "upload")):
        wire(event, mask(act), known, [strip, canvas], notice, **quiet)
    wire(renamed.change, name, known, [strip, canvas], notice, **quiet)
    wire(remove.click, drop_one, known, [strip, editor], notice, **quiet)
    wire(close.click, shut, known, [strip, editor], notice, **quiet)
    return PhotosBox(table, subjects, renamed, strip, refusals, editor)
