"""The judge: a small CLIP of the starter's world that says how alike pictures are and how well they obey."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.factory import load_state_dict
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from torch import Tensor, nn

from studio.errors import StudioError

# Several ways to name a noun, averaged (Radford et al. 2021, section 3.1.4).
TEMPLATES = (
    "a photo of a {}",
    "a {}",
    "a picture of a {}",
    "a close-up photo of the {}",
    "a rendition of a {}",
)
FILES = ("config.json", "merges.txt.gz", "model.safetensors")


class Judge:
    """Compares pictures with pictures and with words, by cosine. It knows the starter's world and no more."""

    def __init__(self, model: nn.Module, tokenizer: SimpleTokenizer, side: int) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.side = side  # pixels of a picture as the judge sees it

    @classmethod
    def open(cls, folder: Path) -> Judge:
        """Load the judge from `config.json`, `merges.txt.gz` and `model.safetensors`.

        Raises StudioError if the folder is not a judge's.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise StudioError(
                f"The judge in {folder} lacks {', '.join(missing)}.",
                "Install the studio again, or point to a folder that holds a judge.",
            )
        judge = cls.build(json.loads((folder / "config.json").read_text()), folder / "merges.txt.gz")
        judge.model.load_state_dict(load_state_dict(str(folder / "model.safetensors")))
        return judge

    @classmethod
    def build(cls, config: dict, merges: Path) -> Judge:
        """An untrained judge: `config` has open_clip's keys embed_dim, vision_cfg and text_cfg."""
        tokenizer = SimpleTokenizer(str(merges), context_length=config["text_cfg"]["context_length"])
        return cls(CLIP(**config), tokenizer, config["vision_cfg"]["image_size"])

    def pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(n, 3, side, side), -1..1."""
        size = (self.side, self.side)
        small = [np.asarray(picture.convert("RGB").resize(size, Image.LANCZOS)) for picture in pictures]
        return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1

    @torch.no_grad()
    def look(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(n, d) unit-norm features of pictures."""
        return self.model.encode_image(self.pixels(pictures), normalize=True)

    @torch.no_grad()
    def read(self, prompts: Sequence[str]) -> Tensor:
        """(n, d) unit-norm features of prompts."""
        return self.model.encode_text(self.tokenizer(list(prompts)), normalize=True)

    def likeness(self, pictures: Sequence[Image.Image], photos: Sequence[Image.Image]) -> float:
        """Mean cosine of every picture with every photo, -1..1 (subject fidelity, as CLIP-I)."""
        return (self.look(pictures) @ self.look(photos).T).mean().item()

    def agreement(self, pictures: Sequence[Image.Image], prompt: str) -> float:
        """Mean cosine of the pictures with the prompt, -1..1 (prompt fidelity, as CLIP-T)."""
        return (self.look(pictures) @ self.read([prompt]).T).mean().item()

    def guess(self, pictures: Sequence[Image.Image], nouns: Sequence[str]) -> list[str]:
        """For each picture the noun that fits best."""
        sentences = [template.format(noun) for noun in nouns for template in TEMPLATES]
        named = F.normalize(self.read(sentences).view(len(nouns), len(TEMPLATES), -1).mean(dim=1), dim=-1)
        return [nouns[index] for index in (self.look(pictures) @ named.T).argmax(dim=1).tolist()]
