"""A scene: photos of several subjects, with a mask of each."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.events import Event, Note
from studio.photos.mask_checks import check_masks
from studio.photos.photo_set import PhotoSet
from studio.words import tr
from trainers.kit.latents import PhotoLatents

HALF = 0.5  # a cell is masked when at least this share of its area is
MIN_CELLS = 4  # of attention maps; a smaller mask is learned from, with a warning


class Scene:
    """The latents and masks of J subjects in n pictures: `photos` photos, then their mirror images.

    Raises StudioError when there is to be a background and the masks leave nothing of it.

    Args:
        latents: of the photos.
        background: whether the last subject is what the masks of all others leave.

    Attributes:
        masks (n, J, h, w), 0 or 1: in cells of the latents.
        attention_masks (n, J, s, s), 0 or 1: in cells of attention maps, s = `attention_side_of(w)`.
        present: for each picture, the numbers of the subjects in it.
    """

    def __init__(
        self, latents: PhotoLatents, photos: PhotoSet, handles: Sequence[str], background: bool
    ) -> None:
        self.photos = len(photos)
        self.latents = latents
        self.masks, self.attention_masks = (
            self._masks(photos, handles, background, side)
            for side in (latents.mean.shape[-1], latents.attention_side)
        )
        self.present = [
            masks.flatten(1).any(1).nonzero().flatten().tolist() for masks in self.attention_masks
        ]
        if background and not any(len(handles) in present for present in self.present):
            raise StudioError("The masks leave nothing of the background.", "Turn the background off.")

    def _masks(self, photos: PhotoSet, handles: Sequence[str], background: bool, side: int) -> Tensor:
        """Return the masks (n, J, side, side), each cell by how much of its area is masked."""
        # by area, so that nothing depends on which pixels a grid of every 8th or 32nd would meet
        empty = self.latents.mean.new_zeros(len(self.latents.mean), 1, side, side)
        masks = torch.cat([self.latents.masks_of(photos, handle, empty) for handle in handles], 1) >= HALF
        if background:
            masks = torch.cat([masks, ~masks.any(1, keepdim=True)], 1)
        return masks.float()


def masked_photos(photos: PhotoSet, handles: Sequence[str], side: int) -> Generator[Event, None, PhotoSet]:
    """Return the photos in which at least one of `handles` is masked; yields a Note for each left out.

    Raises StudioError for a handle without a mask, and for masks that are empty, vanish at `side` x `side`
    cells, cover nearly the whole photo, or are almost the same as another's.
    """
    check_masks(photos, handles, needed=True)
    numbers = []
    for number in range(len(photos)):
        all_masks = {handle: photos.mask(handle, number, side) for handle in handles}
        masked = {handle: mask for handle, mask in all_masks.items() if mask is not None}
        for handle, mask in masked.items():
            cells = np.count_nonzero(mask >= HALF)
            if not cells:
                small = "The mask of {handle} in photo {number} is too small to learn from."
                empty = "The mask of {handle} in photo {number} is empty."
                hint = "Paint it larger or crop the photo closer; clear the mask if it is not there."
                raise StudioError(small if mask.any() else empty, hint, handle=handle, number=number + 1)
            if cells < MIN_CELLS:
                text = "{handle} is very small in photo {number}; a closer crop would help."
                yield Note(tr(text, handle=handle, number=number + 1))
        if masked:
            numbers.append(number)
        else:
            text = "Nothing is masked in photo {number}, so it is left out."
            yield Note(tr(text, number=number + 1))
    masks = {handle: tuple(photos.masks[handle][number] for number in numbers) for handle in handles}
    squares = tuple(photos.squares[number] for number in numbers)
    captions = tuple(photos.captions[number] for number in numbers) if photos.captions else ()
    return PhotoSet(squares, masks, captions)
