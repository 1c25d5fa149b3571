"""Masks that lie in a folder of photos."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from studio.photos.masked_folder import open_masked
from studio.photos.photo import files_in


def test_a_mask_beside_the_photo_is_no_photo_but_the_mask_of_the_first_subject(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.effect_noise((64, 64), 50 + number).save(tmp_path / f"{number}.png")
        mask = Image.new("L", (64, 64))
        mask.paste(255, (0, 0, 32, 64))
        mask.save(tmp_path / f"{number}-masklabel.png")
    photos, refusals = open_masked(files_in([tmp_path]), ["<lily>", "<tom>"])
    assert [photo.name for photo in photos] == ["1.png", "2.png"] and not refusals
    assert all(photo.masks[0].getbbox() == (0, 0, 32, 64) and 1 not in photo.masks for photo in photos)
