"""Tell from similarities which of k subjects a picture shows: each of them, one twice, or a blend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Similarities:
    """Cosines of one picture, each -1..1, with unseen photos of k subjects.

    Args:
        crops (w, k): of crops all over the picture (`picture_crops.presence_crops`).
        attended (k, k), by handle and subject: of the crop that each handle attends to in the finished
            picture, with every edit on, whatever the mode of composing.
        agreement: of the whole picture with its prompt, in which nouns stand for handles.
    """

    crops: list[list[float]]
    attended: list[list[float]]
    agreement: float

    def likeness(self, subject: int) -> float:
        """Return the cosine of the crop that is most like a subject."""
        return max(crop[subject] for crop in self.crops)

    def is_present(self, subject: int, threshold: float) -> bool:
        """Return whether some crop is more like this subject than like any other, and above `threshold`."""
        return any(crop[subject] == max(crop) and crop[subject] > threshold for crop in self.crops)

    def all_present(self, thresholds: Sequence[float]) -> bool:
        """Return whether every subject is present; `thresholds` (k,)."""
        return all(self.is_present(subject, threshold) for subject, threshold in enumerate(thresholds))

    @property
    def nearest(self) -> list[int]:
        """Return the number of the subject that each handle's crop is most like, k of them."""
        return [cosines.index(max(cosines)) for cosines in self.attended]

    @property
    def is_swapped(self) -> bool:
        """Return whether two handles have each other's subject."""
        nearest = self.nearest
        return any(nearest[subject] == handle != subject for handle, subject in enumerate(nearest))

    @property
    def is_dominated(self) -> bool:
        """Return whether the crops of all handles are most like one and the same subject."""
        return len(self.nearest) > 1 and len(set(self.nearest)) == 1

    def is_blended(self, thresholds: Sequence[float]) -> bool:
        """Return whether the crop of some handle is above the thresholds of two subjects at once."""
        return any(
            sum(cosine > threshold for cosine, threshold in zip(cosines, thresholds, strict=True)) > 1
            for cosines in self.attended
        )
