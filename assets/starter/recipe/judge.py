"""Train the judge: a small CLIP that scores the starter's pictures.

The loss has two contrastive terms: pictures against captions, and pictures of the same drawing in two scenes
against pictures of other drawings.
"""

from __future__ import annotations

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

from .autoencoder import normalise
from .captions import Content, Thing, caption
from .drawings import Drawing, world
from .judge_losses import multi_target_cross_entropy
from .muon import build_optimizers, step_optimizers
from .scenes import Placement, Scene, gradient_colours
from .timed_training import TrainingTimer, load_checkpoint, save_checkpoint
from .vocabulary import MAX_TOKENS, write_merges

PIXELS = 64  # side of the pictures that it looks at
SCENES_PER_DRAWING = 32
LEARNING_RATE = 2e-3
NOUNS_PER_BATCH = 12  # each with all its drawings, so that drawings of the same noun are hard negatives


def configuration(vocabulary: int, second: bool = False) -> dict:
    """Return the open_clip configuration of a judge.

    `vocabulary`: number of tokens. `second`: that of the second judge, with a vision transformer in place
    of a ModifiedResNet.
    """
    convolutional = {"image_size": PIXELS, "layers": [1, 2, 2, 1], "width": 16}
    transformer = {"image_size": PIXELS, "layers": 4, "width": 128, "head_width": 32, "patch_size": 8}
    return {
        "embed_dim": 128,
        "vision_cfg": transformer if second else convolutional,
        "text_cfg": {
            "context_length": MAX_TOKENS,
            "vocab_size": vocabulary,
            "width": 128,
            "heads": 4,
            "layers": 2,
        },
    }


def augment_drawing(drawing: Drawing, random: np.random.Generator) -> Drawing:
    """Mirror the drawing with probability 1/2 and rotate it by up to 15 degrees."""
    picture = ImageOps.mirror(drawing.picture) if random.random() < 0.5 else drawing.picture
    picture = picture.rotate(random.uniform(-15, 15), Image.BICUBIC, expand=True)
    return replace(drawing, picture=picture)


class JudgeDataset:
    """Scenes of one object each, several of every drawing, kept in memory.

    `pictures` (drawings * scenes, 3, 64, 64): bytes, all scenes of a drawing in a row.
    """

    def __init__(self, drawings: list[Drawing], seed: int = 0, scenes: int = SCENES_PER_DRAWING) -> None:
        random = np.random.default_rng(seed)
        self.drawings = drawings
        self.scenes = scenes
        self.colours: list[str] = []
        pictures = []
        for drawing in drawings:
            for _ in range(scenes):
                colour = str(random.choice(list(world()["colours"])))
                x, y = 0.5 + random.uniform(-0.08, 0.08, 2)
                placement = Placement(augment_drawing(drawing, random), x, y, random.uniform(0.5, 0.9))
                scene = Scene([placement], colour, *gradient_colours(colour, random))
                pictures.append(np.asarray(scene.compose(PIXELS)))
                self.colours.append(colour)
        self.pictures = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        self.drawings_of_noun: dict[str, list[int]] = {}
        for index, drawing in enumerate(drawings):
            self.drawings_of_noun.setdefault(drawing.noun, []).append(index)

    def batch(self, nouns: int, random: np.random.Generator) -> tuple[Tensor, list[int], list[tuple]]:
        """Draw a batch: all drawings of `nouns` random nouns, each in two scenes.

        Returns pictures (n, 3, 64, 64), bytes; for each the index of its drawing; and for each its
        (noun, source, background colour).
        """
        chosen = random.choice(
            list(self.drawings_of_noun), min(nouns, len(self.drawings_of_noun)), replace=False
        )
        drawn = [index for noun in chosen for index in self.drawings_of_noun[noun] for _ in range(2)]
        rows = [index * self.scenes + int(random.integers(self.scenes)) for index in drawn]
        contents = [
            (self.drawings[i].noun, self.drawings[i].source, self.colours[r])
            for i, r in zip(drawn, rows, strict=True)
        ]
        return self.pictures[rows], drawn, contents


def augment_pictures(pixels: Tensor, random: np.random.Generator) -> Tensor:
    """Blur, tint and add noise to pictures (n, 3, h, w), -1..1.

    Generated pictures are softer than drawings; the judge has to recognise objects in them too.
    """
    if random.random() < 0.6:
        side = int(random.integers(20, 60))
        small = F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
        pixels = F.interpolate(small, size=pixels.shape[-2:], mode="bilinear")
    tint = torch.randn(len(pixels), 3, 1, 1) * 0.04
    return (pixels + tint + torch.randn_like(pixels) * random.uniform(0, 0.08)).clamp(-1.1, 1.1)


def augment_pictures_second(pixels: Tensor, random: np.random.Generator) -> Tensor:
    """Change contrast and brightness of pictures (n, 3, h, w), -1..1, and cover a 16 px square with grey.

    The augmentation of the second judge.
    """
    contrast = 1 + 0.25 * torch.randn(len(pixels), 1, 1, 1)
    pixels = pixels * contrast + 0.1 * torch.randn(len(pixels), 1, 1, 1)
    for picture, (y, x) in zip(pixels, random.integers(0, PIXELS - 16, (len(pixels), 2)), strict=True):
        picture[:, y : y + 16, x : x + 16] = 0
    return pixels.clamp(-1.1, 1.1)


def matching_captions(captions: list[str], contents: list[tuple]) -> Tensor:
    """Return (captions, pictures) bool: whether each caption is true of each picture.

    The noun must be the same; the style and the background colour only where the caption names them.
    `contents`: (noun, source, background colour) of each picture; caption i was made for picture i.
    """
    styles = world()["styles"]
    rows = []
    for text, (own_noun, own_source, own_colour) in zip(captions, contents, strict=True):
        style = styles.get(own_source, own_source)
        names_style, names_colour = style in text, f"{own_colour} background" in text
        rows.append(
            [
                noun == own_noun
                and (source == own_source or not names_style)
                and (colour == own_colour or not names_colour)
                for noun, source, colour in contents
            ]
        )
    return torch.tensor(rows)


def train(
    drawings: list[Drawing],
    words: list[str],
    folder: Path,
    file: Path,
    minutes: float,
    nouns_per_batch: int = NOUNS_PER_BATCH,
    start: Path | None = None,
    second: bool = False,
) -> Clip:
    """Train a judge and write it to `folder`, where `Clip.open` reads it.

    `words`: the vocabulary of its tokenizer.
    `file`: the checkpoint, resumed from if it exists.
    `start`: folder of a trained judge to continue from; None begins with random weights.
    `second`: train the second judge, with another seed, architecture and augmentation.
    """
    torch.manual_seed(int(second))
    config = configuration(write_merges(words, folder / "merges.txt.gz"), second)
    judge = Clip.open(start) if start else Clip.build(config, folder / "merges.txt.gz")
    model = judge.model.train()
    optimizers = build_optimizers(model, LEARNING_RATE)
    timer = TrainingTimer(minutes, decay_share=0.6)
    step = load_checkpoint(file, timer, model=model, **optimizers)
    dataset = JudgeDataset(drawings, seed=int(second))
    random = np.random.default_rng(int(time.time()))
    while timer.progress < 1:
        pictures, drawn, contents = dataset.batch(nouns_per_batch, random)
        captions = [
            caption(Content("one", source, [Thing(noun)], colour), random)
            for noun, source, colour in contents
        ]
        pixels = (augment_pictures_second if second else augment_pictures)(normalise(pictures), random)
        image_features = model.encode_image(pixels, normalize=True)
        text_features = model.encode_text(judge.tokenizer(captions), normalize=True)
        scale = model.logit_scale.exp().clamp(max=100)
        text_logits = scale * text_features @ image_features.T
        matches = matching_captions(captions, contents)
        drawing = torch.tensor(drawn)
        others = ~torch.eye(len(drawing), dtype=torch.bool)  # a picture is not compared with itself
        image_logits = (15 * image_features @ image_features.T).masked_fill(~others, -1e4)
        same_drawing = (drawing[:, None] == drawing) & others
        caption_loss = (
            multi_target_cross_entropy(text_logits, matches)
            + multi_target_cross_entropy(text_logits.T, matches.T)
        ) / 2
        drawing_loss = multi_target_cross_entropy(image_logits, same_drawing)
        (caption_loss + drawing_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        step_optimizers(optimizers, LEARNING_RATE * timer.learning_rate_factor)
        step += 1
        if step % 50 == 0:
            losses = f"caption loss {caption_loss:.3f}, drawing loss {drawing_loss:.3f}"
            print(f"{step} {timer.elapsed:.0f} s: {losses}", flush=True)
        if timer.checkpoint_due(3):
            save_checkpoint(file, timer, step, model=model, **optimizers)
    save_checkpoint(file, timer, step, model=model, **optimizers)
    save(judge, config, folder)
    return judge


def save(judge: Clip, config: dict, folder: Path) -> None:
    """Write the judge's weights, in half precision, and its configuration to `folder`.

    `write_merges` writes the third file that `Clip.open` needs.
    """
    weights = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in judge.model.state_dict().items()
        if name != "attn_mask"
    }
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    judge.model.eval()
