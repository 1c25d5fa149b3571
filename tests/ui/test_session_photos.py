"""The photos of one visitor: handlers run one after the other, and no visitor sees those of another."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from PIL import Image

from studio.errors import StudioError
from studio.photos.photo import Photo
from studio.photos.swap import Naming, Swap
from studio.ui.train.session_photos import NONE, SessionPhotos, locked, photo_key


def photo(name: str) -> Photo:
    return Photo(name, Image.new("RGB", (8, 8)))


def names(session: SessionPhotos) -> list[str]:
    return [photo.name for photo in session.photos]


def test_handlers_at_the_same_time_do_not_undo_each_other() -> None:
    photos, start = SessionPhotos(), threading.Barrier(2)

    @locked
    def add(session: SessionPhotos, name: str) -> None:
        before = session.photos
        time.sleep(0.1)
        session.replace_all([*before, photo(name)])

    def run(name: str) -> None:
        start.wait()
        add(session=photos, name=name)

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(names(photos)) == {"a", "b"}


def test_each_visitor_has_photos_and_a_lock_of_their_own() -> None:
    first = SessionPhotos([photo("a")])
    second = copy.deepcopy(first)
    second.replace_all([])
    assert names(first) == ["a"] and second.photos == []
    assert first.lock is not second.lock


def test_the_chosen_photo_is_replaced_and_removed() -> None:
    session = SessionPhotos([photo("a"), photo("b")])
    session.chosen = 1
    session.put(1, photo("c"))
    assert names(session) == ["a", "c"] and session.chosen_photo.name == "c"
    session.remove(1)
    assert names(session) == ["a"] and session.chosen == NONE


def test_a_photo_that_is_gone_is_named_in_an_error() -> None:
    session = SessionPhotos([photo("a")])
    for use in (
        lambda: session.photo(1),
        lambda: session.photo(NONE),
        lambda: session.put(1, photo("d")),
        lambda: session.remove(1),
        lambda: session.move(3, 0),
    ):
        with pytest.raises(StudioError, match="no longer there"):
            use()


def test_a_caption_is_kept_with_its_photo_though_another_is_in_the_editor() -> None:
    session = SessionPhotos([photo("a"), photo("b")])
    session.chosen = 1
    assert session.write_caption(photo_key(session.photos[0], 0), " a cat\n asleep ")
    assert [one.caption for one in session.photos] == ["a cat asleep", ""] and session.chosen == 1
    assert not session.write_caption(photo_key(session.photos[0], 0), "a cat awake")
    assert session.photos[0].caption == "a cat awake"
    session.remove(1)
    assert not session.write_caption("1 b", "a dog") and len(session.photos) == 1


def test_a_photo_is_moved_and_stays_the_one_in_the_editor() -> None:
    session = SessionPhotos(map(photo, "abcd"))
    session.chosen = 0
    assert session.move(0, 2) == 2 and names(session) == list("bcad") and session.chosen == 2
    assert session.move(3, 0) == 0 and names(session) == list("dbca") and session.chosen == NONE
    assert session.move(1, 99) == 3 and names(session) == list("dcab")


def test_what_was_removed_comes_back_where_it_was_and_later_changes_stay() -> None:
    session = SessionPhotos(map(photo, "abc"))
    assert session.remove(1).name == "b"
    session.chosen = 0
    session.put(0, replace(session.chosen_photo, caption="new"))
    session.replace_all([*session.photos, photo("d")])
    session.bring_back()
    assert names(session) == list("abcd") and session.photos[0].caption == "new"
    session.remove_all()
    assert not session.all_photos
    session.bring_back()
    assert names(session) == list("abcd")
    session.bring_back()
    assert names(session) == list("abcd")


def test_photos_that_were_put_aside_come_back_too() -> None:
    session = SessionPhotos([photo("a"), replace(photo("b"), is_apart=True)])
    session.start_anew(session.photos)
    session.remove_all()
    session.bring_back()
    assert names(session) == ["a"] and [one.name for one in session.apart] == ["b"]


def test_what_is_changed_of_a_photo_finds_it_whichever_is_in_the_editor_by_now() -> None:
    session = SessionPhotos([photo("a"), photo("b"), photo("b")])
    session.chosen = NONE
    assert [session.number_of(photo_key(one, n)) for n, one in enumerate(session.photos)] == [0, 1, 2]
    session.put(session.number_of("2 b"), photo("c"))
    assert names(session) == ["a", "b", "c"] and session.chosen == NONE
    with pytest.raises(StudioError, match="no longer there"):
        session.number_of("2 b")


def test_what_was_added_to_a_demo_stays_when_the_photos_come_back_that_it_took_the_place_of() -> None:
    own, later, naming = [photo("a"), photo("b")], photo("later"), Naming(1, "lily", "cat")
    session = SessionPhotos(own)
    session.swap([photo("puppy"), photo("dog")], naming)
    session.put(0, replace(session.photos[0], caption="a puppy"))  # changed, and still of the demo
    session.photos = [*session.photos, later]
    session.swap_back()
    assert session.photos == [*own, later] and session.restored == naming
    session.swap([photo("puppy")], naming)
    session.photos = [*session.photos, photo("more")]
    session.swap([photo("tractor")], Naming(1, "puppy", "dog"))
    assert names(session) == ["tractor"]
    session.swap_back()
    assert names(session) == ["a", "b", "later", "more"] and session.restored == naming


def test_scenes_that_photos_of_a_demo_are_part_of_go_with_them() -> None:
    session = SessionPhotos([photo("a")])
    session.swap([photo("puppy")], Naming(1, "lily", "cat"))
    session.put_into_scenes([*session.photos, photo("later")], [photo("scene 1")])
    session.swap_back()
    assert names(session) == ["a", "later"] and not session.apart


def test_what_a_demo_took_the_place_of_comes_back_also_after_a_second_demo() -> None:
    own, one, other = [photo("a"), photo("b")], [photo("puppy")], [photo("tractor")]
    session = SessionPhotos(own)
    session.swap(one, Naming(2, "lily", "cat"))
    session.swap(other, Naming(1, "puppy", "dog"))
    assert session.photos == other
    assert session.swapped is not None and session.swapped.naming == Naming(2, "lily", "cat")
    session.swap_back()
    assert session.photos == own and session.restored == Naming(2, "lily", "cat") and session.swapped is None
    empty = SessionPhotos()
    empty.swap(one, Naming(1, "", ""))
    assert empty.photos == one and empty.swapped is None


def test_what_a_demo_took_the_place_of_outlives_that_its_photos_are_removed() -> None:
    own, demo, naming = [photo("a"), photo("b")], [photo("puppy"), photo("dog")], Naming(1, "lily", "cat")
    session = SessionPhotos(own)
    session.remove(1)
    session.swap(demo, naming)
    session.bring_back()
    assert session.photos == demo  # what was removed before does not come among the photos of a demo
    session.remove(0)
    session.bring_back()
    assert session.photos == demo and session.swapped is not None
    session.remove(1)
    session.remove_all()
    session.swap_back()
    assert names(session) == ["a"] and session.restored == naming and session.swapped is None
    session.swap_back()
    session.bring_back()
    assert names(session) == ["a"]


def test_photos_of_ones_own_that_are_learned_take_the_place_of_those_that_made_room() -> None:
    session = SessionPhotos([photo("a")])
    session.swap([photo("puppy")], Naming(1, "lily", "cat"))
    assert not session.settle() and session.swapped is not None
    session.put_into_scenes(session.photos, [photo("scene 1")])
    assert not session.settle()
    session.take_apart()
    session.photos = [*session.photos, photo("b")]
    assert session.settle() and session.swapped is None
    session.swap_back()
    assert names(session) == ["puppy", "b"] and not session.settle()


def test_what_made_room_is_kept_with_the_photos_and_comes_back_with_them() -> None:
    kept: list[tuple[list[str], Swap | None]] = []

    @locked
    def change(session: SessionPhotos, what: Callable[[], object]) -> None:
        what()

    def keep(photos: Sequence[Photo], swap: Swap | None) -> None:
        kept.append(([photo.name for photo in photos], swap))

    session = SessionPhotos()
    session.restore([photo("a")], keep)
    change(session=session, what=lambda: session.swap([photo("puppy")], Naming(1, "lily", "cat")))
    change(session=session, what=session.remove_all)
    swap = session.swapped
    assert kept == [(["puppy"], swap), ([], swap)] and swap is not None
    change(session=session, what=lambda: setattr(session, "swapped", None))
    assert kept[2:] == [([], None)]
    again = SessionPhotos()
    again.restore([], keep, swap)
    assert again.swapped is swap and not again.is_empty
    again.restore([photo("b")], keep)  # what is here already stays
    again.swap_back()
    assert names(again) == ["a"]


def test_after_a_fresh_start_nothing_comes_back_and_no_photo_is_in_the_place_of_another() -> None:
    session = SessionPhotos([photo("a")])
    session.swap([photo("puppy")], Naming(1, "lily", "cat"))
    session.begin([])
    assert session.swapped is None and not session.all_photos
    session.photos = [photo("b")]
    session.swap_back()
    assert names(session) == ["b"] and session.restored is None
    session.remove(0)
    session.begin([photo("c")])
    session.bring_back()
    assert names(session) == ["c"]
