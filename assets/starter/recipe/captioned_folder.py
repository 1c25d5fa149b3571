"""A dataset of a user's own captioned pictures: `cat.png` beside `cat.txt` with one caption per line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from studio.errors import StudioError
from studio.photos.photo import open_photo

from .autoencoder import encode
from .dead_leaves import dead_leaves_picture
from .scenes import EMPTY_CAPTIONS_SHARE, PIXELS


@dataclass(frozen=True)
class CaptionedPicture:
    """A picture and its captions. `pixels` (64, 64, 3): bytes of its central square."""

    pixels: np.ndarray
    captions: tuple[str, ...]


def read_captioned_folder(folder: Path) -> list[CaptionedPicture]:
    """Read every picture that has captions, subfolders included.

    Raises StudioError when there is none.
    """
    found = []
    for text_file in sorted(folder.rglob("*.txt")):
        captions = tuple(
            line.strip() for line in text_file.read_text(encoding="utf-8").splitlines() if line.strip()
        )
        files = [path for path in text_file.parent.glob(f"{text_file.stem}.*") if path != text_file]
        found += [
            CaptionedPicture(np.asarray(open_photo(path).square(PIXELS)), captions) for path in files[:1]
        ]
    found = [picture for picture in found if picture.captions]
    if not found:
        raise StudioError(f"There are no captioned pictures in {folder}.", "Put cat.txt beside cat.png.")
    return found


def caption_words(dataset: list[CaptionedPicture]) -> set[str]:
    """Return every word of the captions, in lower case."""
    return {
        word
        for picture in dataset
        for caption in picture.captions
        for word in re.findall(r"[a-z]+", caption.lower())
    }


def picture_tensor(
    dataset: list[CaptionedPicture], count: int, dead_leaves_share: float = 0.0, seed: int = 0
) -> Tensor:
    """Return (count, 3, 64, 64) bytes: the pictures in turn, repeated as needed.

    `dead_leaves_share` (0..1): probability that a dead leaves picture takes the place of one.
    """
    random = np.random.default_rng(seed)
    arrays = [
        np.asarray(dead_leaves_picture(PIXELS, random))
        if random.random() < dead_leaves_share
        else dataset[number % len(dataset)].pixels
        for number in range(count)
    ]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()


class CaptionedLatents:
    """Training data for the diffusion model: scaled latents of the pictures and their mirror images."""

    def __init__(self, dataset: list[CaptionedPicture], autoencoder: AutoencoderKL, device: str) -> None:
        pictures = picture_tensor(dataset, len(dataset))
        with_mirrored = torch.cat([pictures, pictures.flip(-1)])
        self.latents = (encode(autoencoder, with_mirrored, device) * autoencoder.config.scaling_factor).half()
        self.captions = [picture.captions for picture in dataset] * 2

    def batch(
        self,
        count: int,
        random: torch.Generator,
        caption_random: np.random.Generator,
        one_object: bool = False,
    ) -> tuple[Tensor, list[str]]:
        """Draw a random batch.

        `random` chooses the pictures, `caption_random` their captions. `one_object` has no effect; it is
        there because `SceneLatents.batch` has it.
        Returns latents (count, 4, 16, 16) and one caption for each; a share of EMPTY_CAPTIONS_SHARE is empty.
        """
        indices = torch.randint(len(self.captions), (count,), generator=random)
        captions = [
            ""
            if caption_random.random() < EMPTY_CAPTIONS_SHARE
            else str(caption_random.choice(self.captions[number]))
            for number in indices.tolist()
        ]
        return self.latents[indices].float(), captions

    def example_captions(self) -> list[str]:
        """Return every caption once, the empty one included."""
        return sorted({"", *(caption for captions in self.captions for caption in captions)})
