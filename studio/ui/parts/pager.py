"""A long list in pages, the newest first, so that no page of the studio grows with what is in it."""

from __future__ import annotations

from html import escape

from studio.ui.parts.html_blocks import to_int
from studio.ui.parts.markup import button
from studio.words import marked, tr

TURN = "turn"  # the action of the buttons; their id is the number of the page to turn to
# By what the things are: where one is among them, and what the buttons are called.
WORDS = {
    "concepts": (marked("{first:,} to {last:,} of {count:,} concepts"), marked("More concepts")),
    "ended jobs": (marked("{first:,} to {last:,} of {count:,} ended jobs"), marked("More ended jobs")),
    "pictures": (marked("{first:,} to {last:,} of {count:,} pictures"), marked("More pictures")),
    "things": (marked("{first:,} to {last:,} of {count:,} things"), marked("More things")),
}


def first_of_page(page: int, count: int, size: int) -> int:
    """Return the number of the first thing on a page, the last page when there are not so many."""
    return min(max(page, 0), max(0, count - 1) // size) * size


def pager(page: int, count: int, size: int, what: str) -> str:
    """Return buttons to the pages beside this one; empty when everything is on one page.

    Args:
        page: from 0.
        count: how many things there are, `size` on a page.
        what: the things, a key of `WORDS`.
    """
    if count <= size:
        return ""
    first = first_of_page(page, count, size)
    last, here = min(first + size, count), first // size
    newer = button(TURN, tr("Newer"), here - 1) if here else ""
    older = button(TURN, tr("Show more"), here + 1) if last < count else ""
    place, label = WORDS[what]
    words = escape(tr(place, first=first + 1, last=last, count=count))
    name = escape(tr(label))
    return f'<nav class="pager actions" aria-label="{name}">{newer}<span>{words}</span>{older}</nav>'


def turned_page(action: str, id: str) -> int | None:
    """Return the page that a pressed button turns to, None for another button. Raises StudioError."""
    return max(0, to_int(id)) if action == TURN else None
