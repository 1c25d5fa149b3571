"""The command `evenness`: how evenly painted pictures are spread over categories."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.errors import StudioError
from studio.evaluation.evenness import evenness
from studio.limits import MAX_PHOTO_SIDE
from studio.models.clip import Clip
from studio.photos.colours import plain_rgb
from studio.photos.decoding import decode
from studio.photos.photo_files import files_in
from studio.starter import STARTER


def add_evenness_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_evenness` needs."""
    parser.add_argument("pictures", type=Path, nargs="+", help="painted pictures, or folders of them")
    parser.add_argument(
        "--categories", nargs="+", required=True, metavar="WORDS", help='such as "red robot" "blue robot"'
    )
    help = "a CLIP to see with, such as ViT-B-32=weights.safetensors (default: the starter's judge)"
    parser.add_argument("--clip", metavar="NAME=FILE", help=help)


def run_evenness(given: argparse.Namespace) -> None:
    """Print how the pictures are spread. Raises StudioError."""
    if len(set(given.categories)) < 2:
        raise StudioError("There is only one category.", "Name two or more.")
    pictures = []
    for file in files_in(given.pictures):
        try:
            pictures.append(plain_rgb(decode(file, MAX_PHOTO_SIDE)))
        except StudioError as error:
            print(f"{file.name} is left out: {error.message}.")
    if not pictures:
        raise StudioError("There are no pictures.", "Name the folder that they were painted into.")
    judge = Clip.of_flag(given.clip) if given.clip else Clip.open(STARTER / "judge")
    print(evenness(pictures, list(dict.fromkeys(given.categories)), judge).table())
