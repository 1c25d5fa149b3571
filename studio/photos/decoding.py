"""Pictures of strangers decoded: within limits of bytes, pixels and memory, and reduced on the way.

A photo of 200 megapixels is wanted at a few hundred pixels. A JPEG is decoded at a fraction of its size at
once; every other picture is reduced before anything else is made of it.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pillow_heif
from PIL import Image
from PIL.ImageFile import ImageFile

from studio.errors import StudioError
from studio.limits import (
    MAX_DECODING_BYTES,
    MAX_JPEG_PIXELS,
    MAX_PHOTO_ASPECT,
    MAX_PHOTO_BYTES,
    MAX_PIXELS,
    MB,
)
from studio.photos.camera_raw import finished_picture
from studio.photos.colours import eight_bits

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF")
SAVE_AGAIN = "Open it in an image program and save it as PNG or JPEG."
ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Memory that decoding and reducing take, in bytes a pixel, as measured with Pillow 12 and pillow-heif 1.8.
FORMAT_BYTES = {"WEBP": 16, "AVIF": 10, "HEIF": 8}
MODE_BYTES = {"1": 2, "L": 1, "P": 9, "PA": 9, "I;16": 6, "I;16B": 6, "I;16L": 6, "RGBA": 8, "LA": 8}
OTHER_BYTES = 4
ZLIB_RATIO = 1032  # the most that the compression of PNG can save
COEFFICIENT_BYTES = 2  # a progressive JPEG keeps one for each pixel of each of its planes

Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS  # Pillow's own limit is below what phones make
pillow_heif.register_heif_opener()


class DecodingError(StudioError):
    """A file that is no picture of use; `kind` is a key of `studio.photos.refusals.KINDS`."""

    def __init__(self, message: str, hint: str, kind: str, /, **values: object) -> None:
        super().__init__(message, hint, **values)
        self.kind = kind


def decode(
    source: Path | bytes,
    side: int,
    min_side: int = 1,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """Return the picture in a file or its bytes, upright, with a short side of at most `side` pixels.

    Args:
        min_side: pixels that the short side must have.
        resample: how a larger one is made smaller.

    Raises:
        StudioError: it cannot be decoded; the message is a part of a sentence, such as "it is damaged".
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file_bytes = _check_file(source)
            finished = finished_picture(source, side)
            source, raw_orientation = finished or (source, 1)
            file = io.BytesIO(source) if isinstance(source, bytes) else source
            with Image.open(file, formats=FORMATS) as opened:
                _check_shape(opened, min_side)
                _check_pixels(opened, file_bytes)
                turn = UPRIGHT.get(_orientation(opened, raw_orientation))
                opened.draft("RGB", (2 * side, 2 * side))
                image = _reduced(opened, side, resample)
            return image if turn is None else image.transpose(turn)
    except StudioError:
        raise
    except Image.DecompressionBombError as error:
        raise DecodingError(
            "it claims to have far too many pixels", "Choose another file.", "large"
        ) from error
    except Image.UnidentifiedImageError as error:
        what = "it is not a picture in a format this studio reads"
        raise DecodingError(what, SAVE_AGAIN, "format") from error
    except Exception as error:  # decoders raise what they like: the one of AVIF a RuntimeError
        raise DecodingError("it is damaged or cut short", SAVE_AGAIN, "damaged") from error


def _check_file(source: Path | bytes) -> int:
    """Return the size in bytes. Raises StudioError for what is no file, or too large for one."""
    if isinstance(source, Path) and source.exists() and not source.is_file():
        raise DecodingError("it is no file", "Choose a photo.", "format")
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MAX_PHOTO_BYTES:
        what = "it is larger than {megabytes} MB"
        raise DecodingError(what, "Save it smaller, as JPEG.", "large", megabytes=MAX_PHOTO_BYTES // MB)
    return size


def _check_shape(opened: ImageFile, min_side: int) -> None:
    """Raise StudioError for a picture that is too small, or too long to be a photo."""
    short, long = sorted(opened.size)
    if short < min_side:
        what = "it is only {width} x {height} pixels"
        raise DecodingError(what, "Choose a larger photo.", "small", width=opened.width, height=opened.height)
    if long > MAX_PHOTO_ASPECT * short:
        raise DecodingError("it is too long and narrow", "Cut it closer to a square.", "long")


def _check_pixels(opened: ImageFile, file_bytes: int) -> None:
    """Raise StudioError for a picture that takes too long or too much memory to decode."""
    pixels = opened.width * opened.height
    limit = MAX_JPEG_PIXELS if opened.format == "JPEG" else MAX_PIXELS
    if pixels > limit or _decoding_bytes(opened) > MAX_DECODING_BYTES:
        raise DecodingError(
            "it has {millions} million pixels, too many for its format",
            "Make it smaller, or save it as a plain JPEG.",
            "large",
            millions=pixels // 1_000_000,
        )
    if opened.format == "PNG":
        bits = 1 if opened.mode in ("1", "L", "P") else 8 * len(opened.getbands())  # of a pixel, the fewest
        if pixels * bits / 8 > ZLIB_RATIO * file_bytes:
            what = "it claims to have more pixels than its file can hold"
            raise DecodingError(what, "Choose another file.", "damaged")


def _decoding_bytes(opened: ImageFile) -> float:
    """Return an estimate of the memory that decoding takes, in bytes."""
    pixels = opened.width * opened.height
    if opened.format != "JPEG":
        return pixels * FORMAT_BYTES.get(opened.format or "", MODE_BYTES.get(opened.mode, OTHER_BYTES))
    if not opened.info.get("progressive"):
        return 0  # decoded row by row, at a fraction of its size
    planes = [(across, down) for _, across, down, _ in getattr(opened, "layer", [(0, 1, 1, 0)] * 4)]
    largest = max(across for across, _ in planes) * max(down for _, down in planes)
    return COEFFICIENT_BYTES * pixels * sum(across * down for across, down in planes) / max(1, largest)


def _orientation(opened: ImageFile, otherwise: int) -> int:
    """Return the orientation in the EXIF, or another one where it says none or is damaged."""
    try:
        return int(opened.getexif().get(ORIENTATION, otherwise))
    except Exception:  # Pillow's parser of EXIF raises what it likes
        return otherwise


def _reduced(image: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    """Return the picture, decoded, with a short side of at most `side` pixels."""
    image.load()
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode.startswith("I;16"):
        image = eight_bits(image)
    scale = side / min(image.size)
    if scale >= 1:
        return image.copy()
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, resample, reducing_gap=2.0)
