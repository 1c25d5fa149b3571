"""Raw files of cameras, which hold a finished picture beside what the sensor saw.

Most are TIFF files whose first picture is a thumbnail: read as a TIFF, a photo would be learned from 160
pixels. The largest JPEG inside is taken instead, if it is the whole picture and no small preview.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from studio.errors import StudioError

SUFFIXES = {
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2", ".pef"),
    *(".srw", ".x3f", ".3fr", ".iiq", ".raw", ".kdc", ".dcr", ".mrw", ".erf", ".mef", ".mos"),
}
TIFF_STARTS = {b"II*\0": "<", b"MM\0*": ">", b"IIRO": "<", b"IIRS": "<", b"MMOR": ">", b"IIU\0": "<"}
FUJI, CANON_3 = b"FUJIFILMCCD-RAW", b"ftypcrx "
WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC = 256, 257, 259, 262
STRIPS, ORIENTATION, STRIP_BYTES, INNER, JPEG_AT, JPEG_BYTES = 273, 274, 279, 330, 513, 514
PANASONIC_JPEG, DNG_VERSION = 0x2E, 50706
SENSOR = {32803, 34892}  # photometric interpretations: a colour filter array, and linear raw
MAKERS = {32767, 34713, 65535}  # compressions of Sony, Nikon and Pentax
SIZES = {1: 1, 3: 2, 4: 4, 7: 1, 13: 4}  # bytes of a value by its type
MAX_DIRECTORIES, MAX_VALUES = 32, 64
NEARLY = 0.8  # of the sensor's short side, from which a picture is the whole one
PLAIN_FRAMES = {0xC0, 0xC1, 0xC2}  # of a JPEG; the others are lossless or arithmetic
Directory = dict[int, tuple[int, ...]]


def finished_picture(source: Path | bytes, side: int) -> tuple[bytes, int] | None:
    """Return (JPEG, orientation) of the finished picture in a raw file, None for a file that is none.

    Args:
        side: pixels of the short side that are enough.

    Raises:
        StudioError: there is none inside, or only a smaller one; the message is a part of a sentence.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        start = file.read(32)
        is_raw = isinstance(source, Path) and source.suffix.lower() in SUFFIXES
        directories: list[Directory] = []
        places: list[tuple[int, int]] = []
        if start.startswith(FUJI):
            is_raw = True
            places = [struct.unpack(">II", _bytes(file, 84, 8).ljust(8, b"\0"))]
        elif start[:4] in TIFF_STARTS:
            directories = list(_directories(file, TIFF_STARTS[start[:4]]))
            places = [place for directory in directories for place in _jpegs(directory)]
            is_raw |= start[:4] not in (b"II*\0", b"MM\0*") or start[8:10] == b"CR"
            is_raw |= any(map(_is_of_sensor, directories))
        if not (is_raw or start[4:12] == CANON_3):
            return None
        found = [(min(_size(file, at, count)), at, count) for at, count in places]
        short, at, count = max(found, default=(0, 0, 0))
        sensor = max((min(_whole(one, WIDTH), _whole(one, HEIGHT)) for one in directories), default=0)
        if short < (min(side, NEARLY * sensor) if sensor else side):
            raise StudioError(
                "it is a camera's raw file, and the finished picture in it is missing or small",
                "Save it as JPEG in the camera's own program.",
            )
        return _bytes(file, at, count), _whole(directories[0], ORIENTATION, 1) if directories else 1


def _bytes(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _whole(directory: Directory, tag: int, otherwise: int = 0) -> int:
    """Return the first value of a tag."""
    return (directory.get(tag) or (otherwise,))[0]


def _is_of_sensor(directory: Directory) -> bool:
    """Return whether a directory is of what a sensor saw."""
    return (
        DNG_VERSION in directory
        or _whole(directory, PHOTOMETRIC) in SENSOR
        or _whole(directory, COMPRESSION) in MAKERS
    )


def _directories(file: BinaryIO, order: str) -> Iterator[Directory]:
    """Yield the directories of a TIFF file, each once, those inside others as well."""
    waiting, seen = [*struct.unpack(f"{order}I", _bytes(file, 4, 4).ljust(4, b"\0"))], set[int]()
    while waiting and len(seen) < MAX_DIRECTORIES:
        at = waiting.pop(0)
        head = _bytes(file, at, 2) if at else b""
        if at in seen or len(head) < 2:
            continue
        seen.add(at)
        (entries,) = struct.unpack(f"{order}H", head)
        table = file.read(12 * entries + 4)
        directory = {}
        for start in range(0, min(len(table) - 11, 12 * entries), 12):
            tag, kind, count = struct.unpack(f"{order}HHI", table[start : start + 8])
            if kind in SIZES and (0 < count <= MAX_VALUES or tag == PANASONIC_JPEG):
                directory[tag] = _values(file, order, tag, kind, count, table[start + 8 : start + 12])
        yield directory
        waiting += directory.get(INNER, ())
        if len(table) >= 12 * entries + 4:
            waiting += struct.unpack(f"{order}I", table[12 * entries : 12 * entries + 4])


def _values(file: BinaryIO, order: str, tag: int, kind: int, count: int, field: bytes) -> tuple[int, ...]:
    """Return the values of an entry; of Panasonic's JPEG, (offset, length)."""
    (at,) = struct.unpack(f"{order}I", field)
    if tag == PANASONIC_JPEG:
        return at, count
    length = SIZES[kind] * count
    content = field[:length] if length <= 4 else _bytes(file, at, length)
    letter = {1: "B", 2: "H", 4: "I"}[SIZES[kind]]
    return struct.unpack(f"{order}{len(content) // SIZES[kind]}{letter}", content) if content else (0,)


def _jpegs(directory: Directory) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of what may be a JPEG in a directory."""
    if PANASONIC_JPEG in directory:
        yield directory[PANASONIC_JPEG][0], directory[PANASONIC_JPEG][-1]
    if JPEG_AT in directory:
        yield _whole(directory, JPEG_AT), _whole(directory, JPEG_BYTES)
    if len(directory.get(STRIPS, ())) == 1 and _whole(directory, COMPRESSION) in (6, 7):
        yield _whole(directory, STRIPS), _whole(directory, STRIP_BYTES)


def _size(file: BinaryIO, at: int, count: int) -> tuple[int, int]:
    """Return (width, height) of the JPEG there, (0, 0) when it is none that can be shown."""
    place, end = at + 2, at + count
    if _bytes(file, at, 2) != b"\xff\xd8":
        return 0, 0
    while place + 9 < end:
        head = _bytes(file, place, 9)
        if len(head) < 9 or head[0] != 0xFF:
            break
        if 0xC0 <= head[1] <= 0xCF and head[1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[5:9])
            return (width, height) if head[1] in PLAIN_FRAMES else (0, 0)
        place += 2 + struct.unpack(">H", head[2:4])[0]
    return 0, 0
