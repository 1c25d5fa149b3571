"""The field for the caption of a photo."""

from __future__ import annotations

import gradio as gr

from studio.limits import MAX_CAPTION_LETTERS

INFO = (
    "Optional. What else the photo shows is then not learned as the subject. Say the noun, or {} where"
    " it is. Text files of the photos' names, dropped in with them, fill this in."
)


def caption_box() -> gr.Textbox:
    """Create the field."""
    return gr.Textbox(
        label="Caption",
        info=INFO,
        placeholder="a cat asleep on a green sofa",
        elem_id="photo-caption",
        max_length=MAX_CAPTION_LETTERS,
        lines=2,
    )
