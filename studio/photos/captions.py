"""Captions of photos: read from text files beside them, and turned into the prompts of a training.

A photo `dog.jpg` has its caption in `dog.txt`, as trainers of other programs have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from studio.errors import StudioError
from studio.limits import MAX_CAPTION_BYTES, MAX_CAPTION_LETTERS
from studio.photos.photo import Photo, Refusal
from studio.words import mid_sentence, tr

SUFFIX = ".txt"
PLACE = "{}"  # stands in a caption where the subject's name belongs


def caption_prompt(caption: str, handle: str, noun: str) -> str:
    """Return a caption as a prompt that names the subject.

    The handle takes the place of `{}`; without one, of the first noun, unless the handle is there already.
    It comes first where the caption has none of them: "<lily>, asleep in a basket".
    """
    if PLACE in caption:
        return caption.replace(PLACE, handle)
    if handle in caption.lower():
        return caption
    word = re.compile(rf"(?<!\w){re.escape(noun)}(?!\w)", re.IGNORECASE)
    named, count = word.subn(lambda match: handle, caption, count=1)
    return named if count else f"{handle}, {caption}"


def clean_caption(text: str) -> str:
    """Return a caption in one line. Raises StudioError when it is too long."""
    caption = " ".join(text.split())
    if len(caption) > MAX_CAPTION_LETTERS:
        hint = "{most} are the most."
        raise StudioError(
            "The caption has {count} letters.",
            hint,
            count=len(caption),
            most=MAX_CAPTION_LETTERS,
        )
    return caption


def read_caption(path: Path) -> str:
    """Return the caption in a text file. Raises StudioError when it cannot be one."""
    try:
        if path.stat().st_size > MAX_CAPTION_BYTES:
            raise StudioError("It is too large for a caption.", "Put the caption of one photo into it.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise StudioError("It cannot be read as text.", "Save it as plain text.") from error
    return clean_caption(text)


def is_caption_file(path: Path) -> bool:
    """Return whether a file is a caption by its name."""
    return path.suffix.lower() == SUFFIX


def with_captions(photos: Sequence[Photo], files: Iterable[Path]) -> tuple[list[Photo], list[Refusal]]:
    """Return the photos with the captions of these files, and the refusals of those that fit no photo.

    A file belongs to the photo of its name.
    """
    captioned, refusals = list(photos), []
    for file in files:
        fitting = [number for number, photo in enumerate(captioned) if Path(photo.name).stem == file.stem]
        if not fitting:
            refusals.append(Refusal(file.name, tr("it is the caption of no photo here"), "caption"))
            continue
        try:
            caption = read_caption(file)
        except StudioError as error:
            refusals.append(Refusal(file.name, f"{mid_sentence(error.message)} {error.hint}", "caption"))
            continue
        for number in fitting:
            captioned[number] = replace(captioned[number], caption=caption)
    return captioned, refusals
