"""A scene: photos, and where each of several subjects is in them."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.events import Event, Note
from studio.models.backbone import Backbone
from studio.photos.mask_checks import check_masks
from studio.photos.photo_set import PhotoSet
from trainers.kit.latents import PhotoLatents

HALF = 0.5  # a cell is the subject's when this much of it is
CELLS_LOW = 4


class Scene:
    """The masks, 0 or 1, of J subjects in n pictures, which are `photos` photos and then their mirror images:
    `masks` (n, J, h, w) for latents, `aims` (n, J, s, s) for the attention maps of `attention_side`.
    `present` lists by picture the numbers of the subjects in it. With `place`, the last subject is what the
    masks of all others leave.

    A cell is a subject's when half of its area is, at either side: nothing depends on which pixel a grid of
    every 8th or 32nd would meet. Raises StudioError when the masks leave nothing for the place.
    """

    def __init__(
        self, backbone: Backbone, photos: PhotoSet, handles: Sequence[str], place: bool, flips: bool
    ) -> None:
        self.photos = len(photos)
        self.latents = PhotoLatents(backbone, photos.pixels(backbone.resolution), flips)
        self.masks, self.aims = (
            self._masks(photos, handles, place, side)
            for side in (backbone.latent_shape[-1], backbone.attention_side)
        )
        self.present = [aims.flatten(1).any(1).nonzero().flatten().tolist() for aims in self.aims]
        if place and not any(len(handles) in present for present in self.present):
            raise StudioError("The masks leave nothing of the background.", "Turn the background off.")

    def _masks(self, photos: PhotoSet, handles: Sequence[str], place: bool, side: int) -> Tensor:
        nowhere = self.latents.mean.new_zeros(len(self.latents.mean), 1, side, side)
        masks = torch.cat([self.latents.masks_of(photos, handle, nowhere) for handle in handles], 1) >= HALF
        if place:
            masks = torch.cat([masks, ~masks.any(1, keepdim=True)], 1)
        return masks.float()


def masked_photos(photos: PhotoSet, handles: Sequence[str], side: int) -> Generator[Event, None, PhotoSet]:
    """The photos in which some of `handles` is masked; yields a Note for each that is left out.

    Raises StudioError for a handle without a mask, and for masks that are empty, vanish at `side` x `side`
    cells, cover nearly the whole photo, or are almost another's.
    """
    check_masks(photos, handles, needed=True)
    kept = []
    for number in range(len(photos)):
        found = {handle: photos.mask(handle, number, side) for handle in handles}
        masked = {handle: mask for handle, mask in found.items() if mask is not None}
        for handle, mask in masked.items():
            cells = np.count_nonzero(mask >= HALF)
            if not cells:
                what = "too small to learn from" if mask.any() else "empty"
                hint = "Paint it larger or crop the photo closer; clear the mask if it is not there."
                raise StudioError(f"The mask of {handle} in photo {number + 1} is {what}.", hint)
            if cells < CELLS_LOW:
                yield Note(f"{handle} is very small in photo {number + 1}; a closer crop would help.")
        if masked:
            kept.append(number)
        else:
            yield Note(f"Nothing is masked in photo {number + 1}, so it is left out.")
    masks = {handle: tuple(photos.masks[handle][number] for number in kept) for handle in handles}
    return PhotoSet(tuple(photos.squares[number] for number in kept), masks)
