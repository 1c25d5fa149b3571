"""The trash in the Library: what was deleted, to be brought back or deleted for good."""

from __future__ import annotations

import functools
import time
from html import escape

import gradio as gr

from studio.concepts.header import read_header
from studio.concepts.preview import open_preview
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, pressed_button
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.markup import ago, button, file_size, file_url
from studio.ui.parts.pager import first_of_page, pager, turned_page
from studio.ui.parts.thumbnails import small_picture
from studio.words import tr, trn
from studio.workspace.trash import Trashed
from studio.workspace.workspace import Workspace

PAGE_SIZE = 24
GOOD = tr("Delete for good")
KIND_WORDS = {
    "concept": tr("concept"),
    "picture": tr("picture"),
    "preset": tr("preset"),
    "file": tr("file"),
}


def trash_list(workspace: Workspace, is_open: bool, page: int = 0) -> str:
    """Return how much is in the trash and, when it is open, a page of what that is; empty for nothing."""
    count = workspace.trash.count()
    if not count:
        return ""
    size = file_size(workspace.trash.size())
    toggle = button("close-trash", tr("Hide")) if is_open else button("open-trash", tr("Show"))
    title = escape(tr("Trash"))
    things_words = escape(trn("{count} thing, {size}", "{count:,} things, {size}", count, size=size))
    head = f"<header><h2>{title}</h2><span class='faint'>{things_words}</span>{toggle}</header>"
    if not is_open:
        return f'<section class="trash" aria-label="{title}">{head}</section>'
    things = workspace.trash.newest(PAGE_SIZE, first_of_page(page, count, PAGE_SIZE))
    rows = "".join(_row(workspace, thing) for thing in things)
    question = trn(
        "Delete {count} thing ({size}) for good? Nothing of it can be brought back.",
        "Delete {count:,} things ({size}) for good? Nothing of it can be brought back.",
        count,
        size=size,
    )
    empty = button("empty-trash", tr("Empty the trash"), kind="danger", ask=question)
    return (
        f'<section class="trash" aria-label="{title}">{head}<ul class="job-lines">{rows}</ul>'
        f'{pager(page, count, PAGE_SIZE, "things")}<div class="actions">{empty}</div></section>'
    )


def _row(workspace: Workspace, thing: Trashed) -> str:
    about = [KIND_WORDS.get(thing.kind, thing.kind), file_size(thing.size)]
    if thing.deleted:
        about.insert(1, tr("deleted {when}", when=ago(time.time() - thing.deleted)))
    question = tr("Delete {name} for good? It cannot be brought back.", name=thing.title)
    restore = button("restore", tr("Restore"), thing.file) if thing.kind != "file" else ""
    buttons = restore + button("delete-for-good", GOOD, thing.file, "danger", ask=question)
    return (
        f'<li class="trashed">{_thumbnail(workspace, thing)}<span><b>{escape(thing.title)}</b>'
        f'<small>{escape(" · ".join(about))}</small></span><span class="actions">{buttons}</span></li>'
    )


def _thumbnail(workspace: Workspace, thing: Trashed) -> str:
    path = workspace.trash.folder / thing.file
    about = f"trash {thing.file} {thing.size}"
    if thing.kind == "concept":
        small = small_picture(workspace, about, lambda: open_preview(read_header(path).preview))
    elif thing.kind == "picture" and path.is_file() and not path.is_symlink():
        small = small_picture(workspace, about, lambda: open_preview(path.read_bytes()))
    else:
        small = None
    if small is None:
        return '<span class="portrait letter" aria-hidden="true">·</span>'
    return f'<img class="portrait" src="{escape(file_url(small))}" alt="" loading="lazy">'


def trash_panel(workspace: Workspace, connector: Connector, notice: gr.HTML) -> LiveView:
    """Build the panel."""
    is_open, page = gr.State(False), gr.State(0)
    block = button_block("trash")

    def press(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if (turned := turned_page(action, id)) is not None:
            return {page: turned}
        match action:
            case "open-trash" | "close-trash":
                return {is_open: action == "open-trash", page: 0}
            case "restore":
                workspace.trash.restore(id)
            case "delete-for-good":
                workspace.trash.delete(id)
            case "empty-trash":
                workspace.trash.empty()
                return {is_open: False, page: 0}
            case _:
                return None
        return {}

    connector.connect(block.click, press, outputs=[is_open, page], notice=notice)
    return LiveView(block, functools.partial(trash_list, workspace), {"is_open": is_open, "page": page})
