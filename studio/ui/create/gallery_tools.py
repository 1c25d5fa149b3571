"""What stands above the gallery: the search, the filter for starred pictures, and choosing several."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.limits import MAX_CHOSEN
from studio.ui.parts.arguments import RELOAD, checked_text, event_values
from studio.ui.parts.html_blocks import button_block
from studio.ui.parts.icons import icon
from studio.ui.parts.search_field import nothing_found_card, search_field, starred_switch
from studio.words import tr
from studio.workspace.picture_search import PictureFilter

# names of what the bar of chosen pictures asks for; `scripts/selection.js` sends them with the pictures
STAR, SAVE, DELETE = "star-chosen", "save-chosen", "delete-chosen"
MANY = {
    STAR: ("star", tr("Star")),
    SAVE: ("download", tr("Download")),
    DELETE: ("delete", tr("Delete")),
}


@dataclass
class GalleryTools:
    """The components; `starred` is the State of whether only starred pictures are shown."""

    search: gr.Textbox
    bar: gr.HTML
    starred: gr.State

    @property
    def states(self) -> dict[str, Any]:
        """What a search of the gallery gets."""
        return {"text": self.search, "starred": self.starred}


def gallery_tools() -> GalleryTools:
    """Build the search field, and the bar beside it."""
    with gr.Row(elem_id="gallery-tools", elem_classes="tight"):
        search = search_field(tr("the pictures"), tr("words, <lily>, a method"), "picture-search", scale=2)
        bar = button_block("gallery-bar", tools_bar(False))
    return GalleryTools(search, bar, gr.State(False))


def tools_bar(starred: bool) -> str:
    """Return the switch for starred pictures, and the bar for choosing several at once."""
    many = "".join(
        f'<button type="button" class="action action-quiet" data-many="{action}" disabled>'
        f"{icon(drawing)}{escape(label)}</button>"
        for action, (drawing, label) in MANY.items()
    )
    return (
        f"{starred_switch(starred)}"
        f'<button type="button" class="round-button plain" data-select aria-pressed="false">'
        f"{icon('select')}{escape(tr('Select'))}</button>"
        f'<div class="chosen-bar" role="group" aria-label="{escape(tr("Selected pictures"))}">'
        f'<span role="status" class="chosen-count">{escape(tr("None selected"))}</span>'
        f'<button type="button" class="action action-quiet" data-all>{escape(tr("All here"))}</button>'
        f"{many}</div>"
    )


def nothing_found(wanted: PictureFilter) -> str:
    """Return what stands in place of the gallery when no picture is wanted."""
    return nothing_found_card(
        wanted.words,
        wanted.starred,
        title=tr("No picture found"),
        hint=tr("None has all of these words in its prompt, concepts, method or base. Try fewer."),
        starred_hint=tr(
            "Among the starred pictures none has all of these words "
            "in its prompt, concepts, method or base. Try fewer."
        ),
        no_stars=tr("Open a picture and press its star: it is kept here."),
        show_all=tr("Show all pictures"),
    )


def chosen_names(event: gr.EventData) -> list[str]:
    """Return the file names of the pictures that the bar sends. Raises StudioError when it sends none."""
    names = event_values(event).get("names")
    if not isinstance(names, list):
        raise StudioError("The page did not say which pictures.", RELOAD)
    if len(names) > MAX_CHOSEN:
        raise StudioError(
            "{count:,} pictures are too many.",
            "Select at most {max_chosen:,} at once.",
            count=len(names),
            max_chosen=MAX_CHOSEN,
        )
    if not names:
        raise StudioError("No picture is selected.", "Click on those that you mean.")
    return [checked_text(tr("A picture's name"), name) for name in names]
