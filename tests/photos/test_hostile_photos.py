"""Photos that are huge, damaged or strange in their colours: within half a gigabyte, and no other lost."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageOps

from studio.errors import StudioError
from studio.photos import decoding
from studio.photos.photo import open_photo, open_photos

MEMORY = """
import sys
from pathlib import Path
from studio.errors import StudioError
from studio.photos.photo import open_photo
try:
    print(*open_photo(Path(sys.argv[1])).image.size)
except StudioError as error:
    print(error.message)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def scene(width: int = 120, height: int = 80) -> Image.Image:
    """A picture whose corners differ."""
    generator = np.random.default_rng(0)
    picture = Image.fromarray(generator.integers(0, 255, (8, 12, 3), dtype=np.uint8)).resize((width, height))
    ImageDraw.Draw(picture).rectangle((0, 0, width // 4, height // 4), fill=(255, 0, 0))
    return picture


def huge_jpeg(path: Path, width: int, height: int) -> None:
    """Write a JPEG of one row of blocks, again and again, so that nothing of its size is ever in memory."""
    buffer = io.BytesIO()
    scene(width, 16).save(buffer, "JPEG", quality=80, subsampling="4:2:0")
    content = buffer.getvalue()
    frame, scan = content.index(b"\xff\xc0"), content.index(b"\xff\xda")
    head = bytearray(content[:scan])
    head[frame + 5 : frame + 7] = struct.pack(">H", height)
    head += b"\xff\xdd\x00\x04" + struct.pack(">H", width // 16)  # a restart after each row of blocks
    start = scan + 2 + struct.unpack(">H", content[scan + 2 : scan + 4])[0]
    row, rows = content[start:-2], height // 16
    body = b"".join(row + bytes((0xFF, 0xD0 + number % 8)) for number in range(rows - 1)) + row
    path.write_bytes(bytes(head) + content[scan:start] + body + b"\xff\xd9")


def bomb(path: Path, side: int, rows: int) -> None:
    """Write a PNG of `side` x `side` pixels that holds its first `rows`."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(rows * (1 + 3 * side)), 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def opened_apart(path: Path) -> tuple[str, float]:
    """Open a photo in a process of its own; return what came of it, and the most memory in MB."""
    answer = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    said, kilobytes = answer.stdout.splitlines()
    return said, int(kilobytes) / 1000


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
@pytest.mark.parametrize(("width", "height"), [(12000, 9008), (16320, 12240)])
def test_photos_of_108_and_200_megapixels_open_below_half_a_gigabyte(
    tmp_path: Path, width: int, height: int
) -> None:
    huge_jpeg(tmp_path / "huge.jpg", width, height)
    said, memory = opened_apart(tmp_path / "huge.jpg")
    assert said == f"{round(1024 * width / height)} 1024"
    assert memory < 500


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
@pytest.mark.parametrize(
    ("side", "reason"), [(20_000, "400 million pixels"), (9_500, "more pixels than its file can hold")]
)
def test_a_small_file_that_claims_to_be_huge_is_refused(tmp_path: Path, side: int, reason: str) -> None:
    bomb(tmp_path / "bomb.png", side, 100)
    assert (tmp_path / "bomb.png").stat().st_size < 8_000
    said, memory = opened_apart(tmp_path / "bomb.png")
    assert reason in said and memory < 500


def test_formats_that_take_more_memory_may_have_fewer_pixels(tmp_path: Path) -> None:
    for size, suffix in (((6000, 5000), "webp"), ((10_001, 10_000), "gif")):
        path = tmp_path / f"a.{suffix}"
        Image.new("L", size).save(path, method=0)
        with pytest.raises(StudioError, match="million pixels, too many for its format"):
            open_photo(path)


def test_one_bad_photo_loses_none_of_the_good_ones(tmp_path: Path) -> None:
    scene().save(tmp_path / "good.png")
    for suffix in ("avif", "heic", "webp", "tif", "jpg", "gif"):
        whole = tmp_path / f"whole.{suffix}"
        scene(400, 300).save(whole)
        content = bytearray(whole.read_bytes())
        whole.unlink()
        content[len(content) // 2 :] = b"\x5a" * (len(content) - len(content) // 2)
        (tmp_path / f"bad.{suffix}").write_bytes(content)
        (tmp_path / f"cut.{suffix}").write_bytes(content[: len(content) // 3])
    (tmp_path / "a folder.png").mkdir()
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert "good.png" in [photo.name for photo in photos]
    assert len(photos) + len(refusals) == 14
    for refusal in refusals:
        assert refusal.reason.startswith(("it is", "it shows the same"))


def p3_profile() -> bytes:
    """An ICC profile with the primaries of Display P3 and a gamma of 2.2, as cameras embed it."""

    def s15(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    xyz = {
        b"wtpt": (0.9642, 1.0, 0.8249),
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2919, 0.6922, 0.0419),
        b"bXYZ": (0.1572, 0.0666, 0.7841),
    }
    tags = {name: b"XYZ \0\0\0\0" + b"".join(map(s15, value)) for name, value in xyz.items()}
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags |= {name: curve for name in (b"rTRC", b"gTRC", b"bTRC")}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 3) + b"P3\0" + bytes(79)
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    size = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + b"".join(map(s15, (0.9642, 1.0, 0.8249)))
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_colours_are_those_that_the_profile_means(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("RGB", (64, 64), (200, 60, 40))
    picture.paste((40, 180, 90), (0, 0, 32, 64))
    options = {"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "jpg" else {}
    picture.save(tmp_path / f"p3.{suffix}", icc_profile=p3_profile(), **options)
    target = ImageCms.createProfile("sRGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(p3_profile()))
    expected = ImageCms.profileToProfile(picture, source, target)
    opened = open_photo(tmp_path / f"p3.{suffix}").image
    assert np.abs(np.asarray(opened, int) - np.asarray(expected, int)).mean() < 1.5
    assert np.abs(np.asarray(opened, int) - np.asarray(picture, int)).mean() > 8
    assert not opened.info


@pytest.mark.parametrize("profile", [b"not a profile at all", p3_profile()[:200], b"x" * 5_000_000])
def test_a_broken_profile_is_as_none(tmp_path: Path, profile: bytes) -> None:
    scene().save(tmp_path / "a.jpg", icc_profile=profile[:60_000])
    scene().save(tmp_path / "b.jpg")
    a, b = (np.asarray(open_photo(tmp_path / name).image) for name in ("a.jpg", "b.jpg"))
    assert np.array_equal(a, b)


def test_profiles_for_grey_and_print_colours_leave_a_photo_what_it_is(tmp_path: Path) -> None:
    scene().convert("L").save(tmp_path / "grey.png", icc_profile=p3_profile())
    scene().convert("CMYK").save(tmp_path / "print.jpg", icc_profile=p3_profile())
    assert len(open_photos([tmp_path / "grey.png"])[0]) == len(open_photos([tmp_path / "print.jpg"])[0]) == 1


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 1e6])
def test_floating_point_pictures_are_scaled_by_what_white_is_in_them(tmp_path: Path, white: float) -> None:
    ramp = np.linspace(0, white, 64 * 64, dtype=np.float32).reshape(64, 64)
    ramp[0, 0] = np.nan
    Image.fromarray(ramp).save(tmp_path / "float.tif")
    (photo,), refusals = open_photos([tmp_path / "float.tif"])
    grey = np.asarray(photo.image)
    assert not refusals and grey.min() == 0 and grey.max() == 255 and 120 < grey.mean() < 136


def test_a_white_cut_out_is_seen_and_a_dark_one_stays_on_white(tmp_path: Path) -> None:
    for name, colour in (("white", (255, 255, 255, 255)), ("blue", (0, 0, 255, 255))):
        picture = Image.new("RGBA", (64, 64))
        ImageDraw.Draw(picture).ellipse((16, 16, 48, 48), fill=colour)
        picture.save(tmp_path / f"{name}.png")
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert not refusals
    blue, white = (np.asarray(photo.image) for photo in photos)
    assert blue[0, 0].tolist() == [255] * 3
    assert white[32, 32].tolist() == [255] * 3 and white[0, 0].max() < 200


def test_a_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x12" * 40)
    assert open_photo(tmp_path / "a.jpg").image.size == (120, 80)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene().save(tmp_path / "a.png")
    monkeypatch.setattr(decoding, "MAX_PHOTO_BYTES", (tmp_path / "a.png").stat().st_size)
    assert decoding.decode(tmp_path / "a.png", 1024).size == (120, 80)
    with (tmp_path / "a.png").open("ab") as file:
        file.write(b"x")
    for source in (tmp_path / "a.png", (tmp_path / "a.png").read_bytes()):
        with pytest.raises(StudioError, match="it is larger than"):
            decoding.decode(source, 1024)


def test_a_progressive_jpeg_is_refused_when_its_coefficients_take_too_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("plain", "progressive"):
        scene(1200, 800).save(tmp_path / f"{name}.jpg", progressive=name == "progressive")
    monkeypatch.setattr(decoding, "MAX_DECODING_BYTES", 1_000_000)
    assert open_photo(tmp_path / "plain.jpg").image.size == (1200, 800)
    with pytest.raises(StudioError, match="too many for its format"):
        open_photo(tmp_path / "progressive.jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_the_exif_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    """As Pillow's own `exif_transpose`, which decodes the whole picture first."""
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = orientation
    scene().save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as picture:
        expected = ImageOps.exif_transpose(picture)
    assert np.array_equal(np.asarray(open_photo(tmp_path / "a.png").image), np.asarray(expected))
