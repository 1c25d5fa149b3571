"""Drafts: what a browser has filled in, on disk, and nothing of it for another."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import DiskError
from studio.files import png_bytes
from studio.photos.photo import Crop, Photo
from studio.photos.swap import Naming, Swap
from studio.workspace import drafts as module
from studio.workspace.drafts import FILE, Draft, Drafts, is_draft_id

ONE, OTHER = "0" * 31 + "1", "0" * 31 + "2"


def photo(number: int = 0, side: int = 64) -> Photo:
    picture = Image.effect_noise((side + 16, side), 90).convert("RGB")
    mask = Image.new("L", picture.size)
    mask.paste(200, (number, 3, 20 + number, 30))
    return Photo(f"p{number}.jpg", picture, Crop(0.25, 0.5, 1.5), {0: mask, 2: mask.rotate(180)}, "a cat")


def same(one: Photo, other: Photo) -> bool:
    pictures = zip([one.image, *one.masks.values()], [other.image, *other.masks.values()], strict=True)
    return (one.name, one.crop, one.caption, one.is_apart, [*one.masks]) == (
        *(other.name, other.crop, other.caption, other.is_apart, [*other.masks]),
    ) and all(left.tobytes() == right.tobytes() for left, right in pictures)


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drafts:
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.01)
    return Drafts(tmp_path / "drafts")


def test_form_and_photos_come_back_to_the_bit_in_another_process(drafts: Drafts) -> None:
    photos = [photo(0), dataclasses.replace(photo(1), is_apart=True)]
    drafts.keep_form(ONE, {"concept-name": "lily", "steps": 7, "rate": 0.5, "flips": False})
    drafts.keep_photos(ONE, photos)
    drafts.flush()
    back = Drafts(drafts.folder).read(ONE)
    assert back.form == {"concept-name": "lily", "steps": 7, "rate": 0.5, "flips": False}
    assert len(back.photos) == 2 and all(map(same, photos, back.photos))


def test_photos_that_made_room_come_back_too_until_others_take_their_place(drafts: Drafts) -> None:
    own, demo, later = [photo(0), dataclasses.replace(photo(1), is_apart=True)], photo(2), photo(3)
    swap = Swap(tuple(own), (demo.image, photo(4).image), Naming(2, "lily", "cat"))
    drafts.keep_photos(ONE, [demo, later], swap)
    drafts.keep_form(ONE, {"steps": 1})
    drafts.flush()
    drafts.keep_form(ONE, {"steps": 2})
    back = Drafts(drafts.folder).read(ONE)
    assert back.swap is not None and back.swap.naming == Naming(2, "lily", "cat")
    assert len(back.swap.photos) == 2 and all(map(same, own, back.swap.photos))
    assert [back.swap.brought(one) for one in back.photos] == [True, False]
    drafts.keep_photos(ONE, [], swap)
    back = drafts.read(ONE)
    assert not back.photos and back.swap is not None and all(map(same, own, back.swap.photos))
    drafts.keep_photos(ONE, [later])
    assert drafts.read(ONE).swap is None
    assert len(list((drafts.folder / ONE).iterdir())) == 4


def test_a_draft_of_a_version_without_swaps_opens_and_a_swap_without_its_files_is_none(
    drafts: Drafts,
) -> None:
    drafts.keep_photos(ONE, [photo(0)], Swap((photo(1),), (), Naming(1, "", "")))
    drafts.flush()
    file = drafts.folder / ONE / FILE
    document = json.loads(file.read_text())
    (drafts.folder / ONE / document["swap"]["photos"][0]["file"]).unlink()
    assert len(drafts.read(ONE).photos) == 1 and drafts.read(ONE).swap is None
    del document["swap"]
    file.write_text(json.dumps(document))
    assert len(drafts.read(ONE).photos) == 1 and drafts.read(ONE).swap is None


def test_another_browser_gets_nothing_and_no_path_is_an_id(drafts: Drafts) -> None:
    drafts.keep_form(ONE, {"prompt": "secret"})
    assert drafts.read(ONE).form and drafts.read(OTHER) == Draft()
    for text in ("", "..", f"../{ONE}", ONE[:-1], ONE + "0", ONE.replace("1", "G"), f"{ONE}\n"):
        assert not is_draft_id(text) and drafts.read(text) == Draft()


def test_the_last_writer_wins_and_each_part_by_itself(drafts: Drafts) -> None:
    drafts.keep_form(ONE, {"prompt": "first"})
    drafts.keep_photos(ONE, [photo()])
    drafts.flush()
    drafts.keep_form(ONE, {"prompt": "second"})
    back = drafts.read(ONE)
    assert back.form == {"prompt": "second"} and len(back.photos) == 1
    drafts.keep_photos(ONE, [])
    assert drafts.read(ONE) == Draft({"prompt": "second"})
    assert [path.name for path in (drafts.folder / ONE).iterdir()] == [FILE]


def test_a_picture_is_written_once_and_an_unchanged_draft_not_at_all(
    drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = module.write_atomic
    monkeypatch.setattr(
        module, "write_atomic", lambda path, data: written.append(path.name) or write(path, data)
    )
    photos = [photo(0), photo(1)]
    drafts.keep_photos(ONE, photos)
    drafts.flush()
    assert len(written) == 7 and written[-1] == FILE
    drafts.keep_photos(ONE, [photos[0].cropped(Crop(1.0, 0.0, 2.0)), photos[1]])
    drafts.flush()
    assert written[7:] == [FILE]
    drafts.keep_photos(ONE, [photos[0].cropped(Crop(1.0, 0.0, 2.0)), photos[1]])
    drafts.keep_form(ONE, {})
    drafts.flush()
    assert written[8:] == []


def test_a_picture_where_another_was_in_memory_is_kept_as_itself(drafts: Drafts) -> None:
    first, second = photo(0), photo(1)
    drafts.keep_photos(ONE, [first])
    drafts.flush()
    drafts._names[id(second.image)] = drafts._names[id(first.image)]  # an id() is given again
    drafts.keep_photos(ONE, [second])
    drafts.flush()
    (back,) = Drafts(drafts.folder).read(ONE).photos
    assert same(second, back) and not same(first, back)


def test_many_changes_in_a_second_are_written_together_by_nobody_who_waits(
    drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.3)
    written: list[str] = []
    write = module.write_atomic
    monkeypatch.setattr(
        module, "write_atomic", lambda path, data: written.append(path.name) or write(path, data)
    )
    drafts.keep_photos(ONE, [photo(0, side=1000)])
    spent = time.thread_time()
    for number in range(200):
        drafts.keep_form(ONE, {"steps": number})
    assert time.thread_time() - spent < 0.1  # a PNG of this size alone takes more
    give_up = time.monotonic() + 30
    while not (drafts.folder / ONE / FILE).exists():
        assert time.monotonic() < give_up
        time.sleep(0.02)
    assert Drafts(drafts.folder).read(ONE).form == {"steps": 199} and written.count(FILE) == 1


def test_old_drafts_and_those_beyond_the_number_are_swept(
    drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{number:032x}" for number in range(6)]
    for age, id in enumerate(ids[:5]):
        drafts.keep_form(id, {"steps": age})
        drafts.flush()
        os.utime(drafts.folder / id, (time.time() - 100 * age,) * 2)
    month_old = drafts.folder / ids[1]
    os.utime(month_old, (time.time() - 31 * 86400,) * 2)
    (drafts.folder / "mine").mkdir()
    monkeypatch.setattr(module, "MAX_DRAFTS", 3)
    drafts.keep_form(ids[5], {"steps": 5})  # a new one makes room for itself
    drafts.flush()
    assert {path.name for path in drafts.folder.iterdir()} == {ids[0], ids[2], ids[5], "mine"}


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b'{"form": 7}', b'{"form": {"a": [1]}}', b'{"form": {"a": "\\ud800"}}', b"[" * 10**5,
        b'{"photos": [{"name": "a", "file": "../../etc/passwd"}]}', b'{"photos": [7]}',
        b'{"photos": [{"name": "a", "file": "a.png", "crop": [1e999, 0, 1]}]}', b'{"swap": {"photos": []}}',
    ],
)  # fmt: skip
def test_a_damaged_draft_is_an_empty_one(drafts: Drafts, text: bytes) -> None:
    folder = drafts.folder / ONE
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(text)
    assert drafts.read(ONE) == Draft()
    drafts.keep_form(ONE, {"steps": 1})
    assert drafts.read(ONE).form == {"steps": 1}


def test_a_photo_whose_file_is_gone_or_no_picture_costs_no_other(drafts: Drafts) -> None:
    drafts.keep_photos(ONE, [photo(0), photo(1), photo(2)])
    drafts.flush()
    document = json.loads((drafts.folder / ONE / FILE).read_text())
    (drafts.folder / ONE / document["photos"][0]["file"]).unlink()
    (drafts.folder / ONE / document["photos"][1]["file"]).write_bytes(b"no picture")
    wrong_size = drafts.folder / ONE / document["photos"][2]["masks"]["0"]
    wrong_size.write_bytes(png_bytes(Image.new("L", (40, 40))))
    back = drafts.read(ONE).photos
    assert [(one.name, [*one.masks]) for one in back] == [("p2.jpg", [2])]


def test_a_draft_has_so_much_room_and_no_more(drafts: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [photo(number) for number in range(3)]
    size = sum(len(png_bytes(one, compress_level=1)) for one in (photos[0].image, *photos[0].masks.values()))
    monkeypatch.setattr(module, "MAX_DRAFT_BYTES", int(2.5 * size))
    drafts.keep_photos(ONE, photos)
    assert len(drafts.read(ONE).photos) == 2


def test_a_full_disk_is_noted_and_nobody_is_told_every_second(
    drafts: Drafts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise DiskError("There is no room left on the disk for draft.json.")

    monkeypatch.setattr(module, "write_atomic", refuse)
    drafts.keep_form(ONE, {"steps": 1})
    drafts.flush()
    assert "no room left" in caplog.text and drafts.read(ONE) == Draft()
