"""Class pictures: pictures of a plain prompt by the untouched base, for prior preservation.

The base keeps being trained on pictures of its own, so that what it knew does not drift (DreamBooth, Ruiz et
al., arXiv 2208.12242, section 4.3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from studio.events import Event, Note, Step
from studio.models.backbone import Backbone
from studio.models.words import Words
from studio.settings import setting
from studio.words import marked, tr
from trainers.kit.batches import DenoisingBatch, draw_denoising, encode_prompts
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import denoising_loss, mean_error, squared_errors
from trainers.kit.painted_pictures import PaintedPictures, refusals
from trainers.kit.photo_settings import PhotoSettings

FOLDER = "class-pictures"  # in a cache folder
LIGHT = {"class_pictures": 1, "class_steps": 2}  # for `Method.light_preparation`
PRESERVES = marked("How strongly the rest of the model is preserved; 0 turns it off.")


def picture_count(default: int, source: str) -> int:
    """Return the setting of how many class pictures there are, for methods whose recipes differ in it."""
    help = "Pictures that keep the base as it was, painted by it once."
    return setting(default, help, 1, 2000, "pictures", source=source, group="regularizers")


def preservation_weight(source: str, help: str = PRESERVES) -> float:
    """Return the setting of how much class pictures count; `help` says what they preserve."""
    return setting(1.0, help, 0.0, 10.0, source=source, group="regularizers")


@dataclass(frozen=True)
class ClassPictureSettings(PhotoSettings):
    """For methods that preserve what the base knew with its own pictures."""

    class_pictures: int = picture_count(100, "diffusers script, Break-A-Scene's code")
    class_steps: int = setting(30, "Sampling steps for each of them.", 1, 100, "steps", group="regularizers")
    class_guidance: float = setting(
        7.5, "Guidance for each of them.", 1.0, 30.0, source="diffusers script", group="regularizers"
    )
    class_share: float = setting(
        1.0,
        "Class pictures in each step, for every photo in it.",
        0.05,
        4.0,
        source="diffusers script",
        group="regularizers",
    )

    def class_pictures_of(self, backbone: Backbone, prompt: str) -> ClassPictures:
        """Return the pictures of a prompt, of the size that the photos have."""
        chosen = self.class_pictures, self.class_steps, self.class_guidance, self.side_on(backbone)
        return ClassPictures(PaintedPictures(backbone, prompt, *chosen, FOLDER), self.class_share)

    def class_pictures_in_turn(self, backbone: Backbone, prompts: Sequence[str]) -> PicturesInTurn:
        """Return the pictures of several prompts, shared out evenly, at least one of each."""
        each = dataclasses.replace(self, class_pictures=-(-self.class_pictures // len(prompts)))
        return PicturesInTurn([each.class_pictures_of(backbone, prompt) for prompt in prompts])


@dataclass(frozen=True)
class PriorBatch(DenoisingBatch):
    """Photos and class pictures of one step.

    Args:
        prior: the class pictures; None without prior preservation.
        prior_factor: by what their mean error is multiplied, in a part that has a larger or smaller share of
            the class pictures than of the photos.
    """

    prior: DenoisingBatch | None = None
    prior_factor: float = 1.0

    def part(self, numbers: slice) -> Self:
        """See `DenoisingBatch.part`. Parts share out the class pictures as they share out the photos.

        A part for which none is left takes one that does not count, so that all parts have the same terms.
        """
        part = super().part(numbers)
        if self.prior is None:
            return part
        photos, pictures = len(self), len(self.prior)
        first, end = (number * pictures // photos for number in (numbers.start, numbers.stop))
        factor = (end - first) / pictures * photos / len(part)
        prior = self.prior.part(slice(first, max(end, first + 1)))
        return dataclasses.replace(part, prior=prior, prior_factor=self.prior_factor * factor)


class ClassPictures:
    """Pictures of a plain prompt, by the untouched base.

    Args:
        share: how many of them a step sees for each photo; at least one in any case.

    They come from a DDIM sampler, where the paper uses the ancestral one.
    """

    def __init__(self, pictures: PaintedPictures, share: float = 1.0) -> None:
        self.pictures, self.share = pictures, share
        self.backbone = pictures.backbone

    def work_ahead(self, cache: Path) -> int:
        """Return how many sampling steps the missing pictures take, one picture at a time."""
        return self.pictures.work_ahead(cache)

    def prepare(self, cache: Path) -> Iterator[Event]:
        """Paint and encode the pictures; yields Steps and a Note. Runs with nothing attached.

        Only those are painted that are missing in `cache`, or damaged.
        """
        pictures, missing = self.pictures, self.pictures.missing(cache)
        if missing:
            text = 'Painting "{prompt}" {count} times, once for this base.'
            yield Note(tr(text, prompt=pictures.recipe.prompt, count=len(missing)))
            for done in pictures.paint(cache, missing):
                yield Step(done, len(missing), stage=tr("painting class pictures"))
        yield from refusals([pictures])
        self.latents = PhotoLatents(self.backbone, pictures.pixels(cache))

    def draw(self, photos: int, generator: torch.Generator) -> DenoisingBatch:
        """Return the pictures of a step of so many photos, with noise and timesteps of their own."""
        latents = self.latents.draw(max(1, round(self.share * photos)), generator)
        return draw_denoising(self.backbone, latents, [self.pictures.recipe.prompt], generator)


class PicturesInTurn:
    """Class pictures of several prompts; a step draws from one of them.

    Pictures of several nouns together would be preserved as they come from the base: with the nouns mixed up.
    """

    def __init__(self, sets: Sequence[ClassPictures]) -> None:
        self.sets = tuple(sets)

    def work_ahead(self, cache: Path) -> int:
        """See `ClassPictures.work_ahead`."""
        return sum(pictures.work_ahead(cache) for pictures in self.sets)

    def prepare(self, cache: Path) -> Iterator[Event]:
        """See `ClassPictures.prepare`."""
        for pictures in self.sets:
            yield from pictures.prepare(cache)

    def draw(self, photos: int, generator: torch.Generator) -> DenoisingBatch:
        """Return the pictures of a step of so many photos, all of them of one of the prompts."""
        chosen = int(torch.randint(len(self.sets), (1,), generator=generator)) if len(self.sets) > 1 else 0
        return self.sets[chosen].draw(photos, generator)


def losses_with_prior(
    backbone: Backbone, batch: PriorBatch, words: Words, weight: float, by_area: bool = False
) -> dict[str, Tensor]:
    """Return the terms "denoising" of photos and, where there are class pictures, "prior": `weight` times

        E || eps' - eps_theta(z_pr,t', t', c_pr) ||^2

    over the whole pictures. Photos and class pictures go through the network together.

    Args:
        words: the encodings of the photos' n prompts.
        by_area: see `denoising_loss`.
    """
    if batch.prior is None:
        return {"denoising": denoising_loss(backbone, batch, words, by_area)}
    prior = batch.prior
    own_error, prior_error = squared_errors(
        backbone, [(batch, words), (prior, encode_prompts(backbone, prior))]
    )
    return {
        "denoising": mean_error(batch, own_error, by_area),
        "prior": weight * batch.prior_factor * mean_error(prior, prior_error),
    }
