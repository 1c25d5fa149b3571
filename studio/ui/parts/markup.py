"""The page's own HTML: small pieces, everything that came from a user escaped."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from studio.errors import StudioError

JPEG_QUALITY = 88


def file_url(path: Path) -> str:
    """Where the browser finds a file of the allowed folders; changes when the file does."""
    return f"gradio_api/file={quote(path.as_posix())}?v={path.stat().st_mtime_ns}"


def data_url(picture: Image.Image) -> str:
    """`picture` as a JPEG inside the page, for pictures that are in no file yet."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def button(act: str, label: str, id: object = "", kind: str = "quiet", title: str = "") -> str:
    """A button of a board: a click on it reaches the board's handler as (act, id)."""
    hint = f' title="{escape(title)}"' if title else ""
    return (
        f'<button type="button" class="act act-{kind}" data-act="{escape(act)}" data-id="{escape(str(id))}"'
        f"{hint}>{escape(label)}</button>"
    )


def segments(act: str, label: str, choices: dict[str, str], chosen: str) -> str:
    """Buttons of a board in one piece, of which one is chosen: `choices` maps ids to words."""
    buttons = "".join(
        f'<button type="button" class="segment" data-act="{act}" data-id="{escape(id)}"'
        f' aria-pressed="{str(id == chosen).lower()}">{escape(words)}</button>'
        for id, words in choices.items()
    )
    return f'<div class="segments" role="group" aria-label="{escape(label)}">{buttons}</div>'


def download(path: Path, label: str, name: str = "") -> str:
    """A link that saves the very bytes of a file."""
    name = escape(name or path.name)
    return f'<a class="act act-quiet" href="{escape(file_url(path))}" download="{name}">{escape(label)}</a>'


def facts(pairs: dict[str, Any]) -> str:
    """A list of names and values; empty values are left out."""
    rows = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in pairs.items()
        if value not in ("", None)
    )
    return f'<dl class="facts">{"".join(rows)}</dl>'


def error_card(error: StudioError, buttons: str = "") -> str:
    """What went wrong, and what to do about it."""
    hint = f"<p>{escape(error.hint)}</p>" if error.hint else ""
    acts = f'<div class="acts">{buttons}</div>' if buttons else ""
    return f'<div class="card error" role="alert"><strong>{escape(error.message)}</strong>{hint}{acts}</div>'


def note_card(text: str, buttons: str = "") -> str:
    """A quiet sentence, with what can be done about it."""
    return f'<div class="card note" role="status"><span>{escape(text)}</span>{buttons}</div>'


def empty(title: str, text: str) -> str:
    """What stands where nothing is yet."""
    return f'<div class="empty"><strong>{escape(title)}</strong><p>{escape(text)}</p></div>'


def duration(seconds: float) -> str:
    """Seconds as people say them: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(time: float | str) -> str:
    """A moment in local time: "23 Nov, 09:41". A text that is no ISO moment stays as it is."""
    try:
        when = datetime.fromisoformat(time) if isinstance(time, str) else datetime.fromtimestamp(time)
    except ValueError:
        return str(time)[:40]
    local = when.astimezone()
    return f"{local.day} {local:%b %Y, %H:%M}"


def size_words(size: int) -> str:
    """A file's size: "12 kB", "3.4 MB"."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
