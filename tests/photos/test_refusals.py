"""One sentence for many files that were left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from studio.photos.photo import Refusal, open_photos
from studio.photos.refusals import refusals_summary
from studio.ui.train.photo_strip import refusals_card


def test_the_sentence_counts_each_kind() -> None:
    refusals = [Refusal("a", "it is …", "damaged"), Refusal("b", "", "format"), Refusal("c", "", "format")]
    assert refusals_summary(refusals, 40) == "3 of 40 were not taken: 2 are no pictures, 1 is damaged"
    assert refusals_summary(refusals[:1], 2) == "1 of 2 was not taken: 1 is damaged"
    assert refusals_summary([Refusal("a", "", "unheard of")], 0) == "1 of 1 was not taken: 1 cannot be used"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Forty files: 33 photos that differ, and one or two of each kind that cannot be used."""
    paths = []
    for number in range(33):
        picture = Image.new("RGB", (48, 40), (7 * number, 255 - 7 * number, 90))
        ImageDraw.Draw(picture).ellipse(
            (number % 12, 4, number % 12 + 20, 30), fill=(255 - 7 * number, 9, 40)
        )
        paths.append(tmp_path / f"{number:02d}.png")
        picture.save(paths[-1])
    for name, content in (
        ("letter.png", b"Dear Lily"),
        ("note.jpg", b"x"),
        ("cut.png", paths[0].read_bytes()[:150]),
    ):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    for name, picture in (
        ("flat.png", Image.new("RGB", (48, 48), "red")),
        ("small.png", Image.new("RGB", (8, 8))),
        ("long.png", Image.new("RGB", (400, 40))),
        ("twin.png", Image.open(paths[3])),
    ):
        paths.append(tmp_path / name)
        picture.save(paths[-1])
    return paths


def test_forty_files_with_ten_that_are_of_no_use(files: list[Path]) -> None:
    photos, refusals = open_photos([*files[33:], *files[:33]][::-1])
    assert len(photos) == 30 and len(refusals) == 10
    assert refusals_summary(refusals, 40) == (
        "10 of 40 were not taken: 2 are no pictures, 1 is damaged, 1 is one flat colour, 1 is too small, "
        "1 is too long and narrow, 4 are beyond the number that can be used at once"
    ) or "1 shows the same as another" in refusals_summary(refusals, 40)


def test_the_card_has_one_sentence_and_folds_many_reasons() -> None:
    one = Refusal("<b>.png", "it is damaged", "damaged")
    assert refusals_card([]) == ""
    assert "This file was left out" in refusals_card([one]) and "&lt;b&gt;.png" in refusals_card([one])
    few, many = refusals_card([one] * 3, 9), refusals_card([one] * 4, 9)
    assert "3 of 9 were not taken: 3 are damaged" in few and "<details>" not in few
    assert "<details>" in many and many.count("<li>") == 4
