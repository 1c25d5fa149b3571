"""Photos of one subject, each learned in a neutral sentence drawn anew, or with its own caption.

That is how words are learned since Textual Inversion (Gal et al., arXiv 2208.01618).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from trainers.kit import templates
from trainers.kit.batches import DenoisingBatch, draw_denoising
from trainers.kit.latents import PhotoLatents
from trainers.kit.photo_settings import MaskedPhotoSettings, mirror_images


@dataclass(frozen=True)
class SentenceSettings(MaskedPhotoSettings):
    """For methods that learn a word in sentences."""

    property: str = setting(
        "object",
        "What the photos have in common: a thing or a style.",
        choices=("object", "style"),
        source="Textual Inversion",
        group="words",
    )
    flips: bool = mirror_images(True, "Textual Inversion")

    def looks_for_subject(self) -> bool:
        """See `MaskedPhotoSettings.looks_for_subject`: a style is learned from whole pictures."""
        return super().looks_for_subject() and self.property == "object"

    def sentences(self, handle: str) -> list[str]:
        """Return the neutral sentences about a handle."""
        patterns = templates.OBJECT if self.property == "object" else templates.STYLE
        return [pattern.format(handle) for pattern in patterns]

    def preview(self, handle: str) -> str:
        """Return the sentence of previews."""
        return f"a photo of {handle}" if self.property == "object" else f"a painting in the style of {handle}"


class PhotoSentences:
    """Draws photos with their sentences.

    Args:
        photos: with masks and captions of the subject, if the settings want them.
    """

    def __init__(
        self, backbone: Backbone, photos: PhotoSet, subject: Subject, settings: SentenceSettings
    ) -> None:
        self.backbone = backbone
        self.neutral = settings.sentences(subject.handle)
        self.latents = PhotoLatents.of_subject(backbone, photos, subject, settings)

    @property
    def all(self) -> list[str]:
        """Return every sentence that may be drawn."""
        return [*self.neutral, *filter(None, self.latents.captions)]

    def draw(self, count: int, generator: torch.Generator) -> tuple[DenoisingBatch, list[str]]:
        """Return the batch of a step of `count` photos, and the sentence of each."""
        chosen = torch.randint(len(self.neutral), (count,), generator=generator).tolist()
        photos = self.latents.draw_photos(count, generator)
        sentences = photos.prompts([self.neutral[number] for number in chosen])
        return draw_denoising(self.backbone, photos.latents, sentences, generator, photos.masks), sentences
