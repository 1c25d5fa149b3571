"""The photos of a training to be: dropped, pasted or picked, each shown as the square it is trained on, with
an editor for its square and its masks."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from studio.errors import StudioError
from studio.photos import COUNT_HIGH, Crop, Photo, open_photos
from studio.ui.crop_editor import centred, crop_at, crop_editor, values, view_of
from studio.ui.mask_editor import Propose, answer, mask_editor, scene_of
from studio.ui.photo_strip import refusals_of, strip_of
from studio.ui.veil import Subjects
from studio.ui.wire import Wire, act_of, board, drawing, drop_zone, uploaded, whole

ACCEPT = "image/*,.heic,.heif,.avif"

# Whatever reads or changes the photos is done one after the other, in the order in which it was asked for.
IN_TURN = {"concurrency_id": "photos", "concurrency_limit": 1}


@dataclass
class PhotosBox:
    """The box's parts that others fill: `photos` is a State of list[Photo], `subjects` one of what is to be
    seen in them."""

    photos: gr.State
    subjects: gr.State
    chosen: gr.State
    strip: gr.HTML
    refusals: gr.HTML
    editor: gr.Column


def at(photos: list[Photo], number: int) -> Photo:
    """The photo `number`. Raises StudioError when there is none."""
    if not 0 <= number < len(photos):
        raise StudioError("That photo is no longer there.", "Select another one.")
    return photos[number]


def changed(photos: list[Photo], number: int, crop: Crop) -> list[Photo]:
    """`photos` with another square for one of them."""
    return [at(photos, number).cropped(crop) if i == number else photo for i, photo in enumerate(photos)]


def photos_box(wire: Wire, notice: gr.HTML, propose: Propose) -> PhotosBox:
    """Build the box and connect its parts; `propose` finds the mask of what is clicked on."""
    photos, subjects, chosen = gr.State([]), gr.State(Subjects()), gr.State(-1)
    text = f"or click to choose, or paste · 1 to {COUNT_HIGH} photos of one thing"
    drop = drop_zone("photo-drop", "Drop photos here", text, ACCEPT, many=True)
    refusals = drawing(elem_id="photo-refusals")
    strip = board("photo-strip")
    with gr.Column(visible=False, elem_id="crop-editor", elem_classes="card") as editor:
        crop = crop_editor()
        canvas = mask_editor()
        with gr.Row(elem_classes="acts"):
            close = gr.Button("Done", size="sm", elem_id="crop-done")
            remove = gr.Button("Remove this photo", size="sm", variant="stop", elem_id="crop-remove")

    def add(there: list[Photo], seen: Subjects, event: gr.EventData) -> tuple:
        paths, failed = uploaded(event)
        fresh, refused = open_photos(paths, there)
        for path in paths:
            path.unlink(missing_ok=True)
        now = [*there, *fresh]
        return now, -1, strip_of(now, seen), refusals_of(refused, failed), gr.update(visible=False)

    def press(there: list[Photo], seen: Subjects, event: gr.EventData) -> tuple:
        act, id = act_of(event)
        if act == "clear":
            return [], -1, "", "", gr.update(visible=False), *[gr.skip()] * 5
        photo = at(there, number := whole(id))
        drawn = strip_of(there, seen, number), gr.skip(), gr.update(visible=True), view_of(photo)
        return there, number, *drawn, scene_of(photo, number, seen), *values(photo.crop)

    def cut(there: list[Photo], number: int, seen: Subjects, crop: Crop) -> tuple:
        now = changed(there, number, crop)
        return now, strip_of(now, seen, number), view_of(now[number]), scene_of(now[number], number, seen)

    def move(there: list[Photo], number: int, seen: Subjects, *sliders: float) -> tuple:
        return cut(there, number, seen, crop_at(*sliders))

    def place(there: list[Photo], number: int, seen: Subjects, event: gr.EventData) -> tuple:
        x, y = (float(event._data.get(name, 0.5)) for name in "xy")
        crop = centred(at(there, number), x, y)
        return *cut(there, number, seen, crop), crop.x, crop.y

    def mask(act: str) -> object:
        def change(there: list[Photo], number: int, seen: Subjects, event: gr.EventData) -> tuple:
            now, scene = answer(there, seen, act, event, propose)
            return now, strip_of(now, seen, number), scene or gr.skip()

        return change

    def name(there: list[Photo], number: int, seen: Subjects) -> tuple:
        scene = scene_of(there[number], number, seen, -1) if 0 <= number < len(there) else gr.skip()
        return strip_of(there, seen, number), scene

    def drop_one(there: list[Photo], number: int, seen: Subjects) -> tuple:
        at(there, number)
        now = [photo for i, photo in enumerate(there) if i != number]
        return now, -1, strip_of(now, seen), gr.update(visible=False)

    def shut(there: list[Photo], seen: Subjects) -> tuple:
        return -1, strip_of(there, seen), gr.update(visible=False)

    options = {"looks_again": False, **IN_TURN}
    one = [photos, chosen, subjects]
    opened = [photos, chosen, strip, refusals, editor, crop.view, canvas, *crop.sliders]
    cropped = [photos, strip, crop.view, canvas]
    wire(drop.upload, add, [photos, subjects], opened[:5], notice, **options)
    wire(strip.click, press, [photos, subjects], opened, notice, **options)
    for slider in crop.sliders:
        slid = {"trigger_mode": "always_last", **options}
        wire(slider.input, move, [*one, *crop.sliders], cropped, notice, **slid)
    wire(crop.view.click, place, one, [*cropped, crop.x, crop.y], notice, **options)
    for event, act in ((canvas.input, "input"), (canvas.click, "click"), (canvas.upload, "upload")):
        wire(event, mask(act), one, [photos, strip, canvas], notice, **options)
    wire(subjects.change, name, one, [strip, canvas], notice, **options)
    wire(remove.click, drop_one, one, [photos, chosen, strip, editor], notice, **options)
    wire(close.click, shut, [photos, subjects], [chosen, strip, editor], notice, **options)
    return PhotosBox(photos, subjects, chosen, strip, refusals, editor)
