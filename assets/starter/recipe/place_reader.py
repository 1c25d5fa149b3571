"""Read the place that a picture shows: a linear classifier on what the judge sees and on coarse colours.

The judge's captions name places too seldom to be asked for one: of real drawings in 29 sceneries it guesses
half. Trained on scenes of real drawings, this reader names nearly all unseen ones (`accuracy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from studio.models.patch_judge import PatchJudge

from .backdrops import VARIANTS, Backdrops
from .drawings import Drawing
from .sceneries import SCENERIES
from .scenes import PIXELS, Placement, Scene

TRAINED_VARIANTS = 10  # of the VARIANTS of every backdrop
STEPS, LEARNING_RATE, WEIGHT_DECAY = 300, 0.01, 1.0
COARSE = 8  # side of the thumbnail, pixels


@dataclass(frozen=True)
class PlaceReader:
    """A trained reader.

    `judge`: whose features it reads. `mean`, `spread` (features,): normalise them. `classifier`: of places.
    """

    judge: PatchJudge
    mean: Tensor
    spread: Tensor
    classifier: nn.Linear

    @classmethod
    def train(
        cls, judge: PatchJudge, drawings: list[Drawing], backdrops: Backdrops, count: int
    ) -> PlaceReader:
        """Train a reader on `count` scenes of each place."""
        pictures, places = real_sceneries(drawings, backdrops, count, range(TRAINED_VARIANTS))
        features = features_of(judge, pictures)
        mean, spread = features.mean(dim=0), features.std(dim=0) + 1e-6
        names = list(SCENERIES)
        features, truth = (features - mean) / spread, torch.tensor([names.index(place) for place in places])
        torch.manual_seed(0)
        classifier = nn.Linear(features.shape[1], len(SCENERIES))
        optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        for _ in range(STEPS):
            optimizer.zero_grad()
            F.cross_entropy(classifier(features), truth).backward()
            optimizer.step()
        return cls(judge, mean, spread, classifier)

    @torch.no_grad()
    def read(self, pictures: Sequence[Image.Image]) -> list[str]:
        """Return the name of the place that each picture shows."""
        features = (features_of(self.judge, pictures) - self.mean) / self.spread
        names = list(SCENERIES)
        return [names[number] for number in self.classifier(features).argmax(dim=1).tolist()]

    def accuracy(self, drawings: list[Drawing], backdrops: Backdrops, count: int) -> float:
        """Return the share of right places in `count` unseen scenes of each place."""
        pictures, places = real_sceneries(drawings, backdrops, count, range(TRAINED_VARIANTS, VARIANTS))
        return float(np.mean(np.array(self.read(pictures)) == np.array(places)))


def features_of(judge: PatchJudge, pictures: Sequence[Image.Image]) -> Tensor:
    """Return (n, features): the judge's pooled ones, its mean over the background's patches, a thumbnail."""
    seen = judge.see(pictures)
    background = 1 - seen.object.sigmoid()
    patches = (seen.patches * background[..., None]).sum(dim=1) / background.sum(dim=1, keepdim=True)
    side = COARSE, COARSE
    thumbnails = np.stack(
        [np.asarray(picture.convert("RGB").resize(side, Image.Resampling.BOX)) for picture in pictures]
    )
    colours = torch.from_numpy(thumbnails).float().flatten(1) / 255
    return torch.cat([seen.pooled, patches, colours], dim=1)


def real_sceneries(
    drawings: list[Drawing], backdrops: Backdrops, count: int, variants: Sequence[int]
) -> tuple[list[Image.Image], list[str]]:
    """Compose real drawings in sceneries at all their times, `count` of each place.

    `variants`: numbers of the backdrops' variants to use. Returns the pictures, and the names of their
    places.
    """
    random = np.random.default_rng(list(variants))  # others for others
    pictures, places = [], []
    for name, scenery in SCENERIES.items():
        for _ in range(count):
            drawing = drawings[int(random.integers(len(drawings)))]
            time = scenery.times[int(random.integers(len(scenery.times)))]
            backdrop = backdrops.draw(name, time, drawing.source, PIXELS, random, variants)
            placement = Placement(drawing, random.uniform(0.4, 0.6), 0.6, random.uniform(0.45, 0.7))
            pictures.append(Scene([placement], "", backdrop=backdrop).compose())
            places.append(name)
    return pictures, places
