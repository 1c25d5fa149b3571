"""The command `score`: measure a concept, print its score card and save it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from PIL import Image

from studio.commands.base_flags import open_base
from studio.commands.console import show_progress
from studio.commands.recipe_flags import DEFAULTS, FIELDS, open_workspace
from studio.commands.setting_flags import add_setting_flags, given_settings
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.evaluation.concept_scoring import PATTERNS, SEEDS, score_concept
from studio.evaluation.encoders import add_encoder_flags, open_encoders
from studio.evaluation.scorecard import References, ScoreCard
from studio.events import Result
from studio.files import read_lines, writable_folder, write_atomic
from studio.handles import to_handle
from studio.limits import MAX_COUNT
from studio.photos.photo import open_photos
from studio.photos.photo_files import files_in
from studio.recipes.recipe import Sampling
from studio.words import tr

SETTINGS = [FIELDS[name] for name in ("seed", "steps", "guidance")]


def add_score_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_score` needs."""
    parser.add_argument("concept", help="a concept file, or a name in the library")
    parser.add_argument("photos", type=Path, nargs="+", help="photos of it, or folders of them")
    parser.add_argument(
        "--held-out",
        type=int,
        help="how many of them, the last, it was not trained on; without, as many as its file says",
    )
    parser.add_argument("--handle", help="which of its handles; without, the first")
    parser.add_argument("--absent", type=Path, nargs="+", default=[], help="photos of what must not appear")
    parser.add_argument(
        "--prompts", type=Path, help='a text file, one prompt a line, "{}" in place of the subject'
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"pictures of each prompt, 1 to {MAX_COUNT}")
    add_setting_flags(parser, SETTINGS, {**DEFAULTS, "seed": "0"})
    parser.add_argument("--out", type=Path, help="folder for the card and the pictures it was made from")
    add_encoder_flags(parser)


def run_score(given: argparse.Namespace) -> None:
    """Score a concept, print the card and save it. Raises StudioError."""
    if not 1 <= given.seeds <= MAX_COUNT:
        raise StudioError("--seeds is 1 to {most}.", "", most=MAX_COUNT)
    workspace = open_workspace(given)
    entry = workspace.concepts.resolve(given.concept)
    handle = to_handle(given.handle) if given.handle else entry.header.handle
    if handle not in entry.header.handles:
        raise StudioError(
            "There is no {handle} in it.",
            "It has {handles}.",
            handle=handle,
            handles=", ".join(entry.header.handles),
        )
    photos, absent = _squares(given.photos), _squares(given.absent)
    held_out = max(0, len(photos) - entry.header.photos) if given.held_out is None else given.held_out
    if not 0 <= held_out <= len(photos) or not photos:
        raise StudioError(
            "{held_out} of {count} photos cannot be held out.",
            "Give more photos.",
            held_out=held_out,
            count=len(photos),
        )
    trained = len(photos) - held_out
    references = References(photos[trained:], photos[:trained], absent)
    defaults = workspace.base_defaults()
    usual: dict[str, Any] = {"steps": defaults.steps, "guidance": defaults.guidance, "count": given.seeds}
    sampling = Sampling(**{**usual, **given_settings(given, SETTINGS)})
    patterns = _patterns(given.prompts)
    out = writable_folder(given.out or workspace.folder / "scores" / handle.strip("<>"))
    backbone = open_base(given)
    encoders = open_encoders(backbone, given.clip, given.dino)
    concept, digest = Concept.open(entry.path), workspace.concepts.hash(entry)
    scoring = score_concept(backbone, concept, references, encoders, sampling, out, handle, patterns, digest)
    for event in show_progress(scoring):
        match event:
            case Result(value=ScoreCard() as card):
                print(card.table())
                write_atomic(out / "card.json", json.dumps(card.to_json(), indent=1).encode("utf-8"))
                write_atomic(out / "card.md", f"{card.table()}\n".encode())
                print(tr("Saved in {folder}", folder=out))


def _squares(paths: list[Path]) -> tuple[Image.Image, ...]:
    """Return the squares of the photos in these files and folders; prints which files are none."""
    photos, refusals = open_photos(files_in(paths))
    for refusal in refusals:
        print(tr("{file} is left out: {reason}", file=refusal.name, reason=refusal.reason))
    return tuple(photo.square(photo.side) for photo in photos)


def _patterns(file: Path | None) -> tuple[str, ...]:
    """Return the lines of a file of prompts. Raises StudioError when one has not exactly one "{}"."""
    if file is None:
        return PATTERNS
    lines = tuple(read_lines(file))
    wrong = next((line for line in lines if line.count("{}") != 1), None if lines else tr("an empty file"))
    if wrong:
        raise StudioError(
            "{line!r} is no prompt to score with.",
            'Write "{{}}" once, in place of the subject.',
            line=wrong,
        )
    return lines
