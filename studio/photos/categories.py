"""Photos sorted into the categories of an attribute, for methods that learn what tells categories apart.

The caption of a photo is its category: "red", or "colour: red" where photos are sorted by several attributes.
On the command line, folders say it too: photos/red/dog.jpg, or photos/colour/red/dog.jpg.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.errors import StudioError
from studio.photos.masked_folder import open_masked
from studio.photos.photo import Photo, Refusal
from studio.photos.photo_files import files_in, is_side_file
from studio.photos.photo_set import MASKS

PLAIN_ATTRIBUTE = "category"  # of a caption that names none
MAX_ATTRIBUTE_LETTERS = 20
MAX_ATTRIBUTES, MAX_CATEGORIES, MAX_COMBINATIONS = 4, 16, 64
HINT = 'Write "red", or "colour: red" where there are several attributes, as the caption of each photo.'


@dataclass(frozen=True)
class Categories:
    """What n photos are sorted into.

    Args:
        names: by attribute, its categories in the order in which they come.
        of_photos: for each photo, its attribute and the number of its category there, from 0.
    """

    names: dict[str, tuple[str, ...]]
    of_photos: tuple[tuple[str, int], ...]

    def photos_in(self, attribute: str, category: int) -> list[int]:
        """Return the numbers of the photos of a category."""
        return [number for number, own in enumerate(self.of_photos) if own == (attribute, category)]


def sort_photos(captions: Sequence[str], count: int) -> Categories:
    """Return the categories of `count` photos from their captions.

    Raises StudioError when a photo has none, an attribute has one category only, or there are too many.
    """
    labels = [_label(number, caption) for number, caption in enumerate(captions, 1)]
    if len(labels) < count:
        raise StudioError(
            "The photos are not sorted: {count} have no category.", HINT, count=count - len(labels)
        )
    names: dict[str, list[str]] = {}
    for attribute, category in labels:
        known = names.setdefault(attribute, [])
        if category not in known:
            known.append(category)
    for attribute, known in names.items():
        if len(known) < 2:
            raise StudioError(
                "There is only one {attribute}, {category}.",
                "Sort into two or more.",
                attribute=attribute,
                category=known[0],
            )
        if len(known) > MAX_CATEGORIES:
            raise StudioError(
                "{count} categories are too many.",
                "Take at most {most}.",
                count=len(known),
                most=MAX_CATEGORIES,
            )
    combinations = math.prod(map(len, names.values()))
    if len(names) > MAX_ATTRIBUTES or combinations > MAX_COMBINATIONS:
        raise StudioError(
            "{attributes} attributes make {combinations} combinations of their categories, "
            "which is too much.",
            "Take {most_attributes} and {most_combinations} at most.",
            attributes=len(names),
            combinations=combinations,
            most_attributes=MAX_ATTRIBUTES,
            most_combinations=MAX_COMBINATIONS,
        )
    numbers = tuple((attribute, names[attribute].index(category)) for attribute, category in labels)
    return Categories({attribute: tuple(known) for attribute, known in names.items()}, numbers)


def _label(number: int, caption: str) -> tuple[str, str]:
    """Return attribute and category of photo `number`. Raises StudioError when there is none."""
    attribute, colon, category = caption.lower().partition(":")
    if not colon:
        attribute, category = PLAIN_ATTRIBUTE, attribute
    attribute = re.sub(r"[^a-z0-9]+", "_", attribute).strip("_")[:MAX_ATTRIBUTE_LETTERS]
    category = " ".join(category.split())
    if not category:
        raise StudioError("Photo {number} has no category.", HINT, number=number)
    if not attribute or not attribute[0].isalpha():
        raise StudioError("{caption!r} names no attribute.", HINT, caption=caption)
    return attribute, category


def open_sorted(paths: Sequence[Path], handles: Sequence[str]) -> tuple[list[Photo], list[Refusal]]:
    """Return the usable photos in these folders as `open_masked` does, captioned with their categories.

    A photo with a caption of its own keeps it. Raises StudioError as `files_in` and `open_masked` do.
    """
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    for path in paths:
        labels: dict[Path, str] = {}
        for folder in folders_of(path):
            deeper = {inner: f"{folder.name}: {inner.name}" for inner in folders_of(folder)}
            labels |= deeper or {folder: folder.name}
        for place, label in (labels or {path: ""}).items():
            opened, refused = open_masked(files_in([place]), handles)
            photos += [dataclasses.replace(photo, caption=photo.caption or label) for photo in opened]
            refusals += refused
    return photos, refusals


def folders_of(path: Path) -> list[Path]:
    """Return the folders in a folder, sorted, but for masks and those that systems keep; none of a file."""
    if not path.is_dir():
        return []
    entries = sorted(entry for entry in path.iterdir() if entry.is_dir() and not is_side_file(entry))
    return [entry for entry in entries if entry.name.lower() != MASKS]
