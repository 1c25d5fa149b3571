"""Whether something was learned: the verdict in words, and a photo and a picture side by side."""

from __future__ import annotations

from html import escape
from pathlib import Path

from studio.concepts.header import Header
from studio.concepts.verdict import worst_word
from studio.ui.parts.markup import file_url, note_card
from studio.words import tr


def first_photo(folder: Path | None) -> Path | None:
    """Return the first photo in the folder of a training's photos, None where there is none."""
    return min(folder.glob("*.png"), default=None) if folder is not None and folder.is_dir() else None


def photo_and_picture(photos: Path | None, picture: str) -> str:
    """Return the first photo in a folder beside the markup of a picture; that alone where there is none."""
    if (photo := first_photo(photos)) is None:
        return picture
    if not picture.startswith("<figure"):  # else it has a caption of its own
        picture = f"<figure>{picture}<figcaption>{escape(tr('learned'))}</figcaption></figure>"
    return (
        f'<div class="photo-and-picture"><figure><img src="{escape(file_url(photo))}"'
        f' alt="{escape(tr("A photo of it"))}">'
        f"<figcaption>{escape(tr('photo'))}</figcaption></figure>{picture}</div>"
    )


def is_weak(header: Header) -> bool:
    """Return whether the verdict at the end of the training was bad for any of its handles."""
    return not all(verdict.learned for verdict in header.verdicts.values())


def weak_badge(header: Header) -> str:
    """Return a label for a concept that was not learned; empty for one that was."""
    return f"<em>{escape(tr(worst_word(header.verdicts.values())))}</em>" if is_weak(header) else ""


def verdict_notes(header: Header) -> str:
    """Return whether each handle was learned, and what to do where it was not.

    Empty for older files, which have no verdict.
    """
    notes = ""
    for handle, verdict in header.verdicts.items():
        name = f"{handle}: " if len(header.verdicts) > 1 else ""
        words = f"{name}{verdict.summary(header.settings)}"
        notes += f'<p class="faint">{escape(words)}</p>' if verdict.learned else note_card(words)
    return notes
