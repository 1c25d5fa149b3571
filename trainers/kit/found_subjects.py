"""Masks for photos without any: what stands out from a plain ground (`studio.photos.plain_ground`)."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from PIL import Image

from studio.photos.photo_set import PhotoSet
from studio.photos.plain_ground import subject_on_plain_ground
from studio.words import tr
from trainers.kit.mask_preview import SIDE, mask_preview
from trainers.kit.photo_settings import MaskedPhotoSettings

FOUND = tr("Learns mostly from what is bright. If that is wrong, paint a mask in the photo.")


def with_found_subjects(photos: PhotoSet, handle: str, settings: Any) -> PhotoSet:
    """Return the photos with a mask of `handle` wherever one is found and there was none.

    They are the same where nothing is found, or a method's `settings` ask for no masks.
    """
    if not (isinstance(settings, MaskedPhotoSettings) and settings.looks_for_subject()):
        return photos
    known = photos.masks.get(handle) or (None,) * len(photos)
    masks = tuple(
        subject_on_plain_ground(square) if mask is None else mask
        for square, mask in zip(photos.squares, known, strict=True)
    )
    if masks == known or not any(masks):
        return photos
    return dataclasses.replace(photos, masks={**photos.masks, handle: masks})


def found_preview(photos: PhotoSet, handle: str) -> Image.Image:
    """Return the first photos, each dimmed outside its mask of `handle` where it has one."""
    masks = [photos.mask(handle, number, SIDE) for number in range(len(photos))]
    whole = torch.ones(SIDE, SIDE)
    shown = [whole if mask is None else torch.from_numpy(mask) for mask in masks]
    return mask_preview(photos.squares, torch.stack(shown))
