"""The photos of a training as squares, and the files that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.photos.advice import Advice, PhotoAdvice
from studio.photos.mask_checks import masks_sentence
from studio.photos.photo import Photo, Refusal
from studio.photos.refusals import refusals_summary
from studio.ui.parts.icons import icon
from studio.ui.parts.markup import button, data_url
from studio.ui.train.mask_overlay import Subjects, with_mask_overlay
from studio.words import tr, trn

TILE_SIDE = 160
MAX_UNFOLDED = 3  # refusals whose reasons are shown at once
USE = tr("Select one to crop it, to say where the subject is, or to write a caption.")
DRAG = tr("Drag one to another place.")
KEYS = tr("Arrows go from photo to photo, Shift and arrows move one, Delete removes it.")
TIPS = (
    tr("Five to ten sharp photos of it alone are better than thirty of which some are not."),
    tr(
        "Show it from other sides, in other places and light: what all photos share is learned along with it."
    ),
    tr("It should fill a good part of the square. Select a photo to crop it closer."),
    tr("Where something else is in sight, say with a mask where it is, or in a caption what else is there."),
)


def photo_tips() -> str:
    """Return what makes good photos, folded."""
    lines = "".join(f"<li>{escape(tip)}</li>" for tip in TIPS)
    title = escape(tr("What makes good photos"))
    return f'<details class="photo-tips"><summary>{title}</summary><ul>{lines}</ul></details>'


def photo_strip(
    photos: Sequence[Photo],
    subjects: Subjects,
    advice: PhotoAdvice | None = None,
    buttons: str = "",
    note: str = "",
) -> str:
    """Return the squares with their masks and captions, each a button that opens the editor.

    `scripts/photo_strip.js` lets them be dragged, and moved and removed by keyboard.

    Args:
        advice: on these photos, shown as badges and, where it is on all of them, in a line below.
        buttons: HTML of more buttons, below the photos.
        note: HTML of what has just been done.
    """
    row = f'<p class="actions photo-scenes">{buttons}</p>' if buttons else ""
    if not photos:
        return row + note
    pieces = advice.by_photo if advice else ((),) * len(photos)
    together = advice.together if advice else ()
    tiles = "".join(
        _tile(photo, number, len(photos), subjects, said)
        for number, (photo, said) in enumerate(zip(photos, pieces, strict=True))
    )
    masks = masks_sentence(photos, subjects.titles)
    lines = "".join(f'<p class="faint photo-advice">{escape(tr(one.sentence))}</p>' for one in together)
    if advised := sum(map(bool, pieces)):
        hint = trn(
            "{count} photo has a badge with advice: select it to read more. You can train all the same.",
            "{count} photos have badges with advice: select one to read more. You can train all the same.",
            advised,
        )
        lines += f'<p class="faint photo-advice">{escape(hint)}</p>'
    words = trn(
        "{count} photo, squared as it is trained on.",
        "{count:,} photos, squared as they are trained on.",
        len(photos),
    )
    return (
        f'<div class="tiles" data-photos="{len(photos)}">{tiles}</div>{note}<p class="row faint">'
        f"<span>{escape(f'{words} {masks} {USE}')}<span class='dragging'> {escape(DRAG)}</span>"
        f"<span class='keys'> {escape(KEYS)}</span></span>"
        f"{button('clear', tr('Clear'))}</p>{row}{lines}"
    )


def _tile(photo: Photo, number: int, count: int, subjects: Subjects, pieces: Sequence[Advice]) -> str:
    alt, remove = tr("{name}, adjust", name=photo.name), escape(tr("Remove {name}", name=photo.name))
    if count > 1:
        alt = tr("{name}, {number} of {count}, adjust", name=photo.name, number=number + 1, count=count)
    title = escape(" ".join([photo.name, *(f"– {tr(advice.sentence)}" for advice in pieces)]))
    caption = f'<p class="tile-caption" title="{escape(photo.caption)}">{escape(photo.caption)}</p>'
    return (
        f'<div class="photo-tile" draggable="{str(count > 1).lower()}" data-number="{number}">'
        f'<button type="button" class="tile" data-action="choose" data-id="{number}" title="{title}"'
        ' aria-keyshortcuts="Shift+ArrowLeft Shift+ArrowRight Delete" aria-haspopup="dialog">'
        f'<img src="{data_url(with_mask_overlay(photo, TILE_SIDE, subjects))}" draggable="false"'
        f' alt="{escape(alt)}">{_badges(pieces)}</button>'
        f'<button type="button" class="tile-remove" data-action="remove" data-id="{number}"'
        f' aria-label="{remove}" title="{remove}">{icon("close")}</button>'
        f"{caption if photo.caption else ''}</div>"
    )


def _badges(pieces: Sequence[Advice]) -> str:
    """Return the badges of a photo; the title of its tile says what they mean."""
    words = ", ".join(tr(advice.badge) for advice in pieces)
    return f'<span class="tile-mark advice" aria-hidden="true">{escape(words)}</span>' if pieces else ""


def refusals_card(refusals: Sequence[Refusal], count: int = 1) -> str:
    """Return a card with one sentence about the files that were left out, and the reason for each.

    Args:
        count: how many files there were.
    """
    if not refusals:
        return ""
    rows = "".join(f"<li><b>{escape(refusal.name)}</b> {escape(refusal.reason)}</li>" for refusal in refusals)
    title = tr("This file was left out") if count <= 1 else refusals_summary(refusals, count)
    listed = f"<ul>{rows}</ul>"
    if len(refusals) > MAX_UNFOLDED:
        listed = f"<details><summary>{escape(tr('Which files, and why'))}</summary>{listed}</details>"
    return f'<div class="card refusals" role="alert"><strong>{escape(title)}</strong>{listed}</div>'
