"""The judge's training: picture-text contrast, and the same drawing in another scene against others."""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torch import Tensor

from studio.models.clip import Clip

from .autoencoder import as_pixels
from .budget import Budget, load_state, save_state
from .drawings import Drawing, world
from .muon import optimizers, take_step
from .scenes import PIXELS, Placement, Scene, backdrop, caption
from .words import LONGEST, merges_for

SCENES = 32  # pictures made of each drawing
RATE = 2e-3
COMPANY = 12  # other drawings of the same nouns come along as hard negatives: nouns in a batch


def configuration(vocabulary: int, second: bool = False) -> dict:
    """An open_clip configuration: a ModifiedResNet of width 16 and a two-layer text tower; the second judge
    looks with a vision transformer instead."""
    convolutional = {"image_size": PIXELS, "layers": [1, 2, 2, 1], "width": 16}
    transformer = {"image_size": PIXELS, "layers": 4, "width": 128, "head_width": 32, "patch_size": 8}
    return {
        "embed_dim": 128,
        "vision_cfg": transformer if second else convolutional,
        "text_cfg": {
            "context_length": LONGEST,
            "vocab_size": vocabulary,
            "width": 128,
            "heads": 4,
            "layers": 2,
        },
    }


def write_merges(words: list[str], file: Path) -> int:
    """The vocabulary as open_clip reads it; returns its size. Without a time stamp: same words, same file."""
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges_for(words))]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return 512 + len(lines) - 1 + 2


def turned(drawing: Drawing, random: np.random.Generator) -> Drawing:
    """The drawing mirrored as often as not, and tilted by up to 15 degrees: still the same drawing."""
    picture = ImageOps.mirror(drawing.picture) if random.random() < 0.5 else drawing.picture
    picture = picture.rotate(random.uniform(-15, 15), Image.BICUBIC, expand=True)
    return replace(drawing, picture=picture)


class Album:
    """Scenes of one object each, `SCENES` of every drawing, to meet the same drawing again elsewhere."""

    def __init__(self, drawings: list[Drawing], seed: int = 0, scenes: int = SCENES) -> None:
        random = np.random.default_rng(seed)
        self.drawings = drawings
        self.scenes = scenes
        self.colours: list[str] = []
        pictures = []
        for drawing in drawings:
            for _ in range(scenes):
                colour = str(random.choice(list(world()["colours"])))
                x, y = 0.5 + random.uniform(-0.08, 0.08, 2)
                placement = Placement(turned(drawing, random), x, y, random.uniform(0.5, 0.9))
                pictures.append(np.asarray(Scene([placement], colour, *backdrop(colour, random)).compose()))
                self.colours.append(colour)
        self.pictures = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        self.of_noun: dict[str, list[int]] = {}
        for index, drawing in enumerate(drawings):
            self.of_noun.setdefault(drawing.noun, []).append(index)

    def batch(self, nouns: int, random: np.random.Generator) -> tuple[Tensor, list[int], list[tuple]]:
        """All drawings of some nouns, each in two scenes.

        Returns (n, 3, 64, 64) bytes, the drawing's number of each picture, and its facts
        (noun, source, colour).
        """
        chosen = random.choice(list(self.of_noun), min(nouns, len(self.of_noun)), replace=False)
        owners = [index for noun in chosen for index in self.of_noun[noun] for _ in range(2)]
        rows = [owner * self.scenes + int(random.integers(self.scenes)) for owner in owners]
        facts = [
            (self.drawings[o].noun, self.drawings[o].source, self.colours[r])
            for o, r in zip(owners, rows, strict=True)
        ]
        return self.pictures[rows], owners, facts


def spoil(pixels: Tensor, random: np.random.Generator) -> Tensor:
    """Blur, tint and noise, so that a painter's soft pictures are judged by what they show."""
    if random.random() < 0.6:
        side = int(random.integers(20, 60))
        small = F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
        pixels = F.interpolate(small, size=pixels.shape[-2:], mode="bilinear")
    tint = torch.randn(len(pixels), 3, 1, 1) * 0.04
    return (pixels + tint + torch.randn_like(pixels) * random.uniform(0, 0.08)).clamp(-1.1, 1.1)


def smudge(pixels: Tensor, random: np.random.Generator) -> Tensor:
    """The second judge's own way to spoil: contrast, brightness, and a grey patch over each picture."""
    contrast = 1 + 0.25 * torch.randn(len(pixels), 1, 1, 1)
    pixels = pixels * contrast + 0.1 * torch.randn(len(pixels), 1, 1, 1)
    for picture, (y, x) in zip(pixels, random.integers(0, PIXELS - 16, (len(pixels), 2)), strict=True):
        picture[:, y : y + 16, x : x + 16] = 0
    return pixels.clamp(-1.1, 1.1)


def spread_entropy(scores: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy of each row with a target spread evenly over its true entries, `same` (bool)."""
    target = same.float() / same.sum(dim=1, keepdim=True).clamp(min=1)
    return -(target * scores.log_softmax(dim=1)).sum(dim=1)[same.any(dim=1)].mean()


def truths(said: list[str], facts: list[tuple]) -> Tensor:
    """(captions, pictures): whether each caption is true of each picture, told from the words in it."""
    styles = world()["styles"]
    rows = []
    for sentence, (own_noun, own_source, own_colour) in zip(said, facts, strict=True):
        style = styles.get(own_source, own_source)
        needs_style, needs_colour = style in sentence, f"{own_colour} background" in sentence
        rows.append(
            [
                noun == own_noun
                and (source == own_source or not needs_style)
                and (colour == own_colour or not needs_colour)
                for noun, source, colour in facts
            ]
        )
    return torch.tensor(rows)


def train(
    drawings: list[Drawing],
    words: list[str],
    folder: Path,
    file: Path,
    minutes: float,
    company: int = COMPANY,
    start: Path | None = None,
    second: bool = False,
) -> Clip:
    """Train for `minutes`, resuming from `file`; writes what `Judge.open` reads into `folder`.

    `start`: the folder of a finished judge, whose weights to begin with instead of random ones. `second`: an
    independent one, of another seed, architecture and augmentation.
    """
    torch.manual_seed(int(second))
    config = configuration(write_merges(words, folder / "merges.txt.gz"), second)
    judge = Clip.open(start) if start else Clip.build(config, folder / "merges.txt.gz")
    model = judge.model.train()
    pair = optimizers(model, RATE)
    budget = Budget(minutes, decay=0.6)
    step = load_state(file, budget, model=model, **pair)
    album = Album(drawings, seed=int(second))
    random = np.random.default_rng(int(time.time()))
    while budget.progress < 1:
        pictures, owners, facts = album.batch(company, random)
        said = [caption([noun], source, colour, random) or noun for noun, source, colour in facts]
        spoilt = (smudge if second else spoil)(as_pixels(pictures), random)
        seen = model.encode_image(spoilt, normalize=True)
        read = model.encode_text(judge.tokenizer(said), normalize=True)
        scale = model.logit_scale.exp().clamp(max=100)
        fits = scale * read @ seen.T
        true = truths(said, facts)
        owner = torch.tensor(owners)
        others = ~torch.eye(len(owner), dtype=torch.bool)
        alike = (15 * seen @ seen.T).masked_fill(~others, -1e4)
        same = (owner[:, None] == owner) & others
        contrast = (spread_entropy(fits, true) + spread_entropy(fits.T, true.T)) / 2
        identity = spread_entropy(alike, same)
        (contrast + identity).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        take_step(pair, RATE * budget.rate)
        step += 1
        if step % 50 == 0:
            print(f"{step} {budget.elapsed:.0f} s: words {contrast:.3f}, drawings {identity:.3f}", flush=True)
        if budget.due(3):
            save_state(file, budget, step, model=model, **pair)
    save_state(file, budget, step, model=model, **pair)
    save(judge, config, folder)
    return judge


def save(judge: Clip, config: dict, folder: Path) -> None:
    """Half-precision weights and the configuration beside the merges."""
    weights = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in judge.model.state_dict().items()
        if name != "attn_mask"
    }
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    judge.model.eval()
