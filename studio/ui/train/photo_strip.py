"""The strip of a training's photos, each as the square it is trained on, and what was left out of it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.photos.photo import Photo, Refusal
from studio.ui.parts.markup import button, data_url
from studio.ui.train.mask_overlay import Subjects, veiled

TILE_SIDE = 160


def strip_of(photos: Sequence[Photo], subjects: Subjects, chosen: int = -1) -> str:
    """The squares with their masks, each a button that opens its editor."""
    if not photos:
        return ""
    tiles = "".join(
        f'<button type="button" class="tile" data-act="choose" data-id="{number}"'
        f' aria-pressed="{str(number == chosen).lower()}" title="{escape(photo.name)}">'
        f'<img src="{data_url(veiled(photo, TILE_SIDE, subjects))}" alt="{escape(photo.name)}, adjust">'
        f"</button>"
        for number, photo in enumerate(photos)
    )
    words = "1 photo" if len(photos) == 1 else f"{len(photos)} photos"
    return (
        f'<div class="tiles">{tiles}</div><p class="row faint"><span>{words}, squared as they are trained on.'
        f" Select one to move its square or to say where the subject is.</span>{button('clear', 'Clear')}</p>"
    )


def refusals_of(refusals: Sequence[Refusal], failed: Sequence[str] = ()) -> str:
    """The files that cannot be used, one by one."""
    pairs = [(refusal.name, refusal.reason) for refusal in refusals]
    pairs += [(name, "it could not be uploaded; it may be too large") for name in failed]
    if not pairs:
        return ""
    rows = "".join(f"<li><b>{escape(name)}</b> {escape(reason)}</li>" for name, reason in pairs)
    title = "This file was left out" if len(pairs) == 1 else f"{len(pairs)} files were left out"
    return f'<div class="card refusals" role="alert"><strong>{title}</strong><ul>{rows}</ul></div>'
