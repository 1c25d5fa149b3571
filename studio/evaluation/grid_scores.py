"""Score the painted cells of a grid."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from PIL import Image
from torch import Tensor

from studio.errors import StudioError
from studio.evaluation import measures
from studio.events import Event, Note
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores, PictureScore
from studio.handles import handles_in
from studio.models.image_encoder import ImageTextEncoder
from studio.photos.photo_set import PhotoSet
from studio.recipes.spoken import spoken_prompt


def score_grid(
    encoder: ImageTextEncoder,
    grid: GridFolder,
    nouns: Mapping[str, str],
    photos_of: Callable[[str], Path | None],
) -> Iterator[Event]:
    """Score every painted cell of a grid and save the scores in its folder.

    Args:
        nouns: the noun of every concept that a prompt of the grid may name, by handle.
        photos_of: returns the folder with the training photos of a handle, None where they are not here.
            Likeness is the mean cosine with these photos.

    Yields a Note.
    """
    yield Note("Scoring the pictures.")
    photo_features: dict[str, Tensor] = {}
    photos: dict[str, int] = {}
    scores: dict[str, PictureScore] = {}
    for cell in grid.cells:
        path, prompt = grid.path(cell), cell.recipe.prompt
        if not path.exists() or path.name in scores:
            continue
        for handle in handles_in(prompt):
            if handle not in photos:
                folder = photos_of(handle)
                squares = _squares(folder) if folder else ()
                photos[handle] = len(squares)
                if squares:
                    photo_features[handle] = encoder.encode(squares)
        picture = encoder.encode([Image.open(path)])
        text = encoder.encode_text([spoken_prompt(prompt, nouns)])
        agreement = measures.agreement(picture, text).item()
        references = [photo_features[handle] for handle in handles_in(prompt) if handle in photo_features]
        if references:
            likeness = statistics.fmean(measures.likeness(picture, each).item() for each in references)
            nearest = max(measures.copying(picture, each).item() for each in references)
            scores[path.name] = PictureScore(likeness, agreement, nearest)
        else:
            scores[path.name] = PictureScore(None, agreement)
    GridScores(encoder.name, scores, photos).save(grid.folder)


def _squares(folder: Path) -> tuple[Image.Image, ...]:
    """Return the photos that a concept was trained on, none when one of them is damaged by now."""
    try:
        return PhotoSet.load(folder).squares
    except StudioError:
        return ()
