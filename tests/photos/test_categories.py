"""Photos sorted into categories, by captions and by folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.photos.categories import PLAIN_ATTRIBUTE, open_sorted, sort_photos
from tests import tiny


def test_captions_say_attribute_and_category() -> None:
    captions = ("Red", "colour: Dark  blue", "red", "Colour:green", "blue")
    found = sort_photos(captions, 5)
    assert found.names == {PLAIN_ATTRIBUTE: ("red", "blue"), "colour": ("dark blue", "green")}
    assert found.photos_in(PLAIN_ATTRIBUTE, 0) == [0, 2] and found.photos_in("colour", 1) == [3]


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ((), "3 have no category"),
        (("red", "blue", " "), "Photo 3 has no category"),
        (("red", "blue", "age:"), "Photo 3 has no category"),
        (("red", "blue", "42: old"), "names no attribute"),
        (("red", "blue", "age: old"), "only one age, old"),
        (tuple(str(number) for number in range(17)), "17 categories are too many"),
        (
            tuple(f"{a}{n}: {c}" for a, n in zip("abc", "123", strict=True) for c in range(5)),
            "125 combinations",
        ),
        (tuple(f"{a}: {c}" for a in "abcde" for c in range(2)), "5 attributes"),
    ],
)
def test_what_is_not_sorted_is_refused(captions: tuple[str, ...], message: str) -> None:
    with pytest.raises(StudioError, match=message):
        sort_photos(captions, len(captions) or 3)


def save(folder: Path, numbers: range) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        tiny.photos(6).squares[number].resize((64, 64)).save(folder / f"{number}.png")


def test_folders_name_categories_and_captions_go_before_them(tmp_path: Path) -> None:
    save(tmp_path / "toys" / "red", range(2))
    save(tmp_path / "toys" / "blue", range(2, 4))
    save(tmp_path / "toys" / "age" / "old", range(4, 5))
    (tmp_path / "toys" / "red" / "1.txt").write_text("age: new")
    (tmp_path / "toys" / "masks").mkdir()
    photos, refusals = open_sorted([tmp_path / "toys"], ("<toys>",))
    assert not refusals
    assert [photo.caption for photo in photos] == ["age: old", "blue", "blue", "red", "age: new"]


def test_a_folder_without_folders_is_sorted_by_captions(tmp_path: Path) -> None:
    save(tmp_path / "toys", range(2))
    (tmp_path / "toys" / "0.txt").write_text("red")
    photos, _ = open_sorted([tmp_path / "toys"], ("<toys>",))
    assert [photo.caption for photo in photos] == ["red", ""]
