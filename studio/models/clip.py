"""CLIP models of open_clip, which compare pictures with pictures and with prompts.

The starter brings a small one, trained on its own pictures. Every model of open_clip can be opened from a
checkpoint on this machine; nothing is downloaded.

open_clip is imported where a model is opened: that takes a tenth of the time in which a worker starts, and
most of what is done needs no CLIP.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from studio.errors import StudioError
from studio.models.fingerprint import fingerprint
from studio.models.image_encoder import Preprocess

if TYPE_CHECKING:
    from open_clip.tokenizer import SimpleTokenizer

# Several sentences with a noun, averaged (Radford et al. 2021, section 3.1.4).
TEMPLATES = (
    "a photo of a {}",
    "a {}",
    "a picture of a {}",
    "a close-up photo of the {}",
    "a rendition of a {}",
)
FILES = ("config.json", "merges.txt.gz", "model.safetensors")
BATCH = 64
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


class Clip:
    """A CLIP model with its tokenizer and preprocessing (`ImageTextEncoder`).

    A base's folder may bring one as `judge/`. The starter's knows drawings of its nouns, and no photos.
    """

    def __init__(
        self, model: nn.Module, tokenizer: SimpleTokenizer, preprocess: Preprocess, title: str
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.preprocess = preprocess
        self.title = title

    @property
    def name(self) -> str:
        """Return its title and a hash of its weights."""
        return f"{self.title} [{fingerprint([self.model])[:8]}]"

    @classmethod
    def open(cls, folder: Path) -> Clip:
        """Load the CLIP of a base model from `config.json`, `merges.txt.gz` and `model.safetensors`.

        Raises StudioError if one of them is missing.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise StudioError(
                "The CLIP model in {folder} lacks {files}.",
                "Install the studio again, or use a base whose folder is complete.",
                folder=folder,
                files=", ".join(missing),
            )
        config = json.loads((folder / "config.json").read_text())
        clip = cls.build(config, folder / "merges.txt.gz", f"judge of {folder.resolve().parent.name}")
        clip.model.load_state_dict(load_file(folder / "model.safetensors"))
        return clip

    @classmethod
    def build(cls, config: dict, merges: Path, title: str = "judge") -> Clip:
        """Return an untrained CLIP; `config` has open_clip's keys embed_dim, vision_cfg and text_cfg."""
        from open_clip.model import CLIP
        from open_clip.tokenizer import SimpleTokenizer

        tokenizer = SimpleTokenizer(str(merges), context_length=config["text_cfg"]["context_length"])
        side = config["vision_cfg"]["image_size"]
        return cls(
            CLIP(**config),
            tokenizer,
            Preprocess(side, side, filter=Image.Resampling.LANCZOS, squash=True),
            title,
        )

    @classmethod
    def of_flag(cls, text: str) -> Clip:
        """Load the model that "MODEL=FILE" asks for. Raises StudioError when it cannot be opened."""
        model, equals, file = text.partition("=")
        if not equals:
            raise StudioError(
                "{written!r} is not understood.", "Write --clip ViT-B-32=weights.safetensors.", written=text
            )
        return cls.of_open_clip(model, Path(file))

    @classmethod
    def of_open_clip(cls, model_name: str, checkpoint: Path) -> Clip:
        """Load one of open_clip's models, such as "ViT-B-32", from a file of weights, with its preprocessing.

        Weights that OpenAI trained need a name that ends in "-quickgelu". Raises StudioError when open_clip
        has no such model or the file does not hold it.
        """
        from open_clip.factory import create_model, get_tokenizer, list_models

        if model_name not in list_models():
            raise StudioError(
                "open_clip has no model called {name!r}.",
                "Write ViT-B-32=FILE, for instance.",
                name=model_name,
            )
        if not checkpoint.is_file():
            raise StudioError(
                "There is no {file}.",
                "Name a file with the weights of {name}.",
                file=checkpoint,
                name=model_name,
            )
        try:
            model = create_model(model_name, str(checkpoint.resolve()))
            tokenizer = get_tokenizer(model_name)
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
            hint = "Name the model that the weights were trained for; a safetensors file is safest."
            raise StudioError(
                "{file} cannot be opened as {name} ({reason}).",
                hint,
                file=checkpoint.name,
                name=model_name,
                reason=reason,
            ) from error
        return cls(model, tokenizer, _preprocess_of(model.visual.preprocess_cfg), model_name)

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return the features (n, d) of pictures, rows of unit length."""
        parts = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        return torch.cat([self.model.encode_image(self.preprocess(part), normalize=True) for part in parts])

    @torch.no_grad()
    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Return the features (n, d) of prompts, rows of unit length."""
        return self.model.encode_text(self.tokenizer(list(prompts)), normalize=True)

    def likeness(self, pictures: Sequence[Image.Image], photos: Sequence[Image.Image]) -> float:
        """Return the mean cosine of every picture with every photo, -1..1 (subject fidelity, as CLIP-I)."""
        return (self.encode(pictures) @ self.encode(photos).T).mean().item()

    def agreement(self, pictures: Sequence[Image.Image], prompt: str) -> float:
        """Return the mean cosine of the pictures with the prompt, -1..1 (prompt fidelity, as CLIP-T)."""
        return (self.encode(pictures) @ self.encode_text([prompt]).T).mean().item()

    def guess(self, pictures: Sequence[Image.Image], nouns: Sequence[str]) -> list[str]:
        """Return, for each picture, the noun that fits best (zero-shot classification)."""
        sentences = [template.format(noun) for noun in nouns for template in TEMPLATES]
        named = F.normalize(
            self.encode_text(sentences).view(len(nouns), len(TEMPLATES), -1).mean(dim=1), dim=-1
        )
        return [nouns[index] for index in (self.encode(pictures) @ named.T).argmax(dim=1).tolist()]


def _preprocess_of(config: dict) -> Preprocess:
    """Return the preprocessing of an open_clip model. Raises KeyError for one that is not supported."""
    side = config["size"] if isinstance(config["size"], int) else config["size"][0]
    squash = {"shortest": False, "squash": True}[config["resize_mode"]]
    mean, std = tuple(config["mean"]), tuple(config["std"])
    return Preprocess(side, side, mean, std, FILTERS[config["interpolation"]], squash)
