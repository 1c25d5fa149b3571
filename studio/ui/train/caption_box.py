"""The field for the caption of a photo."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.limits import MAX_CAPTION_LETTERS
from studio.method_card import Needs

INFO = (
    "Optional. What else the photo shows is then not learned as the subject. Say the noun, or {} where"
    " it is. Text files of the photos' names, dropped in with them, fill this in."
)


SORTED_INFO = (
    "Which kind this photo shows, such as red, or colour: red where you sort by several things. Photos of one"
    " kind have the same words."
)


def caption_box() -> gr.Textbox:
    """Create the field."""
    return gr.Textbox(**_texts(False), elem_id="photo-caption", max_length=MAX_CAPTION_LETTERS, lines=2)


def caption_for(needs: Needs) -> dict[str, Any]:
    """Return the change that asks for what a method makes of captions: a description, or the category."""
    return gr.update(**_texts(needs.sorted))


def _texts(is_sorted: bool) -> dict[str, str]:
    """Return what stands around the field."""
    if is_sorted:
        return {"label": "Category", "info": SORTED_INFO, "placeholder": "red"}
    return {"label": "Caption", "info": INFO, "placeholder": "a cat asleep on a green sofa"}
