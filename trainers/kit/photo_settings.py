"""Settings of how photos are learned from, for the `Settings` of methods to inherit."""

from __future__ import annotations

from dataclasses import dataclass

from studio.limits import MAX_PHOTO_SIDE
from studio.models.backbone import Backbone
from studio.settings import setting


def photos_a_step(default: int, source: str) -> int:
    """Return the setting of how many photos a step sees, for methods whose recipes differ in it."""
    return setting(default, "Photos in each step.", 1, 64, "photos", source=source, group="memory")


def mirror_images(default: bool, source: str) -> bool:
    """Return the setting of whether mirror images of the photos are learned too."""
    help = "Also learn from mirror images; turn off for text and lopsided things."
    return setting(default, help, source=source, group="photos")


def finding_subjects(default: bool) -> bool:
    """Return the setting of whether masks are found for photos without one."""
    help = "Find the subject of photos without a mask, where the ground is plain."
    return setting(default, help, group="photos")


def weight_of_ground(default: float) -> float:
    """Return the setting of how much counts what masks leave out."""
    help = "How much the ground outside of masks counts; a little of it shows where the subject ends."
    return setting(default, help, 0.0, 1.0, group="photos")


@dataclass(frozen=True)
class PhotoSettings:
    """For every method."""

    resolution: int = setting(
        0,
        "Side of the squares to learn from; 0 for the base's own. Smaller ones need less time and memory.",
        0,
        MAX_PHOTO_SIDE,
        "pixels",
        source="kohya, diffusers scripts",
        group="memory",
    )

    def side_on(self, backbone: Backbone) -> int:
        """Return the side of the squares in pixels: the nearest that the network can read."""
        return backbone.side_of(self.resolution)


@dataclass(frozen=True)
class CaptionedPhotoSettings(PhotoSettings):
    """For methods that learn each photo with one prompt."""

    photo_captions: bool = setting(
        True, "Learn each photo with its own caption, where it has one.", group="photos"
    )


@dataclass(frozen=True)
class MaskedPhotoSettings(CaptionedPhotoSettings):
    """For methods that learn one subject, which the photos' masks may cut out.

    Subjects are found only where it was measured to help (assets/readme/results.md): a word that never sees a
    ground, with nothing that preserves the noun, leaves little of the ground in a prompt.
    """

    masks: bool = setting(True, "Learn what the photos' masks cover, where there are any.", group="photos")
    find_subject: bool = finding_subjects(False)
    ground_weight: float = weight_of_ground(0.0)

    def looks_for_subject(self) -> bool:
        """Return whether masks are found for photos without any."""
        return self.masks and self.find_subject
