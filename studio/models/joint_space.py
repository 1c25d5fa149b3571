"""The CLIP whose text half a base reads with: pictures and prompts with learned words in one space.

Stable Diffusion reads prompts with the text encoder of a CLIP, but comes without the half that sees pictures.
Where the whole CLIP lies in the base's folder, as `clip` (such as openai/clip-vit-large-patch14 in the layout
of transformers), words of the base can be compared with pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from studio.models.backbone import Backbone
from studio.models.image_encoder import Preprocess
from studio.models.text_reader import TextReader

FOLDER = "clip"
PREPROCESSING = "preprocessor_config.json"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of OpenAI's CLIP
BATCH = 32
SAME = 1e-3  # embeddings differ by no more between files in half and in full precision


class JointSpace:
    """A frozen CLIP with the vocabulary of a base.

    Args:
        text: the half that reads, with its projection.
        vision: the half that sees, with its projection.
        preprocess: how pictures are prepared.
    """

    def __init__(self, backbone: Backbone, text: Any, vision: Any, preprocess: Preprocess) -> None:
        for half in (text, vision):
            half.eval().requires_grad_(False).to(backbone.device)
        self.device = backbone.device
        self.text, self.vision, self.preprocess = text, vision, preprocess
        self.reader = TextReader(backbone.text.tokenizer, text)

    @classmethod
    def beside(cls, backbone: Backbone) -> JointSpace | None:
        """Return the CLIP in the base's folder; None where there is none, or it has another vocabulary."""
        folder = backbone.folder and backbone.folder / FOLDER
        if not folder or not (folder / "config.json").is_file():
            return None
        options = {"local_files_only": True, "use_safetensors": True, "dtype": torch.float32}
        text = CLIPTextModelWithProjection.from_pretrained(folder, **options)
        if not is_vocabulary_of(backbone, text):
            return None
        vision = CLIPVisionModelWithProjection.from_pretrained(folder, **options)
        return cls(backbone, text, vision, _preprocess_of(folder, vision.config.image_size))

    @torch.no_grad()
    def picture_features(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return the features (n, d) of pictures, rows of unit length."""
        parts = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        seen = [self.vision(pixel_values=self.preprocess(part).to(self.device)) for part in parts]
        return F.normalize(torch.cat([each.image_embeds for each in seen]), dim=-1)

    def prompt_features(self, prompts: Sequence[str], words: Mapping[str, Tensor]) -> Tensor:
        """Return the features (n, d) of prompts, rows of unit length. Gradients reach the words.

        They are read at the first end token, wherever a config says that it is.

        Args:
            words: by handle, the vectors (count, D) of the learned words in the prompts.
        """
        with self.reader.new_words(words):
            read = self.reader.read(prompts)
        ends = torch.tensor([tokens.end for tokens in read.tokens], device=read.hidden.device)
        pooled = read.hidden[torch.arange(len(ends), device=ends.device), ends]
        return F.normalize(self.text.text_projection(pooled), dim=-1)


def is_vocabulary_of(backbone: Backbone, text: Any) -> bool:
    """Return whether a CLIP's text half embeds tokens as a base does, so that words go for both."""
    own, base = text.get_input_embeddings().weight, backbone.text.rows_of(slice(None))
    return own.shape == base.shape and torch.allclose(own, base.detach().float().cpu(), atol=SAME, rtol=1e-2)


def _preprocess_of(folder: Path, side: int) -> Preprocess:
    """Return how a CLIP's pictures are prepared; as OpenAI's where its folder does not say."""
    try:
        said = json.loads((folder / PREPROCESSING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = {}
    return Preprocess(side, side, tuple(said.get("image_mean", MEAN)), tuple(said.get("image_std", STD)))
