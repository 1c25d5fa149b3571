"""The table: one act after the other, and one table for each visitor."""

from __future__ import annotations

import copy
import threading
import time

import pytest
from PIL import Image

from studio.errors import StudioError
from studio.photos.photo import Photo
from studio.ui.train.session_photos import Table, in_turn


def photo(name: str) -> Photo:
    return Photo(name, Image.new("RGB", (8, 8)))


def test_acts_at_the_same_time_do_not_undo_each_other() -> None:
    table, start = Table(), threading.Barrier(2)

    @in_turn
    def add(table: Table, name: str) -> None:
        before = table.photos
        time.sleep(0.1)
        table.lay([*before, photo(name)])

    threads = [threading.Thread(target=lambda name=name: (start.wait(), add(table, name))) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {there.name for there in table.photos} == {"a", "b"}


def test_each_visitor_has_a_table_of_their_own() -> None:
    first = Table([photo("a")])
    second = copy.deepcopy(first)
    second.lay([])
    assert [there.name for there in first.photos] == ["a"] and second.photos == []
    assert first.turn is not second.turn


def test_a_photo_that_is_gone_is_told() -> None:
    table = Table([photo("a"), photo("b")])
    table.chosen = 1
    table.put(photo("c"))
    assert [there.name for there in table.photos] == ["a", "c"]
    table.lay(table.photos[:1])
    for act in (lambda: table.at(1), lambda: table.put(photo("d")), lambda: table.at(-1)):
        with pytest.raises(StudioError, match="no longer there"):
            act()
