"""The box for the photos of a training: a drop zone, the photos as squares, and an editor for one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.limits import MAX_PHOTOS
from studio.photos.advice import PhotoAdvice
from studio.photos.captions import is_caption_file, with_captions
from studio.photos.masked_folder import is_mask_file, with_mask_files
from studio.photos.photo import Photo, Refusal, open_photos
from studio.photos.photo_files import is_side_file
from studio.ui.parts.arguments import checked_text, event_values
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import (
    button_block,
    delete_uploads,
    drop_zone,
    hidden_text,
    html_block,
    left_out,
    pressed_button,
    tell_answered,
    to_int,
    uploaded_files,
)
from studio.ui.parts.markup import button, note_card
from studio.ui.parts.page_files import page_script
from studio.ui.train.mask_canvas import Propose, apply_canvas_change, canvas_state
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_editor import crop_state, editor_state, photo_editor, sent_crop
from studio.ui.train.photo_strip import photo_strip, photo_tips, refusals_card
from studio.ui.train.scenes_button import COMPOSE, TAKE_APART, change_scenes, scenes_button
from studio.ui.train.session_photos import NONE, SessionPhotos, locked
from studio.words import tr

ACCEPT = "image/*,.heic,.heif,.avif,.txt"
ONLY_NAMES = -1  # the turn of a canvas state in which only the names, or what is said, have changed
BACK, SWAP_BACK = "back", "swap-back"  # actions of the buttons that undo a removal, and a swap
NOT_UPLOADED = tr("it could not be uploaded; it may be too large")
BEYOND = tr("more files than can be taken at once")
Advise = Callable[[Sequence[Photo]], PhotoAdvice]


@dataclass
class PhotosBox:
    """The components of the box that others fill.

    Args:
        session: State of the visitor's `SessionPhotos`.
        subjects: State of the `Subjects` in the photos.
        subjects_text: a hidden text that changes whenever `subjects` does.
        pressed: what is done when a button of the strip was pressed, to go on from.
    """

    session: gr.State
    subjects: gr.State
    subjects_text: gr.Textbox
    strip: gr.HTML
    refusals: gr.HTML
    pressed: Any


def drawn_strip(session: SessionPhotos, subjects: Subjects, advise: Advise, note: str = "") -> str:
    """Return the strip with the photos of a session.

    Args:
        note: HTML of what has just been done. Where they are in the place of others, it says so too.
    """
    if session.swapped:
        note += _undo_note(tr("Your photos made room for these."), SWAP_BACK)
    scenes = scenes_button(session, subjects)
    return photo_strip(session.photos, subjects, advise(session.photos), scenes, note)


def _undo_note(words: str, action: str = BACK) -> str:
    return note_card(words, button(action, tr("Undo"), kind="strong"))


def photos_box(connector: Connector, notice: gr.HTML, propose: Propose, advise: Advise) -> PhotosBox:
    """Build the box and connect its parts.

    Args:
        propose: finds the mask of the subject that was clicked on.
        advise: says what speaks against photos.
    """
    session_state, subjects_state = gr.State(SessionPhotos()), gr.State(Subjects())
    subjects_text = hidden_text()
    text = tr("or click to choose, or paste · 1 to {count} photos of one thing", count=MAX_PHOTOS)
    drop = drop_zone("photo-drop", tr("Drop photos here"), text, ACCEPT, many=True, answered=True)
    html_block(photo_tips())
    refusals = html_block(elem_id="photo-refusals")
    strip = button_block("photo-strip", script=page_script("photo_strip"))
    editor = photo_editor()

    def drawn(session: SessionPhotos, subjects: Subjects, note: str = "") -> dict[Any, Any]:
        return {strip: drawn_strip(session, subjects, advise, note)}

    def opened(session: SessionPhotos, subjects: Subjects, number: int) -> dict[Any, Any]:
        session.photo(number)
        session.chosen = number
        said = advise(session.photos).by_photo
        return {editor: editor_state(session.photos, number, subjects, said[number] if said else ())}

    @locked
    def add(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
        paths, failed = uploaded_files(event)
        beyond = left_out(event)
        meant = [path for path in paths if not is_side_file(path)]
        captions = [path for path in meant if is_caption_file(path)]
        masks = [path for path in meant if is_mask_file(path) and path not in captions]
        pictures = [path for path in meant if path not in (*captions, *masks)]
        photos, refused = open_photos(pictures, session.photos)
        photos, unread = with_captions([*session.photos, *photos], captions)
        photos, unfitting = with_mask_files(photos, masks)
        delete_uploads(paths)
        session.photos = photos  # more at the end: the one in the editor stays there
        lost = [Refusal(name, NOT_UPLOADED, "upload") for name in failed]
        lost += [Refusal(name, BEYOND, "many") for name in beyond]
        count = len(meant) + len(lost)
        return {
            **drawn(session, subjects),
            refusals: refusals_card([*refused, *unread, *unfitting, *lost], count),
        }

    def without(session: SessionPhotos, subjects: Subjects, number: int) -> dict[Any, Any]:
        name = session.remove(number).name
        return removed(session, subjects, tr("{name} is removed.", name=name))

    def removed(session: SessionPhotos, subjects: Subjects, words: str) -> dict[Any, Any]:
        return drawn(session, subjects, _undo_note(words))

    @locked
    def press_in_strip(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if action == "clear":
            session.remove_all()
            return {**removed(session, subjects, tr("All photos are removed.")), refusals: ""}
        if action in (COMPOSE, TAKE_APART):
            change_scenes(session, subjects, action)
            return {**drawn(session, subjects), refusals: ""}
        if action in (BACK, SWAP_BACK):
            session.bring_back() if action == BACK else session.swap_back()
            return drawn(session, subjects)
        number = to_int(id)
        if action == "remove":
            return without(session, subjects, number)
        if action == "move":
            session.move(number, to_int(event_values(event).get("to")))
            return drawn(session, subjects)
        return opened(session, subjects, number)

    @locked
    def edit_photo(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
        data = event_values(event)
        action = data.get("action")
        if action == "close":
            session.chosen = NONE
            return drawn(session, subjects)
        if action == "caption":
            key, words = (checked_text(tr("The caption"), data.get(name, "")) for name in ("key", "text"))
            session.write_caption(key, words)
            return {}
        if action == "crop":
            key = checked_text(tr("The photo"), data.get("key", ""))
            number = session.number_of(key)  # whichever is in the editor by now: a close may come first
            photo = session.photo(number).cropped(sent_crop(event))
            session.put(number, photo)
            if session.chosen == NONE:
                return drawn(session, subjects)
            if session.chosen != number:
                return {}
            about = crop_state(photo, to_int(data.get("turn", 0)))
            return {editor: canvas_state(photo, session.chosen, subjects, about=about)}
        if action == "unused":
            hint = "Open that photo again, then upload the mask."
            unused = StudioError("The mask was not used, since its photo is no longer open.", hint)
            if session.chosen == NONE:
                raise unused
            photo = session.chosen_photo
            return {editor: canvas_state(photo, session.chosen, subjects, ONLY_NAMES, str(unused))}
        number = to_int(data.get("id"))
        if action == "remove":
            return without(session, subjects, number)
        if action == "move":
            number = session.move(number, to_int(data.get("to")))
        return opened(session, subjects, number)

    def canvas_handler(action: str) -> Callable[..., Changes]:
        @locked
        def change_masks(session: SessionPhotos, subjects: Subjects, event: gr.EventData) -> Changes:
            session.photos, state = apply_canvas_change(session.photos, subjects, action, event, propose)
            return {editor: state} if state else {}

        return change_masks

    @locked
    def show_names(session: SessionPhotos, subjects: Subjects) -> Changes:
        if session.chosen == NONE:
            return drawn(session, subjects)
        return {editor: canvas_state(session.chosen_photo, session.chosen, subjects, ONLY_NAMES)}

    inputs = {"session": session_state, "subjects": subjects_state}
    connect = functools.partial(connector.connect, inputs=inputs, notice=notice, refresh=False)
    added = connect(drop.upload, add, outputs=[strip, refusals])
    added.then(None, js=tell_answered("photo-drop"))
    pressed = connect(strip.click, press_in_strip, outputs=[strip, refusals, editor])
    connect(editor.edit, edit_photo, outputs=[strip, editor])
    for event, action in ((editor.input, "input"), (editor.click, "click"), (editor.upload, "upload")):
        connect(event, canvas_handler(action), outputs=[editor])
    connect(subjects_text.change, show_names, outputs=[strip, editor])
    return PhotosBox(session_state, subjects_state, subjects_text, strip, refusals, pressed)
