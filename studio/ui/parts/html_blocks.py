"""HTML parts of the page: plain blocks, blocks with buttons, and zones for files.

The buttons of a `button_block` carry `data-action` and `data-id`; the handler of its `click` event reads both
with `pressed_button`. A `drop_zone` takes files by dropping, pasting and picking; the handler of its `upload`
event reads them with `uploaded_files`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from studio.errors import DiskError, StudioError
from studio.files import delete_file
from studio.ui.parts.arguments import MAX_LETTERS, RELOAD, checked_text, event_values, is_number
from studio.ui.parts.page_files import page_script
from studio.words import tr

MAX_DIGITS = 20  # of a whole number, and letters of what is quoted of another text


def html_block(value: str = "", elem_id: str | None = None, **options: Any) -> gr.HTML:
    """Create a block of HTML that only `assets/styles` style."""
    return gr.HTML(value, elem_id=elem_id, apply_default_css=False, **options)


def button_block(elem_id: str, value: str = "", script: str = "", **options: Any) -> gr.HTML:
    """Create a block of HTML whose `data-action` buttons trigger its `click` event.

    `script` is more JavaScript to run in the block.
    """
    return html_block(value, elem_id, js_on_load=page_script("buttons") + script, **options)


def drop_zone(
    elem_id: str, title: str, text: str, accept: str, many: bool = False, answered: bool = False
) -> gr.HTML:
    """Create a zone for files; its `upload` event brings them. Files that come meanwhile wait.

    Args:
        answered: whether it is told when the files were handled (`tell_answered`); until then it is busy.
    """
    multiple = " multiple" if many else ""
    value = (
        f'<label class="drop"{" data-answered" * answered}>'
        f'<input type="file" accept="{accept}"{multiple} aria-label="{escape(title)}">'
        f'<strong>{escape(title)}</strong><span role="status">{escape(text)}</span>'
        f'<progress max="1" hidden aria-label="{escape(tr("Upload"))}"></progress></label>'
    )
    return html_block(value, elem_id, js_on_load=page_script("drop_zone"))


def tell_answered(elem_id: str) -> str:
    """Return the JavaScript of an event that tells a drop zone that its files were handled."""
    return f"() => {{ document.querySelector('#{elem_id} .drop').dispatchEvent(new Event('answered')); }}"


def hidden_number(value: int, precision: int | None = None) -> gr.Number:
    """Create a number that the browser keeps and does not show; with precision 0 it is a whole one."""
    return gr.Number(value, visible="hidden", precision=precision)


def hidden_text(elem_id: str | None = None, max_letters: int = MAX_LETTERS) -> gr.Textbox:
    """Create a text that the browser keeps and does not show."""
    return gr.Textbox("", visible="hidden", elem_id=elem_id, max_length=max_letters)


def pressed_button(event: gr.EventData) -> tuple[str, str]:
    """Return the (action, id) of the button of a `button_block` that was pressed.

    Raises StudioError when the event does not say.
    """
    values = event_values(event)
    action, id = (checked_text(tr("The button"), values.get(name, "")) for name in ("action", "id"))
    return action, id


def left_out(event: gr.EventData) -> list[str]:
    """Return the names of files that a drop zone did not even upload, since there were too many."""
    names = event_values(event).get("left", [])
    return [str(name)[:200] for name in names[:1000]] if isinstance(names, list) else []


def written_text(event: gr.EventData) -> str:
    """Return what was written before the button of a `button_block` was pressed. Raises StudioError."""
    return checked_text(tr("What was written"), event_values(event).get("text", ""))


def to_int(text: object) -> int:
    """Return the whole number that a button carries. Raises StudioError when it is none."""
    try:
        number = int(str(text)[:MAX_DIGITS])
    except ValueError:
        raise StudioError("{text!r} is not a number.", RELOAD, text=str(text)[:MAX_DIGITS]) from None
    if not is_number(number):
        raise StudioError("That number is too large.", RELOAD)
    return number


def uploaded_files(event: gr.EventData) -> tuple[list[Path], list[str]]:
    """Return the files that a drop zone brought, and the names of those that could not be uploaded.

    Raises StudioError for a path outside the upload folder: a program that calls the page directly may send
    any path.
    """
    values = event_values(event)
    files, failed = values.get("files", []), values.get("failed", [])
    if not all(isinstance(names, list) for names in (files, failed)):
        raise StudioError("These are no files.", "Drop them in again.")
    if not all(isinstance(name, str) and "\0" not in name for name in [*files, *failed]):
        raise StudioError("These are no files.", "Drop them in again.")
    folder = Path(get_upload_folder()).resolve()
    paths = [Path(name).resolve() for name in files]
    if not all(path.is_relative_to(folder) and path.is_file() for path in paths):
        raise StudioError("These files were not uploaded here.", "Drop them in again.")
    return paths, [name[:200] for name in failed]


def delete_uploads(paths: Iterable[Path]) -> None:
    """Delete uploaded files that were read; one that something else has open stays until the next start."""
    for path in paths:
        with suppress(DiskError):
            delete_file(path)
