"""Scores the painted cells of a grid."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from PIL import Image
from torch import Tensor

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
    sheet: GridFolder,
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
    yield Note("Judging the pictures.")
    seen: dict[str, Tensor] = {}
    photos: dict[str, int] = {}
    marks: dict[str, PictureScore] = {}
    for cell in sheet.cells:
        path, prompt = sheet.path(cell), cell.recipe.prompt
        if not path.exists() or path.name in marks:
            continue
        for handle in handles_in(prompt):
            if handle not in photos:
                folder = photos_of(handle)
                squares = PhotoSet.load(folder).squares if folder else ()
                photos[handle] = len(squares)
                if squares:
                    seen[handle] = encoder.encode(squares)
        look = encoder.encode([Image.open(path)])
        agreement = measures.agreement(look, encoder.encode_text([spoken_prompt(prompt, nouns)])).item()
        there = [seen[handle] for handle in handles_in(prompt) if handle in seen]
        if there:
            likeness = statistics.fmean(measures.likeness(look, each).item() for each in there)
            nearest = max(measures.copying(look, each).item() for each in there)
            marks[path.name] = PictureScore(likeness, agreement, nearest)
        else:
            marks[path.name] = PictureScore(None, agreement)
    GridScores(encoder.name, marks, photos).save(sheet.folder)
