"""Score the painted cells of a grid."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from studio.errors import StudioError
from studio.evaluation import measures
from studio.events import Event, Note
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores, PictureScore
from studio.handles import handles_in
from studio.models.image_encoder import ImageTextEncoder, SubjectJudge
from studio.photos.photo_set import PhotoSet
from studio.recipes.spoken import spoken_prompt
from studio.words import tr


def score_grid(
    encoder: ImageTextEncoder,
    grid: GridFolder,
    nouns: Mapping[str, str],
    photos_of: Callable[[str], Path | None],
    judge: SubjectJudge | None = None,
) -> Iterator[Event]:
    """Score every painted cell of a grid and save the scores in its folder.

    Args:
        nouns: the noun of every concept that a prompt of the grid may name, by handle.
        photos_of: returns the folder with the training photos of a handle, None where they are not here; it
            may raise StudioError for a concept that is gone by now.
        judge: compares with these photos, patch by patch. Without one, likeness is the mean cosine with them.

    Yields a Note.
    """
    yield Note(tr("Scoring the pictures."))
    handles = handles_in(" ".join(cell.recipe.prompt for cell in grid.cells))
    squares = {handle: _squares(photos_of, handle) for handle in handles}
    scores: dict[str, PictureScore] = {}
    look = judge.see if judge else encoder.encode
    photos: dict[str, Any] = {}  # by handle, what the judge or the encoder sees in them

    def compare(picture: Image.Image, handle: str) -> Tensor:
        if handle not in photos:
            photos[handle] = look(squares[handle])
        seen: Any = look([picture])
        return (seen.subject_of(photos[handle]) if judge else seen @ photos[handle].T)[0]

    for cell in grid.cells:
        path, prompt = grid.path(cell), cell.recipe.prompt
        if not path.exists() or path.name in scores:
            continue
        with Image.open(path) as picture:
            text = encoder.encode_text([spoken_prompt(prompt, nouns)])
            agreement = measures.agreement(encoder.encode([picture]), text).item()
            alike = [compare(picture, handle) for handle in handles_in(prompt) if squares[handle]]
        if alike:
            likeness = statistics.fmean(each.mean().item() for each in alike)
            scores[path.name] = PictureScore(likeness, agreement, max(each.max().item() for each in alike))
        else:
            scores[path.name] = PictureScore(None, agreement)
    name = f"{judge.name} and {encoder.name}" if judge else encoder.name
    GridScores(name, scores, {handle: len(each) for handle, each in squares.items()}).save(grid.folder)


def _squares(photos_of: Callable[[str], Path | None], handle: str) -> tuple[Image.Image, ...]:
    """Return the photos that a concept was trained on, none when it is gone or one is damaged by now."""
    try:
        folder = photos_of(handle)
        return PhotoSet.load(folder).squares if folder else ()
    except StudioError:
        return ()
