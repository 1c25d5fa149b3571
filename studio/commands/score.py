"""The command that scores a concept: its flags, and the card it prints and keeps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image

from studio.commands.console import show_progress
from studio.commands.recipe_flags import open_workspace
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.evaluation.concept_scoring import PATTERNS, SEEDS, score_concept
from studio.evaluation.encoders import add_encoder_flags, open_encoders
from studio.evaluation.scorecard import References, ScoreCard
from studio.events import Result
from studio.files import writable_folder
from studio.handles import to_handle
from studio.models import opening
from studio.photos.photo import files_in, open_photos
from studio.recipes.recipe import Sampling
from studio.starter import STARTER


def add_score_flags(parser: argparse.ArgumentParser) -> None:
    """What `python -m studio score` understands."""
    parser.add_argument("concept", help="a concept file, or a name in the library")
    parser.add_argument("photos", type=Path, nargs="+", help="photos of it, or folders of them")
    parser.add_argument(
        "--held-out",
        type=int,
        help="how many of them, the last, it never saw; as many as its file says without",
    )
    parser.add_argument("--handle", help="which of its handles; the first without")
    parser.add_argument("--absent", type=Path, nargs="+", default=[], help="photos of what must not appear")
    parser.add_argument("--prompts", type=Path, help='a text file, one prompt a line, "{}" where it stands')
    parser.add_argument("--seeds", type=int, default=SEEDS, help="pictures of each prompt")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--steps", type=int, help="sampling steps; what the base likes without")
    parser.add_argument("--guidance", type=float, help="how closely to follow the prompt; as above")
    parser.add_argument("--base", default=str(STARTER), help="a diffusers folder or checkpoint file")
    parser.add_argument("--workspace", type=Path, default=Path("likeness"), help="where concepts are")
    parser.add_argument("--out", type=Path, help="folder for the card and the pictures it was made from")
    add_encoder_flags(parser)


def run_score(given: argparse.Namespace) -> None:
    """Score it, print the card and keep it. Raises StudioError."""
    workspace = open_workspace(given)
    entry = workspace.library.resolve(given.concept)
    handle = to_handle(given.handle) if given.handle else entry.header.handle
    if handle not in entry.header.handles:
        raise StudioError(f"There is no {handle} in it.", f"It has {', '.join(entry.header.handles)}.")
    photos, absent = _squares(given.photos), _squares(given.absent)
    held_out = max(0, len(photos) - entry.header.photos) if given.held_out is None else given.held_out
    if not 0 <= held_out <= len(photos) or not photos:
        raise StudioError(f"{held_out} of {len(photos)} photos cannot be held out.", "Give more photos.")
    kept = len(photos) - held_out
    defaults = workspace.base_defaults()
    sampling = Sampling(
        seed=given.seed,
        count=given.seeds,
        steps=defaults.steps if given.steps is None else given.steps,
        guidance=defaults.guidance if given.guidance is None else given.guidance,
    )
    out = writable_folder(given.out or workspace.folder / "scores" / handle.strip("<>"))
    backbone = opening.open_backbone(given.base)
    eyes = open_encoders(backbone, given.clip, given.dino)
    references = References(photos[kept:], photos[:kept], absent)
    concept, patterns = Concept.open(entry.path), _patterns(given.prompts)
    for event in show_progress(
        score_concept(
            backbone,
            concept,
            references,
            eyes,
            sampling,
            out,
            handle,
            patterns,
            workspace.library.hash(entry),
        )
    ):
        match event:
            case Result(value=ScoreCard() as card):
                print(card.table())
                (out / "card.json").write_text(json.dumps(card.to_json(), indent=1), encoding="utf-8")
                (out / "card.md").write_text(card.table() + "\n", encoding="utf-8")
                print(f"Kept in {out}")


def _squares(places: list[Path]) -> tuple[Image.Image, ...]:
    """The squares of the photos in these files and folders; what is no photo is named and left out."""
    photos, refusals = open_photos(files_in(places))
    for refusal in refusals:
        print(f"{refusal.name} is left out: {refusal.reason}")
    return tuple(photo.square(photo.side) for photo in photos)


def _patterns(file: Path | None) -> tuple[str, ...]:
    """The lines of a file of prompts. Raises StudioError when one does not say where the subject stands."""
    if file is None:
        return PATTERNS
    try:
        lines = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise StudioError(f"{file} cannot be read.", "Give a plain text file.") from error
    wrong = next((line for line in lines if line.count("{}") != 1), None if lines else "an empty file")
    if wrong:
        raise StudioError(f"{wrong!r} is no prompt to score with.", 'Write "{}" once, where it stands.')
    return lines
