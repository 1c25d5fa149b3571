"""Small pieces of HTML. Everything that came from a user is escaped."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from datetime import datetime
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from studio.errors import StudioError, shortened
from studio.words import tr, trn

JPEG_QUALITY = 88
MAX_REFUSALS = 60  # files or jobs that one card names
MONTHS = (
    *(tr("Jan"), tr("Feb"), tr("Mar"), tr("Apr"), tr("May"), tr("Jun")),
    *(tr("Jul"), tr("Aug"), tr("Sep"), tr("Oct"), tr("Nov"), tr("Dec")),
)


def file_url(path: Path) -> str:
    """Return the address of a file in one of the served folders. It changes when the file does.

    A file that was deleted since it was listed has one too: its picture is missing, and all else is shown.
    """
    try:
        version = path.stat().st_mtime_ns
    except OSError:
        version = 0
    return f"gradio_api/file={quote(os.fsencode(path.as_posix()))}?v={version}"


def data_url(picture: Image.Image) -> str:
    """Return `picture` as a data URL of a JPEG, for pictures that are in no file yet."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def button(
    action: str,
    label: str,
    id: object = "",
    kind: str = "quiet",
    title: str = "",
    ask: str = "",
    write: str = "",
    value: str = "",
) -> str:
    """Return a button; a click on it reaches the handler of its block as (action, id).

    Args:
        kind: "quiet", "strong", "link", or "danger" for what destroys something.
        title: what the browser shows while the pointer is over it.
        ask: a question that the page asks first, to be answered with the button's label.
        write: what the page asks for first, to be written in a line; `written_text` of
            `studio.ui.parts.html_blocks` reads it. `value` is what stands there already.
    """
    question = f' data-ask="{escape(ask)}"' if ask else ""
    if write:
        question += f' data-write="{escape(write)}" data-value="{escape(value)}"'
    return (
        f'<button type="button" class="action action-{kind}" data-action="{escape(action)}"'
        f' data-id="{escape(str(id))}"{question}{_title(title)}>{escape(label)}</button>'
    )


def segments(action: str, label: str, choices: dict[str, str], chosen: str) -> str:
    """Return joined buttons of which one is chosen; `choices` maps their ids to words."""
    buttons = "".join(
        f'<button type="button" class="segment" data-action="{action}" data-id="{escape(id)}"'
        f' aria-pressed="{str(id == chosen).lower()}">{escape(words)}</button>'
        for id, words in choices.items()
    )
    return f'<div class="segments" role="group" aria-label="{escape(label)}">{buttons}</div>'


def download(path: Path, label: str, name: str = "") -> str:
    """Return a link that saves a file unchanged, under `name` if one is given."""
    target = f'href="{escape(file_url(path))}" download="{escape(name or path.name)}"'
    return f'<a class="action action-quiet" {target}>{escape(label)}</a>'


def facts(pairs: Mapping[str, Any], terms: Mapping[str, str] | None = None) -> str:
    """Return a list of names and values; empty values are left out.

    `terms`: by name, what the browser shows while the pointer is over it, such as the term of the papers.
    """
    terms = terms or {}
    rows = (
        f"<div><dt{_title(terms.get(name, ''))}>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in pairs.items()
        if value not in ("", None)
    )
    return f'<dl class="facts">{"".join(rows)}</dl>'


def _title(text: str) -> str:
    return f' title="{escape(text)}"' if text else ""


def error_card(error: StudioError, buttons: str = "") -> str:
    """Return a card that says what went wrong and what to do about it."""
    hint = f"<p>{escape(error.hint)}</p>" if error.hint else ""
    row = f'<div class="actions">{buttons}</div>' if buttons else ""
    return f'<div class="card error" role="alert"><strong>{escape(error.message)}</strong>{hint}{row}</div>'


def note_card(text: str, buttons: str = "") -> str:
    """Return a card with a sentence that is no error, and buttons if any."""
    return f'<div class="card note" role="status"><span>{escape(text)}</span>{buttons}</div>'


def unreadable_card(
    title: str, action: str, errors: Mapping[Any, StudioError], label: str = tr("To the trash")
) -> str:
    """Return a card that names files or jobs that cannot be read, each with a button; empty for none.

    `errors`: by what the button carries as its id. Of very many, the first are named and the others counted.
    """
    rows = "".join(
        f"<li>{escape(str(error))} {button(action, label, shortened(str(id)))}</li>"
        for id, error in islice(errors.items(), MAX_REFUSALS)
    )
    if len(errors) > MAX_REFUSALS:
        rows += f"<li>{escape(tr('and {count:,} more', count=len(errors) - MAX_REFUSALS))}</li>"
    return f'<div class="card refusals"><strong>{escape(title)}</strong><ul>{rows}</ul></div>' if rows else ""


def placeholder(title: str, text: str, buttons: str = "") -> str:
    """Return a box that says what will appear here."""
    row = f'<div class="actions">{buttons}</div>' if buttons else ""
    return f'<div class="empty"><strong>{escape(title)}</strong><p>{escape(text)}</p>{row}</div>'


def duration(seconds: float) -> str:
    """Return a time as people say it: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
    if minutes:
        return tr("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return tr("{seconds} s", seconds=rest)


def ago(seconds: float) -> str:
    """Return how long ago something was: "just now", "2 min ago", "3 h ago", "2 days ago"."""
    minutes = int(seconds // 60)
    if minutes >= 24 * 60:
        return trn("{count} day ago", "{count} days ago", minutes // (24 * 60))
    if minutes >= 60:
        return tr("{hours} h ago", hours=minutes // 60)
    return tr("{minutes} min ago", minutes=minutes) if minutes > 0 else tr("just now")


def local_time(time: float | str) -> str:
    """Return a time in the local zone: "23 Nov 2026, 09:41". A text that is no ISO time stays as it is."""
    try:
        when = datetime.fromisoformat(time) if isinstance(time, str) else datetime.fromtimestamp(time)
    except ValueError:
        return str(time)[:40]
    local = when.astimezone()
    month = MONTHS[local.month - 1]
    return tr(
        "{day} {month} {year}, {time}", day=local.day, month=month, year=local.year, time=f"{local:%H:%M}"
    )


def file_size(size: int) -> str:
    """Return a size in words: "12 kB", "3.4 MB", "6.9 GB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
