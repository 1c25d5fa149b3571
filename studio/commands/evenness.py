"""The command `evenness`: how evenly painted pictures are spread over categories."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from studio.errors import StudioError
from studio.evaluation.evenness import PhotoJudge, evenness
from studio.limits import MAX_PHOTO_SIDE
from studio.models.clip import Clip
from studio.photos.categories import folders_of
from studio.photos.colours import plain_rgb
from studio.photos.decoding import decode
from studio.photos.photo_files import files_in
from studio.starter import STARTER
from studio.words import tr


def add_evenness_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_evenness` needs."""
    parser.add_argument("pictures", type=Path, nargs="+", help="painted pictures, or folders of them")
    seen_by = parser.add_mutually_exclusive_group(required=True)
    words = 'such as "red robot" "blue robot"'
    seen_by.add_argument("--categories", nargs="+", metavar="WORDS", help=words)
    folder = "photos sorted into a folder for each category: a picture counts as the one that it is most like"
    seen_by.add_argument("--photos", type=Path, metavar="DIR", help=folder)
    help = "a CLIP to see with, such as ViT-B-32=weights.safetensors (default: the starter's judge)"
    parser.add_argument("--clip", metavar="NAME=FILE", help=help)


def run_evenness(given: argparse.Namespace) -> None:
    """Print how the pictures are spread. Raises StudioError."""
    kinds = dict.fromkeys(given.categories or [folder.name for folder in folders_of(given.photos)])
    if len(kinds) < 2:
        hint = "Sort the photos into two folders or more." if given.photos else "Name two or more."
        raise StudioError("There is only one category." if kinds else "There are no categories.", hint)
    pictures = _pictures_in(given.pictures, tr("Name the folder that they were painted into."))
    photos = {
        kind: _pictures_in(
            [given.photos / kind], tr("Put photos into {folder}, or take it away.", folder=kind)
        )
        for kind in kinds
        if given.photos
    }
    judge = Clip.of_flag(given.clip) if given.clip else Clip.open(STARTER / "judge")
    if not photos:
        print(evenness(pictures, list(kinds), judge).table())
        return
    by_photos = PhotoJudge(photos, judge)
    print(by_photos.evenness(pictures).table())
    right, total = by_photos.recognised()
    text = "Of the photos themselves {right} of {total} are seen as their own category."
    print(tr(text, right=right, total=total))


def _pictures_in(paths: Sequence[Path], hint: str) -> list[Image.Image]:
    """Return all pictures of files and folders; names those that cannot be read.

    Raises StudioError for none.
    """
    pictures = []
    for file in files_in(paths):
        try:
            pictures.append(plain_rgb(decode(file, MAX_PHOTO_SIDE)))
        except StudioError as error:
            print(tr("{file} is left out: {reason}.", file=file.name, reason=error.message))
    if not pictures:
        raise StudioError("There are no pictures.", hint)
    return pictures
