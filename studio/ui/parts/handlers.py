"""Wiring: every handler of the page ends in new values, or in a card that says what to do.

A board is HTML whose buttons carry `data-act` and `data-id`; its handler learns both. A drop zone takes
files by dropping, pasting and picking, adds to what is there, and hands over where the server put them.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from studio.errors import StudioError
from studio.ui.parts.markup import error_card

log = logging.getLogger("likeness.page")
FAULT = StudioError(
    "Something went wrong inside the studio.", "The details are in page.log in the workspace folder."
)

BOARD_SCRIPT = """
element.addEventListener('click', event => {
  const source = event.target.closest('[data-act]');
  if (!source || !element.contains(source) || source.disabled) return;
  const box = source.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  trigger('click', {act: source.dataset.act, id: source.dataset.id || '', x: x, y: y});
});
"""

DROP_SCRIPT = """
const zone = element.querySelector('.drop'), input = element.querySelector('input');
const take = async list => {
  const chosen = [...list].slice(0, 60);
  if (!chosen.length || zone.classList.contains('busy')) return;
  zone.classList.add('busy');
  const files = [], failed = [];
  for (const file of chosen) {
    try { files.push((await upload(file)).path); } catch (error) { failed.push(file.name); }
  }
  zone.classList.remove('busy');
  input.value = '';
  trigger('upload', {files: files, failed: failed});
};
input.addEventListener('change', () => take(input.files));
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  zone.addEventListener(name, event => {
    event.preventDefault();
    zone.classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop') take(event.dataTransfer.files);
  });
}
document.addEventListener('paste', event => {
  if (element.offsetParent !== null && event.clipboardData.files.length) take(event.clipboardData.files);
});
zone.dataset.ready = 'yes';
"""


def drawing(value: str = "", elem_id: str | None = None, **options: Any) -> gr.HTML:
    """HTML with the page's own look."""
    return gr.HTML(value, elem_id=elem_id, apply_default_css=False, **options)


def board(elem_id: str, value: str = "", **options: Any) -> gr.HTML:
    """HTML whose `data-act` buttons reach the handlers of its `click` event."""
    return drawing(value, elem_id, js_on_load=BOARD_SCRIPT, **options)


def unseen_number(value: int) -> gr.Number:
    """A number that the page keeps and does not show."""
    return gr.Number(value, visible="hidden")


def unseen_text() -> gr.Textbox:
    """A text that the page keeps and does not show."""
    return gr.Textbox("", visible="hidden")


def drop_zone(elem_id: str, title: str, text: str, accept: str, many: bool = False) -> gr.HTML:
    """A place for files; its `upload` event brings them, see `uploaded`."""
    multiple = " multiple" if many else ""
    value = (
        f'<label class="drop"><input type="file" accept="{accept}"{multiple} aria-label="{escape(title)}">'
        f"<strong>{escape(title)}</strong><span>{escape(text)}</span></label>"
    )
    return drawing(value, elem_id, js_on_load=DROP_SCRIPT)


def uploaded(event: gr.EventData) -> tuple[list[Path], list[str]]:
    """The files that a drop zone brought, and the names of those that were too large or got lost.

    Raises StudioError for a path outside the upload folder: whoever calls the page directly may write
    anything here.
    """
    files, failed = event._data.get("files", []), event._data.get("failed", [])
    if not all(isinstance(name, str) for name in [*files, *failed]):
        raise StudioError("These are no files.", "Drop them in again.")
    place = Path(get_upload_folder()).resolve()
    paths = [Path(name).resolve() for name in files]
    if not all(path.is_relative_to(place) and path.is_file() for path in paths):
        raise StudioError("These files were not uploaded here.", "Drop them in again.")
    return paths, [name[:200] for name in failed]


def act_of(event: gr.EventData) -> tuple[str, str]:
    """Which button of a board was pressed: (act, id)."""
    return str(event._data.get("act", "")), str(event._data.get("id", ""))


def whole(text: object) -> int:
    """A whole number that a button carries. Raises StudioError when it is none."""
    try:
        return int(str(text))
    except ValueError:
        raise StudioError(f"{text!r} is not a number.", "Reload the page and try again.") from None


@dataclass
class Live:
    """A drawing that is made again whenever the page looks: `draw` takes the values of `inputs`."""

    drawing: gr.HTML
    draw: Callable[..., str]
    inputs: list[gr.State] = field(default_factory=list)


class Wire:
    """Connects events to handlers. A change of `pulse` makes the page look again.

    Gradio's queue is left out: it loses an answer that is asked for while it hangs up after the one before.
    So a State has no `change` event here; what others listen to is a number or text that is not shown.
    """

    def __init__(self) -> None:
        self.pulse = unseen_number(0)

    def __call__(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        notice: gr.HTML,
        looks_again: bool = True,
        **options: Any,
    ) -> Any:
        """Run `handler` on `event`. It returns one value for each of `outputs` (the value itself when there
        is one) or None to change nothing; what it raises becomes a card in `notice`, which success empties.
        """
        count = len(outputs)
        options.setdefault("trigger_mode", "multiple")  # else Gradio drops clicks while one is answered

        @functools.wraps(handler)
        def run(*arguments: Any) -> list[Any]:
            try:
                answer = handler(*arguments)
            except StudioError as error:
                return [*[gr.skip()] * count, error_card(error), gr.skip()]
            except Exception:
                log.exception("%s failed", handler.__qualname__)
                return [*[gr.skip()] * count, error_card(FAULT), gr.skip()]
            if answer is None:
                return [gr.skip()] * (count + 2)
            values = list(answer) if count != 1 else [answer]
            return [*values, "", time.time() if looks_again else gr.skip()]

        return event(
            run,
            list(inputs),
            [*outputs, notice, self.pulse],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
            **options,
        )
