"""Captions of photos: what they become as prompts, and the files that they are read from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import StudioError
from studio.limits import MAX_CAPTION_BYTES, MAX_CAPTION_LETTERS
from studio.photos.captions import caption_prompt, clean_caption, with_captions
from studio.photos.masked_folder import open_masked
from studio.photos.photo import Photo
from studio.photos.photo_files import files_in
from studio.photos.photo_set import PhotoSet

LILY = ("<lily>", "cat")


@pytest.mark.parametrize(
    ("caption", "prompt"),
    [
        ("a cat in a basket", "a <lily> in a basket"),
        ("A Cat, and another cat", "A <lily>, and another cat"),
        ("cattle and a catalogue", "<lily>, cattle and a catalogue"),
        ("{} beside a cat", "<lily> beside a cat"),
        ("<LILY> beside a cat", "<LILY> beside a cat"),
        ("asleep in a basket", "<lily>, asleep in a basket"),
    ],
)
def test_the_handle_stands_where_the_subject_is_named(caption: str, prompt: str) -> None:
    assert caption_prompt(caption, *LILY) == prompt


def test_a_noun_may_have_letters_that_patterns_use() -> None:
    assert caption_prompt("my c++ (book)", "<lily>", "c++ (book)") == "my <lily>"
    assert caption_prompt("a \\1 cat", *LILY) == "a \\1 <lily>"


def test_a_caption_is_one_line_of_a_sane_length() -> None:
    assert clean_caption(" a cat\n  asleep ") == "a cat asleep"
    with pytest.raises(StudioError, match="2001 letters"):
        clean_caption("x" * (MAX_CAPTION_LETTERS + 1))


def test_files_belong_to_the_photos_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa cat\r\nasleep")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.txt").write_text("x" * (MAX_CAPTION_BYTES + 1))
    (tmp_path / "d.txt").write_text("a dog")
    photos = [Photo(f"{name}.png", Image.new("RGB", (64, 64))) for name in "abc"]
    captioned, refusals = with_captions(photos, sorted(tmp_path.glob("*.txt")))
    assert [photo.caption for photo in captioned] == ["a cat asleep", "", ""]
    assert [f"{one.name} {one.reason}" for one in refusals] == [
        "b.txt it cannot be read as text. Save it as plain text.",
        "c.txt it is too large for a caption. Put the caption of one photo into it.",
        "d.txt it is the caption of no photo here",
    ]


def test_captions_stay_with_their_photos_on_disk(tmp_path: Path) -> None:
    photos = [Photo(f"{n}.png", Image.effect_noise((64, 64), 9 + n).convert("RGB")) for n in range(3)]
    photos[1] = replace(photos[1], caption="a cat – asleep")
    made = PhotoSet.of(photos)
    made.save(tmp_path)
    opened = PhotoSet.load(tmp_path)
    assert opened.captions == ("", "a cat – asleep", "") and opened.digest == made.digest
    assert replace(made, captions=("a cat – asleep", "", "")).digest != made.digest
    assert replace(made, captions=()).digest != made.digest
    assert PhotoSet.of([photos[0]]).captions == ()


def test_a_folder_brings_captions_and_other_notes_are_passed_over(tmp_path: Path) -> None:
    for number, name in enumerate(("a.jpg", "b.png")):
        Image.effect_noise((64, 64), 40 + 50 * number).convert("RGB").save(tmp_path / name)
    (tmp_path / "a.txt").write_text("a cat asleep")
    (tmp_path / "b.TXT").write_text("a cat awake")
    (tmp_path / "notes.txt").write_text("shot in May")
    photos, refusals = open_masked(files_in([tmp_path]), ["<lily>"])
    assert [photo.caption for photo in photos] == ["a cat asleep", "a cat awake"] and not refusals
    (tmp_path / "a.txt").write_bytes(b"\xff")
    photos, refusals = open_masked(files_in([tmp_path]), ["<lily>"])
    assert [photo.caption for photo in photos] == ["", "a cat awake"]
    assert [one.name for one in refusals] == ["a.txt"]
