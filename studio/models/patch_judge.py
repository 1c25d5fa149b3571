"""A judge that sees patches: a CLIP with a vision transformer, and a head that reads its patch tokens.

The head gives three things: features of patches to match, whether a patch shows an object, and how clean the
picture is. One vector per picture goes by colour and outline; matching patch by patch does not. `Clip.open`
reads the same folder without the head.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from studio.errors import StudioError
from studio.models.clip import Clip
from studio.models.fingerprint import fingerprint

HEAD_FILE = "head.safetensors"
MATCH_WIDTH = 96  # of the features of a patch
GRADE_WIDTH = 96
BATCH = 64


class Seen(NamedTuple):
    """What the judge sees in n pictures of p patches.

    `pooled` (n, d): CLIP's features, rows of unit length. `patches` (n, p, MATCH_WIDTH): those of patches.
    `object` (n, p): logits, above 0 where a patch shows an object. `clean` (n,): logits, higher is cleaner.
    """

    pooled: Tensor
    patches: Tensor
    object: Tensor
    clean: Tensor

    def subject_of(self, photos: Seen) -> Tensor:
        """Return (n, m): how much of the subject of each of m photos each picture shows, -1..1."""
        return subject_likeness(self, photos).T


class Head(nn.Module):
    """Reads the patch tokens of a vision transformer.

    `width`, `layers`: of the transformer. Cleanliness is read from an early, a middle and the last layer.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.levels = (1, layers // 2, layers - 1)
        self.match = nn.Linear(width, MATCH_WIDTH)
        self.object = nn.Linear(width, 1)
        self.grade = nn.Sequential(
            nn.LayerNorm(width * len(self.levels)),
            nn.Linear(width * len(self.levels), GRADE_WIDTH),
            nn.GELU(),
        )
        self.clean = nn.Sequential(
            nn.Linear(2 * GRADE_WIDTH, GRADE_WIDTH), nn.GELU(), nn.Linear(GRADE_WIDTH, 1)
        )

    def forward(self, levels: list[Tensor], last: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features to match, object logits and cleanliness logits.

        `levels`: the patch tokens (n, p, width) after the layers `self.levels`. `last`: normalised ones.
        """
        graded = self.grade(torch.cat(levels, dim=-1))
        clean = self.clean(torch.cat([graded.mean(dim=1), graded.amax(dim=1)], dim=-1))[:, 0]
        return F.normalize(self.match(last).float(), dim=-1), self.object(last)[..., 0].float(), clean.float()


class PatchJudge(nn.Module):
    """A CLIP and its head.

    `config`: open_clip's, with a vision transformer. `clip`: a trained one; a new one without.
    """

    def __init__(self, config: dict, clip: nn.Module | None = None) -> None:
        super().__init__()
        vision = config["vision_cfg"]
        self.config = config
        if clip is None:
            from open_clip.model import CLIP  # only for a new one: see studio.models.clip

            clip = CLIP(**config)
        self.clip = clip
        self.head = Head(vision["width"], vision["layers"])
        self.match_scale = nn.Parameter(torch.tensor(2.5))  # logarithm; used in training only

    def forward(self, pixels: Tensor) -> Seen:
        """Look at pictures (n, 3, side, side), -1..1."""
        visual = self.clip.visual
        tokens = visual._embeds(pixels)
        levels = []
        for number, block in enumerate(visual.transformer.resblocks):
            tokens = block(tokens)
            if number in self.head.levels:
                levels.append(tokens[:, 1:])
        tokens = visual.ln_post(tokens)
        pooled = F.normalize((tokens[:, 0] @ visual.proj).float(), dim=-1)
        return Seen(pooled, *self.head(levels, tokens[:, 1:]))

    @property
    def side(self) -> int:
        """Return the side of the pictures that it looks at, in pixels."""
        return self.config["vision_cfg"]["image_size"]

    @property
    def patch(self) -> int:
        """Return the side of a patch, in pixels."""
        return self.config["vision_cfg"]["patch_size"]

    @classmethod
    def open(cls, folder: Path) -> PatchJudge:
        """Load a judge of `Clip.open`'s files and its head. Raises StudioError if one of them is missing."""
        if not (folder / HEAD_FILE).is_file():
            raise StudioError(
                "The judge in {folder} lacks {file}.",
                "Install the studio again.",
                folder=folder,
                file=HEAD_FILE,
            )
        clip = Clip.open(folder)
        judge = cls(json.loads((folder / "config.json").read_text()), clip.model)
        judge.head.load_state_dict(load_file(folder / HEAD_FILE))
        return judge.eval()

    @property
    def name(self) -> str:
        """Return what it is, with a hash of its weights."""
        return f"judge by patches [{fingerprint([self.clip, self.head])[:8]}]"

    @torch.no_grad()
    def see(self, pictures: Sequence[Image.Image]) -> Seen:
        """Look at pictures of any size."""
        size = self.side, self.side
        squares = [picture.convert("RGB").resize(size, Image.Resampling.LANCZOS) for picture in pictures]
        pixels = torch.from_numpy(np.stack([np.asarray(square) for square in squares])).permute(0, 3, 1, 2)
        parts = (pixels / 127.5 - 1).to(self.match_scale.device).split(BATCH)
        return Seen(*(torch.cat(each) for each in zip(*map(self, parts), strict=True)))


def matched(patches: Tensor, weights: Tensor, others: Tensor) -> Tensor:
    """Return (n, m): how much of each picture is found in each other one, -1..1.

    Every patch takes its most similar patch of the other picture; `weights` (n, p) says how much it counts.
    `patches` (n, p, d), `others` (m, q, d): rows of unit length.
    """
    similar = torch.einsum("npd,mqd->nmpq", patches, others).amax(dim=-1)
    shares = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return (similar * shares[:, None]).sum(dim=-1)


def subject_likeness(pictures: Seen, photos: Seen, masks: Tensor | None = None) -> Tensor:
    """Return (photos, pictures): how much of each photo's subject each picture shows, -1..1.

    `masks` (photos, p): the share of each patch that the subject covers; without it, where the judge sees an
    object.
    """
    weights = photos.object.sigmoid() if masks is None else masks
    return matched(photos.patches, weights, pictures.patches)
