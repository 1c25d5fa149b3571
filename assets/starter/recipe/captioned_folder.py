"""A dataset of a user's own captioned pictures: `cat.png` beside `cat.txt` with one caption per line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTokenizer

from studio.errors import StudioError
from studio.photos.photo import open_photo

from .dead_leaves import dead_leaves_picture
from .latent_dataset import LatentDataset, token_ids
from .scenes import PIXELS

DEAD_LEAVES_SHARE = 0.3  # of the autoencoder's pictures, so that it learns edges in general


@dataclass(frozen=True)
class CaptionedPicture:
    """A picture and its captions. `pixels` (128, 128, 3): bytes of its central square."""

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
    """Return (count, 3, 128, 128) bytes: the pictures in turn, repeated as needed.

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


def captioned_latents(
    dataset: list[CaptionedPicture], tokenizer: CLIPTokenizer, autoencoder: AutoencoderKL, device: str
) -> LatentDataset:
    """Return training data for the diffusion model: pictures, their mirror images, and captions.

    Pictures with fewer captions than others repeat them.
    """
    most = max(len(picture.captions) for picture in dataset)
    pictures = picture_tensor(dataset, len(dataset))
    captions = [
        picture.captions[number % len(picture.captions)] for picture in dataset for number in range(most)
    ]
    ids = torch.from_numpy(token_ids(tokenizer, captions)).view(len(dataset), most, -1)
    parts = [(pictures, ids), (pictures.flip(-1), ids)]
    return LatentDataset.encode(parts, autoencoder, device)
