"""The box for the photos of a training: a drop zone, the photos as squares, and an editor for one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.limits import MAX_PHOTOS
from studio.photos.advice import PhotoAdvice
from studio.photos.captions import is_caption_file, with_captions
from studio.photos.masked_folder import is_mask_file, with_mask_files
from studio.photos.photo import Crop, Photo, open_photos
from studio.photos.photo_files import is_side_file
from studio.ui.parts.arguments import event_share
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import (
    button_block,
    drop_zone,
    hidden_text,
    html_block,
    pressed_button,
    to_int,
    uploaded_files,
)
from studio.ui.train.caption_box import caption_box
from studio.ui.train.crop_editor import centred_crop, crop_editor, crop_from_sliders, crop_view
from studio.ui.train.mask_canvas import Propose, apply_canvas_change, canvas_state, mask_canvas
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_strip import photo_strip, refusals_card
from studio.ui.train.scenes_button import COMPOSE, TAKE_APART, change_scenes, scenes_button
from studio.ui.train.session_photos import NONE, SessionPhotos, caption_key, locked

ACCEPT = "image/*,.heic,.heif,.avif,.txt"
ONLY_NAMES = -1  # the turn of a canvas state in which only the names have changed
HIDE = {"visible": False}
Advise = Callable[[Sequence[Photo]], PhotoAdvice]


@dataclass
class PhotosBox:
    """The components of the box that others fill.

    Args:
        session: State of the visitor's `SessionPhotos`.
        subjects: State of the `Subjects` in the photos.
        subjects_text: a hidden text that changes whenever `subjects` does.
        typed: the field for captions and the key of its photo, for `SessionPhotos.write_caption`.
    """

    session: gr.State
    subjects: gr.State
    subjects_text: gr.Textbox
    strip: gr.HTML
    refusals: gr.HTML
    editor: gr.Column
    typed: dict[str, Any]


def photos_box(connector: Connector, notice: gr.HTML, propose: Propose, advise: Advise) -> PhotosBox:
    """Build the box and connect its parts.

    Args:
        propose: finds the mask of the subject that was clicked on.
        advise: says what speaks against photos.
    """
    session_state, subjects_state = gr.State(SessionPhotos()), gr.State(Subjects())
    subjects_text = hidden_text()
    text = f"or click to choose, or paste · 1 to {MAX_PHOTOS} photos of one thing"
    drop = drop_zone("photo-drop", "Drop photos here", text, ACCEPT, many=True)
    refusals = html_block(elem_id="photo-refusals")
    strip = button_block("photo-strip")
    with gr.Column(visible=False, elem_id="crop-editor", elem_classes="card") as editor:
        crop = crop_editor()
        caption = caption_box()
        captioned = hidden_text()  # which photo the text in the field belongs to
        canvas = mask_canvas()
        with gr.Row(elem_classes="actions"):
            done = gr.Button("Done", size="sm", elem_id="crop-done")
            remove = gr.Button("Remove this photo", size="sm", variant="stop", elem_id="crop-remove")

    def drawn(session: SessionPhotos, subjects: Subjects) -> dict[Any, Any]:
        scenes = scenes_button(session, subjects)
        return {strip: photo_strip(session.photos, subjects, session.chosen, advise(session.photos), scenes)}

    @locked
    def add(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
        paths, failed = uploaded_files(event)
        meant = [path for path in paths if not is_side_file(path)]
        captions = [path for path in meant if is_caption_file(path)]
        masks = [path for path in meant if is_mask_file(path) and path not in captions]
        pictures = [path for path in meant if path not in (*captions, *masks)]
        photos, refused = open_photos(pictures, session.photos)
        photos, unread = with_captions([*session.photos, *photos], captions)
        photos, unfitting = with_mask_files(photos, masks)
        for path in paths:
            path.unlink(missing_ok=True)
        session.replace_all(photos)
        return {
            **drawn(session, subjects),
            refusals: refusals_card([*refused, *unread, *unfitting], failed),
            editor: gr.update(**HIDE),
        }

    @locked
    def press_in_strip(
        session: SessionPhotos, subjects: Subjects, caption_text: str, key: str, event: gr.EventData
    ) -> Changes:
        session.write_caption(key, caption_text)
        action, id = pressed_button(event)
        if action in ("clear", COMPOSE, TAKE_APART):
            if action == "clear":
                session.start_anew([])
            else:
                change_scenes(session, subjects, action)
            return {**drawn(session, subjects), refusals: "", editor: gr.update(**HIDE)}
        photo = session.photo(number := to_int(id))
        session.chosen = number
        return {
            **drawn(session, subjects),
            editor: gr.update(visible=True),
            crop.view: crop_view(photo),
            canvas: canvas_state(photo, number, subjects),
            caption: photo.caption,
            captioned: caption_key(photo, number),
            **crop.at(photo.crop),
        }

    def cropped(session: SessionPhotos, subjects: Subjects, new: Crop) -> dict[Any, Any]:
        photo = session.chosen_photo.cropped(new)
        session.replace_chosen(photo)
        scene = canvas_state(photo, session.chosen, subjects)
        return {**drawn(session, subjects), crop.view: crop_view(photo), canvas: scene}

    @locked
    def move_crop(session: SessionPhotos, subjects: Subjects, sliders: dict[str, float]) -> Changes:
        return cropped(session, subjects, crop_from_sliders(**sliders))

    @locked
    def centre_crop(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
        x, y = (event_share(event, name) for name in "xy")
        new = centred_crop(session.chosen_photo, x, y)
        return cropped(session, subjects, new) | crop.at(new)

    @locked
    def write_caption(session: SessionPhotos, subjects: Subjects, caption_text: str, key: str) -> Changes:
        return drawn(session, subjects) if session.write_caption(key, caption_text) else {}

    def canvas_handler(action: str) -> Callable[..., Changes]:
        @locked
        def change_masks(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
            session.photos, state = apply_canvas_change(session.photos, subjects, action, event, propose)
            return drawn(session, subjects) | ({canvas: state} if state else {})

        return change_masks

    @locked
    def show_names(session: SessionPhotos, subjects: Subjects) -> Changes:
        if session.chosen == NONE:
            return drawn(session, subjects)
        state = canvas_state(session.chosen_photo, session.chosen, subjects, ONLY_NAMES)
        return {**drawn(session, subjects), canvas: state}

    @locked
    def remove_photo(session: SessionPhotos, subjects: Subjects) -> Changes:
        session.remove_chosen()
        return {**drawn(session, subjects), editor: gr.update(**HIDE)}

    @locked
    def close_editor(session: SessionPhotos, subjects: Subjects, caption_text: str, key: str) -> Changes:
        session.write_caption(key, caption_text)
        session.chosen = NONE
        return {**drawn(session, subjects), editor: gr.update(**HIDE)}

    inputs = {"session": session_state, "subjects": subjects_state}
    connect = functools.partial(connector.connect, inputs=inputs, notice=notice, refresh=False)
    connect(drop.upload, add, outputs=[strip, refusals, editor])
    opened = [strip, refusals, editor, crop.view, canvas, caption, captioned, *crop.sliders.values()]
    typed = {"caption_text": caption, "key": captioned}
    connect(strip.click, press_in_strip, inputs={**inputs, **typed}, outputs=opened)
    for slider in crop.sliders.values():
        connect(
            slider.input,
            move_crop,
            inputs={**inputs, "sliders": crop.sliders},
            outputs=[strip, crop.view, canvas],
            trigger_mode="always_last",
        )
    connect(crop.view.click, centre_crop, outputs=[strip, crop.view, canvas, *crop.sliders.values()])
    connect(
        caption.change,
        write_caption,
        inputs={**inputs, **typed},
        outputs=[strip],
        trigger_mode="always_last",
    )
    for event, action in ((canvas.input, "input"), (canvas.click, "click"), (canvas.upload, "upload")):
        connect(event, canvas_handler(action), outputs=[strip, canvas])
    connect(subjects_text.change, show_names, outputs=[strip, canvas])
    connect(remove.click, remove_photo, outputs=[strip, editor])
    connect(done.click, close_editor, inputs={**inputs, **typed}, outputs=[strip, editor])
    return PhotosBox(session_state, subjects_state, subjects_text, strip, refusals, editor, typed)
