"""A long list in pages, the newest first, so that no page of the studio grows with what is in it."""

from __future__ import annotations

from studio.ui.parts.html_blocks import to_int
from studio.ui.parts.markup import button

TURN = "turn"  # the action of the buttons; their id is the number of the page to turn to


def first_of_page(page: int, count: int, size: int) -> int:
    """Return the number of the first thing on a page, the last page when there are not so many."""
    return min(max(page, 0), max(0, count - 1) // size) * size


def pager(page: int, count: int, size: int, what: str) -> str:
    """Return buttons to the pages beside this one; empty when everything is on one page.

    Args:
        page: from 0.
        count: how many things there are, `size` on a page.
        what: the things in a word, such as "pictures".
    """
    if count <= size:
        return ""
    first = first_of_page(page, count, size)
    last, here = min(first + size, count), first // size
    newer = button(TURN, "Newer", here - 1) if here else ""
    older = button(TURN, "Show more", here + 1) if last < count else ""
    words = f"{first + 1:,} to {last:,} of {count:,} {what}"
    return f'<nav class="pager actions" aria-label="More {what}">{newer}<span>{words}</span>{older}</nav>'


def turned_page(action: str, id: str) -> int | None:
    """Return the page that a pressed button turns to, None for another button. Raises StudioError."""
    return max(0, to_int(id)) if action == TURN else None
