"""The photos of a training as squares, and the files that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.photos.advice import Advice, PhotoAdvice
from studio.photos.mask_checks import masks_sentence
from studio.photos.photo import Photo, Refusal
from studio.ui.parts.markup import button, data_url
from studio.ui.train.mask_overlay import Subjects, with_mask_overlay
from studio.ui.train.session_photos import NONE

TILE_SIDE = 160
CAPTIONED = '<span class="tile-mark">caption</span>'


def photo_strip(
    photos: Sequence[Photo],
    subjects: Subjects,
    chosen: int = NONE,
    advice: PhotoAdvice | None = None,
    buttons: str = "",
) -> str:
    """Return the squares with their masks, each a button that opens the editor; `chosen` is marked.

    Args:
        advice: on these photos, shown as badges and, where it is on all of them, in a line below.
        buttons: HTML of more buttons, below the photos.
    """
    row = f'<p class="actions photo-scenes">{buttons}</p>' if buttons else ""
    if not photos:
        return row
    pieces = advice.by_photo if advice else ((),) * len(photos)
    together = advice.together if advice else ()
    titles = [escape(_title(photo, said)) for photo, said in zip(photos, pieces, strict=True)]
    tiles = "".join(
        f'<button type="button" class="tile" data-action="choose" data-id="{number}"'
        f' aria-pressed="{str(number == chosen).lower()}" title="{titles[number]}">'
        f'<img src="{data_url(with_mask_overlay(photo, TILE_SIDE, subjects))}"'
        f' alt="{escape(photo.name)}, adjust">{CAPTIONED if photo.caption else ""}'
        f"{_badges(pieces[number])}</button>"
        for number, photo in enumerate(photos)
    )
    masks = masks_sentence(photos, subjects.titles)
    words = "1 photo" if len(photos) == 1 else f"{len(photos)} photos"
    lines = "".join(f'<p class="faint photo-advice">{escape(one.sentence)}</p>' for one in together)
    advised = sum(map(bool, pieces))
    if advised:
        said = "1 photo has a badge" if advised == 1 else f"{advised} photos have badges"
        hint = f"{said} with advice: hold the pointer over it, or select it. You can train all the same."
        lines += f'<p class="faint photo-advice">{hint}</p>'
    return (
        f'<div class="tiles">{tiles}</div><p class="row faint"><span>{words}, squared as they are trained on.'
        f" {escape(masks)} Select one to move its square, to say where the subject is, or to write a"
        f" caption.</span>{button('clear', 'Clear')}</p>{row}{lines}"
    )


def _title(photo: Photo, pieces: Sequence[Advice]) -> str:
    return " ".join([photo.name, *(f"– {advice.sentence}" for advice in pieces)])


def _badges(pieces: Sequence[Advice]) -> str:
    """Return the badges of a photo; the title of its tile says what they mean."""
    words = ", ".join(advice.badge for advice in pieces)
    return f'<span class="tile-mark advice" aria-hidden="true">{escape(words)}</span>' if pieces else ""


def refusals_card(refusals: Sequence[Refusal], failed: Sequence[str] = ()) -> str:
    """Return a card with the files that were left out and why; `failed` could not be uploaded."""
    reasons = [(refusal.name, refusal.reason) for refusal in refusals]
    reasons += [(name, "it could not be uploaded; it may be too large") for name in failed]
    if not reasons:
        return ""
    rows = "".join(f"<li><b>{escape(name)}</b> {escape(reason)}</li>" for name, reason in reasons)
    title = "This file was left out" if len(reasons) == 1 else f"{len(reasons)} files were left out"
    return f'<div class="card refusals" role="alert"><strong>{title}</strong><ul>{rows}</ul></div>'
