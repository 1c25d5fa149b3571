"""Raw files of cameras: the finished picture inside is taken whole, or they are refused."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.errors import StudioError
from studio.photos.photo import open_photo, open_photos


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    ramp = Image.linear_gradient("L").resize((width, height)).convert("RGB")  # dark above
    ramp.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def raw(jpeg_inside: bytes, sensor: tuple[int, int], order: str = "<", orientation: int = 1) -> bytes:
    """Build a TIFF file: a thumbnail of zeros, and inside it a sensor's picture and a JPEG."""
    width, height = sensor
    inner = [
        [(254, 4, 1, 0), (256, 4, 1, width), (257, 4, 1, height), (262, 3, 1, 32803)],
        [(254, 4, 1, 1), (259, 3, 1, 6), (513, 4, 1, None), (514, 4, 1, len(jpeg_inside))],
    ]
    outer = [
        *((256, 3, 1, 64), (257, 3, 1, 48), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)),
        *((274, 3, 1, orientation), (277, 3, 1, 1), (278, 3, 1, 48), (279, 4, 1, 64 * 48), (330, 4, 2, -1)),
    ]
    start = 8 + 64 * 48
    places = [start + 2 + 12 * len(outer) + 4 + 8]
    places.append(places[0] + 2 + 12 * len(inner[0]) + 4)
    end = places[1] + 2 + 12 * len(inner[1]) + 4

    def table(entries: list[tuple]) -> bytes:
        body = struct.pack(f"{order}H", len(entries))
        for tag, kind, count, value in entries:
            value = end if value is None else start + 2 + 12 * len(outer) + 4 if value == -1 else value
            packed = (
                struct.pack(f"{order}H", value) + b"\0\0" if kind == 3 else struct.pack(f"{order}I", value)
            )
            body += struct.pack(f"{order}HHI", tag, kind, count) + packed
        return body + bytes(4)

    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start) + bytes(64 * 48)
    return (
        head + table(outer) + struct.pack(f"{order}II", *places) + b"".join(map(table, inner)) + jpeg_inside
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_whole_picture_inside_is_the_photo(tmp_path: Path, order: str) -> None:
    (tmp_path / "a.nef").write_bytes(raw(jpeg(1500, 1200), (1520, 1210), order))
    assert open_photo(tmp_path / "a.nef").image.size == (1280, 1024)
    (tmp_path / "old.dng").write_bytes(raw(jpeg(700, 500), (720, 510), order))
    assert open_photo(tmp_path / "old.dng").image.size == (700, 500)


def test_it_is_turned_as_the_camera_says(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(raw(jpeg(600, 400), (600, 400), orientation=3))
    pixels = np.asarray(open_photo(tmp_path / "a.tif").image)
    assert pixels[10].mean() > 200 and pixels[-10].mean() < 50


@pytest.mark.parametrize("inside", [jpeg(160, 120), b"nothing"])
def test_a_thumbnail_is_no_photo(tmp_path: Path, inside: bytes) -> None:
    for name in ("a.dng", "a.tif"):
        (tmp_path / name).write_bytes(raw(inside, (4000, 3000)))
        with pytest.raises(StudioError, match="a camera's raw file"):
            open_photo(tmp_path / name)


def test_raw_files_of_other_makes_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.cr3").write_bytes(b"\0\0\0\x18ftypcrx " + bytes(200))
    (tmp_path / "b.x3f").write_bytes(b"FOVb" + bytes(200))
    (tmp_path / "c.raf").write_bytes(b"FUJIFILMCCD-RAW " + bytes(40))
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert not photos and all("a camera's raw file" in one.reason for one in refusals)


def test_fuji_says_where_its_picture_is(tmp_path: Path) -> None:
    inside = jpeg(1500, 1100)
    head = b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 100, len(inside))
    (tmp_path / "a.raf").write_bytes(head.ljust(100, b"\0") + inside)
    assert min(open_photo(tmp_path / "a.raf").image.size) == 1024


def test_damaged_tables_end(tmp_path: Path) -> None:
    """Tables that point at themselves, or past the end."""
    whole = raw(jpeg(600, 400), (600, 400))
    generator = np.random.default_rng(0)
    for number in range(60):
        content = bytearray(whole)
        for place in generator.integers(8 + 64 * 48, 8 + 64 * 48 + 260, 6):
            content[place] = generator.integers(256)
        (tmp_path / f"{number}.dng").write_bytes(content[: generator.integers(100, len(content))])
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert len(photos) + len(refusals) == 60


def test_a_plain_tiff_is_no_raw_file(tmp_path: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "a.tif")
    assert open_photo(tmp_path / "a.tif").image.size == (256, 256)
