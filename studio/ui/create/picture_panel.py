"""The right side of the Create tab: the pictures, the opened one, and what can be done with them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe, random_seed
from studio.recipes.turns import choices_of
from studio.ui.create.gallery import latest_pictures, painting_card
from studio.ui.create.gallery_tools import (
    DELETE,
    SAVE,
    STAR,
    GalleryTools,
    chosen_names,
    gallery_tools,
    tools_bar,
)
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button, to_int
from studio.ui.parts.job_cards import cards_of, draw_cards, press_card_button
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import button, download, file_size, note_card
from studio.ui.parts.page_files import page_script
from studio.ui.parts.pager import turned_page
from studio.ui.parts.recipe_card import picture_card
from studio.ui.parts.refinements import ADD, REMOVE, picture_before, refined
from studio.ui.parts.search_field import SHOW_ALL, STARRED
from studio.ui.parts.slider import SLIDER_SCRIPT
from studio.words import tr
from studio.workspace.jobs import Job
from studio.workspace.picture_archive import pack_pictures
from studio.workspace.picture_search import PictureFilter
from studio.workspace.workspace import Workspace

SAVE_PACKED = """() => setTimeout(() => {
  const link = document.querySelector('#picture-note a[download]:not([data-saved])');
  if (link) { link.dataset.saved = 'yes'; link.click(); }
}, 100)"""


def packed_folder(workspace: Workspace) -> Path:
    """Return the folder of packed pictures, which the page may serve."""
    return workspace.cache / "packed-pictures"


@dataclass
class PicturePanel:
    """The components.

    Args:
        note: says what became of pictures, with a way back.
        unfolded: State of the number of the ended job whose card is drawn whole, 0 for none.
        selected: State of the file name of the opened picture.
        opened: State of its recipe, None when none is open; `detail` shows both.
        deleted: State of the pictures deleted last: by name their paths in the trash.
        page: State of the page of the gallery, from 0.
    """

    painting: gr.HTML
    notice: gr.HTML
    note: gr.HTML
    tools: GalleryTools
    gallery: gr.HTML
    detail: gr.HTML
    unfolded: gr.State
    selected: gr.State
    opened: gr.State
    deleted: gr.State
    page: gr.State

    @property
    def shut(self) -> dict[Any, Any]:
        """The changes that close the opened picture."""
        return {self.selected: "", self.opened: None, self.detail: ""}

    @classmethod
    def build(cls) -> PicturePanel:
        """Build it, in the column that is open."""
        with gr.Column(elem_id="pictures-main", elem_classes="side"):
            painting = button_block("painting", script=SLIDER_SCRIPT)
            notice = html_block(elem_id="painting-notice")
            note = button_block("picture-note")
            tools = gallery_tools()
            gallery = button_block("gallery", script=page_script("selection", "lightbox"))
        detail = button_block("picture-detail", script=SLIDER_SCRIPT)
        states = gr.State(0), gr.State(""), gr.State(None), gr.State(None), gr.State(0)
        return cls(painting, notice, note, tools, gallery, detail, *states)


def opened_picture(workspace: Workspace, name: str) -> tuple[Recipe, str]:
    """Return the recipe of a picture of the gallery, and its card. Raises StudioError."""
    path = workspace.gallery.find(name)
    painted = read_recipe(path)
    recipe, renamed = workspace.former_names.present(painted)
    cards = workspace.refinements
    card = picture_card(
        recipe,
        cards,
        path,
        workspace.reproducibility_warnings(recipe),
        choices_of(recipe, workspace.concepts.headers()),
        starred=name in workspace.gallery.stars.names(),
        before=picture_before(workspace, painted),
        notes=renamed,
    )
    return recipe, card


def deleted_note(trashed: Mapping[str, Path], wanted: int) -> str:
    """Return the note about deleted pictures, of which so many were to be deleted."""
    count = len(trashed)
    if count != wanted:
        words = tr("{count} of {wanted} pictures are in the trash.", count=count, wanted=wanted)
    elif count == 1:
        words = tr("{name} is in the trash.", name=next(iter(trashed)))
    else:
        words = tr("{count} pictures are in the trash.", count=count)
    return note_card(words, button("undo", tr("Undo"), kind="strong") + button("close", tr("Close")))


def connect_pictures(
    workspace: Workspace, connector: Connector, panel: PicturePanel, count: gr.Slider
) -> list[LiveView]:
    """Connect what can be done with pictures, and return the views.

    Args:
        count: how many pictures the form asks for, and so "More like this".
    """
    cards, gallery, tools, shut = workspace.refinements, workspace.gallery, panel.tools, panel.shut

    def press_in_painting(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        match action:
            case "stop":
                workspace.jobs.request_stop(to_int(id), "keep")
            case "retry":
                workspace.retry(to_int(id))
            case "discard":
                workspace.jobs.request_stop(to_int(id), "discard")
            case _:
                number = press_card_button(workspace, "create", action, id)
                return None if number is None else {panel.unfolded: number}
        return {}

    def open_picture(event: gr.EventData) -> Changes:
        action, name = pressed_button(event)
        if (turned := turned_page(action, name)) is not None:
            return {panel.page: turned}
        if action == "trash":
            gallery.discard(name)
            return {}
        if action == SHOW_ALL:
            return {tools.search: "", tools.starred: False, panel.page: 0}
        if action != "open":
            return None
        recipe, card = opened_picture(workspace, name)
        return {panel.selected: name, panel.opened: recipe, panel.detail: card}

    def press_for_chosen(event: gr.EventData) -> Changes:
        action, _ = pressed_button(event)
        if action not in (STAR, SAVE, DELETE):
            return None
        names = chosen_names(event)
        if action == DELETE:
            trashed = gallery.delete_all(names)
            return {**shut, panel.note: deleted_note(trashed, len(names)), panel.deleted: trashed}
        paths = gallery.find_all(names)
        if action == STAR:
            starred = {path.name for path in paths}
            gallery.stars.give(starred, not starred <= gallery.stars.names())
            return {}
        archive = pack_pictures(paths, packed_folder(workspace))
        again = tr("Save again ({size})", size=file_size(archive.stat().st_size))
        link = download(archive, again) + button("close", tr("Close"))
        return {panel.note: note_card(tr("Packed: {name}", name=archive.name), link)}

    def press_in_detail(selected: str, event: gr.EventData) -> Changes:
        action, name = pressed_button(event)
        if action == "close":
            return shut
        if action == "star":
            gallery.find(name)
            gallery.stars.give([name], name not in gallery.stars.names())
            return {panel.detail: opened_picture(workspace, name)[1]} if name == selected else {}
        if action != "delete":
            return None
        trashed = {name: gallery.delete(name)}
        return {**shut, panel.note: deleted_note(trashed, 1), panel.deleted: trashed}

    def press_in_note(deleted: dict[str, Path] | None, event: gr.EventData) -> Changes:
        if pressed_button(event)[0] == "undo" and deleted:
            gallery.restore_all(deleted)
        return {panel.note: "", panel.deleted: None}

    def paint_again(recipe: Recipe | None, count: int, event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if recipe is None or action not in ("again", "more", ADD, REMOVE):
            return None
        if action == "more":
            recipe = replace(recipe, seed=random_seed(), count=int(count))
        workspace.create(recipe if action in ("again", "more") else refined(recipe, action, id, cards))
        return {panel.page: 0}

    def press_in_bar(starred: bool, event: gr.EventData) -> Changes:
        if pressed_button(event)[0] != STARRED:
            return None
        return {tools.starred: not starred, panel.page: 0}

    connect = functools.partial(connector.connect, notice=panel.notice)
    connect(panel.painting.click, press_in_painting, outputs=[panel.unfolded])
    opening = [*shut, panel.page, tools.search, tools.starred]
    for source in (panel.painting, panel.gallery):
        connect(source.click, open_picture, outputs=opening)
    chosen = connect(panel.gallery.click, press_for_chosen, outputs=[*shut, panel.note, panel.deleted])
    chosen.then(None, js=SAVE_PACKED)
    connect(
        panel.detail.click,
        press_in_detail,
        inputs={"selected": panel.selected},
        outputs=[*shut, panel.note, panel.deleted],
    )
    connect(
        panel.note.click,
        press_in_note,
        inputs={"deleted": panel.deleted},
        outputs=[panel.note, panel.deleted],
    )
    connect(
        panel.detail.click,
        paint_again,
        inputs={"recipe": panel.opened, "count": count},
        outputs=[panel.page],
        trigger_mode="once",
    )
    connect(
        tools.bar.click, press_in_bar, inputs={"starred": tools.starred}, outputs=[tools.starred, panel.page]
    )
    connect(tools.search.change, lambda: {panel.page: 0}, outputs=[panel.page], trigger_mode="always_last")

    def current(unfolded: int) -> Job | None:
        return next(iter(cards_of(workspace, "create", unfolded).whole), None)

    def draw_paintings(unfolded: int, selected: str) -> str:
        draw = functools.partial(painting_card, selected=selected)
        return draw_cards(workspace, "create", draw, unfolded)

    def draw_gallery(unfolded: int, selected: str, page: int, text: str, starred: bool) -> str:
        return latest_pictures(workspace, selected, current(unfolded), page, PictureFilter(text, starred))

    here = {"unfolded": panel.unfolded, "selected": panel.selected}
    return [
        LiveView(panel.painting, draw_paintings, here),
        LiveView(tools.bar, tools_bar, {"starred": tools.starred}),
        LiveView(panel.gallery, draw_gallery, {**here, "page": panel.page, **tools.states}),
    ]
