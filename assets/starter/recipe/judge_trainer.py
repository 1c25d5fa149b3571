"""Batches and losses of the judge that sees patches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from studio.models.patch_judge import PatchJudge, Seen

from .judge_backgrounds import ANYTHING, Backgrounds
from .judge_captions import CaptionTable, true_of
from .judge_drawings import DrawingBank
from .judge_impostors import impostors, too_similar
from .judge_losses import (
    IGNORED,
    caption_loss,
    cleanliness_loss,
    drawing_loss,
    multi_target_cross_entropy,
    pick_patches,
    place_loss,
)
from .judge_pictures import Views, compose, random_placement
from .precision import autocast

PICKED = 32  # patches of a picture that are compared with those of all others


class JudgeTrainer:
    """Draws batches and computes the losses.

    `bank`, `backgrounds`, `captions`: what the pictures are made of. `batch`: drawings per step.
    """

    def __init__(
        self,
        judge: PatchJudge,
        bank: DrawingBank,
        backgrounds: Backgrounds,
        captions: CaptionTable,
        batch: int,
    ) -> None:
        self.judge, self.bank, self.backgrounds, self.captions = judge, bank, backgrounds, captions
        self.batch = batch
        self.look: Callable[[Tensor], Seen] = judge

    def strengths(self, random: np.random.Generator, clean_share: float, limit: float = 1.0) -> np.ndarray:
        """Draw the strengths of degradations; a share is 0."""
        strengths = limit * random.random(self.batch)
        return np.where(random.random(self.batch) < clean_share, 0.0, strengths).astype(np.float32)

    @torch.no_grad()
    def views(self, random: np.random.Generator) -> tuple[Views, dict[str, Tensor]]:
        """Draw a batch: first views, second views and impostors, one after the other, and their contents."""
        bank, count = self.bank, self.batch
        chosen, device = bank.draw(count, random), bank.device
        tokens, styled, places, times = self.captions.draw(chosen, random)
        partners = bank.partners(chosen, random)
        indices, others, strangers = (
            torch.from_numpy(each).to(device)
            for each in (chosen, partners, random.integers(len(bank.drawings), size=count))
        )
        free, free_times = self.backgrounds.draw_places(count, random)
        shown = np.where(places == ANYTHING, free, places), np.where(places == ANYTHING, free_times, times)
        settings = [
            shown,
            self.backgrounds.draw_places(count, random),
            self.backgrounds.draw_places(count, random),
        ]
        marks = torch.rand(3, count, device=device) < 0.5
        subjects = [bank.layers(indices, marks[0]), bank.layers(indices, marks[1])]
        wrong = impostors(
            bank.layers(indices, marks[2]),
            bank.layers(others, marks[2]),
            bank.palettes[indices],
            bank.palettes[others],
        )
        aside = bank.layers(strangers)
        strengths = [
            self.strengths(random, 0.6, 0.5),
            self.strengths(random, 0.3),
            self.strengths(random, 0.6, 0.8),
        ]
        trap = torch.rand(count, device=device) < 0.5  # impostors where the subject was, on its background
        parts, pictured, drawn, maps = [], [], [], []
        for number, (layers, (place, time)) in enumerate(zip([*subjects, wrong], settings, strict=True)):
            backgrounds, time = self.backgrounds.draw(place, time, random)
            pictured.append([torch.from_numpy(each).to(device) for each in (place, time)])
            drawn.append(backgrounds)
            maps.append(random_placement(count, device))
            if number == 2:
                drawn[2] = torch.where(trap.view(-1, 1, 1, 1), drawn[0], drawn[2])
                maps[2] = torch.where(trap.view(-1, 1, 1), maps[0], maps[2])
            beside = aside.roll(number, dims=0)
            setting = drawn[number], maps[number], strengths[number]
            parts.append(compose(layers, beside, *setting, self.judge.patch, random))
        twice = torch.cat([indices, indices])
        named = torch.from_numpy(places).to(device), torch.from_numpy(times).to(device)
        background = [torch.cat([first, second]) for first, second in zip(*pictured[:2], strict=True)]
        matches = true_of(
            bank.nouns[twice],
            bank.sources[twice],
            styled,
            (named[0], background[0]),
            (named[1], background[1]),
        )
        alike = bank.alike(indices)
        twin = torch.diag(too_similar(subjects[0], wrong))
        contents = {
            "tokens": tokens,
            "named": bank.named[indices],
            "matches": matches & bank.named[indices][:, None],
            "ignored": torch.cat([alike, twin], dim=1),
        }
        return Views.join(parts), contents

    def losses(self, views: Views, contents: dict[str, Tensor]) -> dict[str, Tensor]:
        """Look at the views and return the losses by name."""
        count, clip = self.batch, self.judge.clip
        with autocast(self.bank.device):
            seen = self.look(views.pixels)
            texts = F.normalize(clip.encode_text(contents["tokens"]).float(), dim=-1)
        pooled, ignored = seen.pooled, contents["ignored"]
        logits = clip.logit_scale.exp().clamp(max=100) * texts @ pooled[: 2 * count].T
        nameless = ~torch.cat([contents["named"]] * 2)
        same = torch.eye(count, 2 * count, dtype=torch.bool, device=pooled.device)
        among = (15 * pooled[:count] @ pooled[count:].T).masked_fill(ignored, IGNORED)
        picked = pick_patches(seen.patches, views.cover, min(PICKED, views.cover.shape[1]))
        first, wrong = picked.rows(0, count), picked.rows(2 * count)
        places = views.places[:count].gather(1, first.numbers[..., None].expand(-1, -1, 2))
        second = slice(count, 2 * count)
        scale = self.judge.match_scale.exp().clamp(max=100)
        with autocast(self.bank.device):  # of all losses, only this one is large
            drawing = drawing_loss(first, picked.rows(count), scale, ignored)
        return {
            "caption": caption_loss(logits.masked_fill(nameless, IGNORED), contents["matches"]),
            "pooled": multi_target_cross_entropy(among, same),
            "drawing": drawing,
            "place": place_loss(first, places, seen.patches[second], views.places[second], wrong.patches),
            "object": F.binary_cross_entropy_with_logits(seen.object, views.objects.clamp(0, 1)),
            "clean": cleanliness_loss(seen.clean[: 2 * count], views.cleanliness[: 2 * count], count),
        }
