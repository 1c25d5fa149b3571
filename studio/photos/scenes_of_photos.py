"""Scenes composed of the photos that a person dropped in, each of one subject alone.

The masks say who is in a photo: one with the mask of exactly one subject is a photo of that subject alone.
The scenes are those of `composed_scenes`. Their ground is that of the photos: one of them with its subject
taken out and the rest blurred, since nothing here can paint places.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.limits import MAX_PHOTO_SIDE
from studio.photos.composed_scenes import ComposedScene, compose_scene, cut_outs_of
from studio.photos.photo import Photo

SCENE = "scene "  # what the name of a scene begins with; its number follows
BLUR = 0.12  # standard deviation of the ground's blur, in sides of the square
GROUND_SIDE = 128  # pixels in which the ground is blurred: nothing finer is left of it
FAINTEST = 1e-3  # weight of what is seen of the ground, below which its mean colour is taken
GROWN = 0.03  # by how much a mask is grown before its subject is taken out, in sides: edges keep its colours


def subjects_in(photo: Photo, count: int) -> list[int]:
    """Return the numbers of the first `count` subjects of which the square of a photo has a mask."""
    return [number for number in range(count) if photo.shows_mask(number)]


def photos_alone(photos: Sequence[Photo], count: int) -> list[Photo]:
    """Return the photos of one of `count` subjects alone."""
    return [photo for photo in photos if len(subjects_in(photo, count)) == 1]


def compose_photos(
    photos: Sequence[Photo], names: Sequence[str], scenes: int, chance: random.Random
) -> list[Photo]:
    """Return scenes, each with one cut-out of every subject and its masks.

    Args:
        photos: with masks by the subject's number.
        names: of the subjects, in the order of their numbers.
        scenes: how many.
        chance: draws cut-outs and places, and the order in which grounds take turns.

    Raises StudioError when there is one subject only, a photo does not say what it shows, or there is no
    photo of a subject alone.
    """
    if len(names) < 2:
        raise StudioError(
            "There is only one name, and a scene needs two things.",
            "Press “+ Something else in the photos”, then say in each photo which of them it shows.",
        )
    for photo in photos:
        if not subjects_in(photo, len(names)):
            hint = "Select it, choose what it shows and click on it, or remove the photo."
            raise StudioError("{photo} does not say what it shows.", hint, photo=photo.name)
    alone = photos_alone(photos, len(names))
    cut_outs = {str(number): cut_outs_of(alone, number) for number in range(len(names))}
    for number, name in enumerate(names):
        if not cut_outs[str(number)]:
            hint = "Select a photo of it, choose {name} and click on it; clear another's mask there first."
            raise StudioError("No photo shows {name} alone.", hint, name=name)
    side = min(MAX_PHOTO_SIDE, max(photo.side for photo in alone))
    drawn = chance.sample(alone, min(scenes, len(alone)))
    grounds = [ground_of(photo, len(names), side) for photo in drawn]
    return [
        _scene(number, compose_scene(cut_outs, ground, "", chance))
        for number, ground in enumerate(itertools.islice(itertools.cycle(grounds), scenes), 1)
    ]


def _scene(number: int, scene: ComposedScene) -> Photo:
    """Return a scene as a photo, without a caption: what learns from masks names the subjects by itself."""
    masks = {int(key): mask for key, mask in scene.masks.items()}
    return Photo(f"{SCENE}{number}", scene.picture, masks=masks)


def is_scene(photo: Photo) -> bool:
    """Return whether a photo is a scene that was composed here: files that are dropped in have endings."""
    return photo.name.startswith(SCENE) and photo.name.removeprefix(SCENE).isdecimal()


def ground_of(photo: Photo, count: int, side: int) -> Image.Image:
    """Return the ground of a photo's square, `side` x `side` RGB: blurred, without the subjects' colours.

    With the photo x and weights w, 0 at the subjects and 1 elsewhere, it is blur(w x) / blur(w).

    Args:
        count: of the subjects that may have a mask.
    """
    small = min(side, GROUND_SIDE)
    pixels = np.asarray(photo.square(small), np.float32)
    seen = np.ones((small, small), np.float32)
    for number in subjects_in(photo, count):
        seen[np.asarray(photo.square_mask(number, small)) > 0] = 0
    seen = cv2.erode(seen, np.ones((2 * max(1, round(GROWN * small)) + 1,) * 2, np.uint8))
    weights = cv2.GaussianBlur(seen, (0, 0), BLUR * small)[..., None]
    blurred = cv2.GaussianBlur(pixels * seen[..., None], (0, 0), BLUR * small)
    mean = pixels[seen > 0].mean(0) if seen.any() else pixels.mean((0, 1))
    ground = np.where(weights > FAINTEST, blurred / np.maximum(weights, FAINTEST), mean)
    picture = Image.fromarray(ground.round().clip(0, 255).astype(np.uint8))
    return picture.resize((side, side), Image.Resampling.BICUBIC)
