"""The judge that sees patches: a CLIP with a vision transformer, and a head that reads its patch tokens.

The head gives three things: features of patches to match, whether a patch shows an object, and how clean the
picture is. `Clip.open` reads the folder without the head.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .vocabulary import MAX_TOKENS

HEAD_FILE = "head.safetensors"
MATCH_WIDTH = 96  # of the features of a patch
GRADE_WIDTH = 96


class Seen(NamedTuple):
    """What the judge sees in n pictures of p patches.

    `pooled` (n, d): CLIP's features, rows of unit length. `patches` (n, p, MATCH_WIDTH): those of patches.
    `object` (n, p): logits, above 0 where a patch shows an object. `clean` (n,): logits, higher is cleaner.
    """

    pooled: Tensor
    patches: Tensor
    object: Tensor
    clean: Tensor


def configuration(vocabulary: int, second: bool = False) -> dict:
    """Return the open_clip configuration of a judge. `vocabulary`: number of tokens.

    `second`: of the second judge, which is smaller and looks at fewer pixels.
    """
    first_sight = {"image_size": 96, "layers": 6, "width": 192, "head_width": 48, "patch_size": 8}
    second_sight = {"image_size": 72, "layers": 5, "width": 160, "head_width": 32, "patch_size": 6}
    return {
        "embed_dim": 128,
        "vision_cfg": second_sight if second else first_sight,
        "text_cfg": {
            "context_length": MAX_TOKENS,
            "vocab_size": vocabulary,
            "width": 96,
            "heads": 4,
            "layers": 2,
        },
    }


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
    """A CLIP and its head. `config`: as `configuration` returns it."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        vision = config["vision_cfg"]
        self.config = config
        self.clip = CLIP(**config)
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

    def save(self, folder: Path) -> None:
        """Write the weights, in half precision, and the configuration. `write_merges` writes the words."""
        folder.mkdir(parents=True, exist_ok=True)
        for file, part in (("model.safetensors", self.clip), (HEAD_FILE, self.head)):
            state = {name: value for name, value in part.state_dict().items() if name != "attn_mask"}
            save_file(
                {name: value.detach().cpu().half().contiguous() for name, value in state.items()},
                folder / file,
            )
        (folder / "config.json").write_text(json.dumps(self.config, indent=2) + "\n")

    @classmethod
    def open(cls, folder: Path) -> PatchJudge:
        """Load a judge that `save` wrote."""
        judge = cls(json.loads((folder / "config.json").read_text()))
        judge.clip.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        judge.head.load_state_dict(load_file(folder / HEAD_FILE))
        return judge.eval()

    @torch.no_grad()
    def see(self, pictures: Sequence[Image.Image]) -> Seen:
        """Look at pictures of any size."""
        size = self.side, self.side
        squares = [picture.convert("RGB").resize(size, Image.Resampling.LANCZOS) for picture in pictures]
        bytes_ = torch.stack(
            [torch.frombuffer(bytearray(each.tobytes()), dtype=torch.uint8) for each in squares]
        )
        pixels = bytes_.view(-1, self.side, self.side, 3).permute(0, 3, 1, 2)
        return self(pixels.to(self.match_scale.device).float() / 127.5 - 1)


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
