"""The photos of a training as squares, and the files that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.photos.mask_checks import masks_sentence
from studio.photos.photo import Photo, Refusal
from studio.ui.parts.markup import button, data_url
from studio.ui.train.mask_overlay import Subjects, with_mask_overlay
from studio.ui.train.session_photos import NONE

TILE_SIDE = 160
CAPTIONED = '<span class="tile-mark">caption</span>'


def photo_strip(photos: Sequence[Photo], subjects: Subjects, chosen: int = NONE) -> str:
    """Return the squares with their masks, each a button that opens the editor; `chosen` is marked."""
    if not photos:
        return ""
    tiles = "".join(
        f'<button type="button" class="tile" data-action="choose" data-id="{number}"'
        f' aria-pressed="{str(number == chosen).lower()}" title="{escape(photo.name)}">'
        f'<img src="{data_url(with_mask_overlay(photo, TILE_SIDE, subjects))}"'
        f' alt="{escape(photo.name)}, adjust">{CAPTIONED if photo.caption else ""}</button>'
        for number, photo in enumerate(photos)
    )
    names = [subjects.title(number) for number in range(len(subjects.names))]
    masks = masks_sentence(photos, names)
    words = "1 photo" if len(photos) == 1 else f"{len(photos)} photos"
    return (
        f'<div class="tiles">{tiles}</div><p class="row faint"><span>{words}, squared as they are trained on.'
        f" {escape(masks)} Select one to move its square, to say where the subject is, or to write a"
        f" caption.</span>{button('clear', 'Clear')}</p>"
    )


def refusals_card(refusals: Sequence[Refusal], failed: Sequence[str] = ()) -> str:
    """Return a card with the files that were left out and why; `failed` could not be uploaded."""
    reasons = [(refusal.name, refusal.reason) for refusal in refusals]
    reasons += [(name, "it could not be uploaded; it may be too large") for name in failed]
    if not reasons:
        return ""
    rows = "".join(f"<li><b>{escape(name)}</b> {escape(reason)}</li>" for name, reason in reasons)
    title = "This file was left out" if len(reasons) == 1 else f"{len(reasons)} files were left out"
    return f'<div class="card refusals" role="alert"><strong>{title}</strong><ul>{rows}</ul></div>'
