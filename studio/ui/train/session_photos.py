"""The table: the photos that one visitor has laid out to be learned, changed by one act after the other."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any

from studio.errors import StudioError
from studio.photos.photo import Photo


class Table:
    """`photos` in the order in which they were laid out; `chosen` is the number of the one in the editor, -1
    when there is none; `turn` is held by the act that is changing them. Not a dataclass: Gradio would take
    one apart."""

    def __init__(self, photos: Iterable[Photo] = ()) -> None:
        self.photos, self.chosen, self.turn = list(photos), -1, threading.Lock()

    def __deepcopy__(self, memo: dict) -> Table:
        """Gradio copies what a State starts with: each visitor gets a table of their own."""
        return Table(self.photos)

    def lay(self, photos: list[Photo]) -> None:
        """Lay out these photos, with none in the editor."""
        self.photos, self.chosen = photos, -1

    def at(self, number: int) -> Photo:
        """The photo `number`. Raises StudioError when there is none."""
        if not 0 <= number < len(self.photos):
            raise StudioError("That photo is no longer there.", "Select another one.")
        return self.photos[number]

    def put(self, photo: Photo) -> None:
        """Lay `photo` in the place of the chosen one. Raises StudioError when there is none."""
        self.at(self.chosen)
        self.photos = [photo if i == self.chosen else other for i, other in enumerate(self.photos)]


def in_turn(handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler`, whose first argument is a Table, with that table to itself while it runs: what is asked for
    in quick succession is done one after the other, each act on what the one before left."""

    @functools.wraps(handler)
    def run(table: Table, *arguments: Any) -> Any:
        with table.turn:
            return handler(table, *arguments)

    return run
