"""What is said of files that were left out: one sentence for many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from studio.photos.photo import Refusal

# By kind, what is said of one file and of several; in the order in which it is said.
KINDS = {
    "format": ("is no picture", "are no pictures"),
    "damaged": ("is damaged", "are damaged"),
    "same": ("shows the same as another", "show the same as others"),
    "flat": ("is one flat colour", "are one flat colour"),
    "small": ("is too small", "are too small"),
    "long": ("is too long and narrow", "are too long and narrow"),
    "large": ("is too large", "are too large"),
    "many": (
        "is beyond the number that can be used at once",
        "are beyond the number that can be used at once",
    ),
    "upload": ("could not be uploaded", "could not be uploaded"),
    "caption": ("is no caption of a photo here", "are no captions of photos here"),
    "mask": ("is no mask of a photo here", "are no masks of photos here"),
    "other": ("cannot be used", "cannot be used"),
}


def refusals_summary(refusals: Sequence[Refusal], count: int) -> str:
    """Return one sentence about all files that were left out.

    Args:
        count: how many files there were.

    For example "3 of 40 were not taken: 2 are no pictures, 1 is damaged".
    """
    counts = Counter(refusal.kind if refusal.kind in KINDS else "other" for refusal in refusals)
    said = [f"{counts[kind]} {words[counts[kind] > 1]}" for kind, words in KINDS.items() if counts[kind]]
    verb = "was" if len(refusals) == 1 else "were"
    return f"{len(refusals)} of {max(count, len(refusals))} {verb} not taken: {', '.join(said)}"
