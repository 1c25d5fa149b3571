"""What is said of files that were left out: one sentence for many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from studio.photos.photo import Refusal
from studio.words import marked, trn

# By kind, what is said of one file and of several; in the order in which it is said.
KINDS = {
    "format": (marked("{count} is no picture"), marked("{count} are no pictures")),
    "damaged": (marked("{count} is damaged"), marked("{count} are damaged")),
    "same": (marked("{count} shows the same as another"), marked("{count} show the same as others")),
    "flat": (marked("{count} is one flat colour"), marked("{count} are one flat colour")),
    "small": (marked("{count} is too small"), marked("{count} are too small")),
    "long": (marked("{count} is too long and narrow"), marked("{count} are too long and narrow")),
    "large": (marked("{count} is too large"), marked("{count} are too large")),
    "many": (
        marked("{count} is beyond the number that can be used at once"),
        marked("{count} are beyond the number that can be used at once"),
    ),
    "upload": (marked("{count} could not be uploaded"), marked("{count} could not be uploaded")),
    "caption": (
        marked("{count} is no caption of a photo here"),
        marked("{count} are no captions of photos here"),
    ),
    "mask": (marked("{count} is no mask of a photo here"), marked("{count} are no masks of photos here")),
    "other": (marked("{count} cannot be used"), marked("{count} cannot be used")),
}


def refusals_summary(refusals: Sequence[Refusal], count: int) -> str:
    """Return one sentence about all files that were left out.

    Args:
        count: how many files there were.

    For example "3 of 40 were not taken: 2 are no pictures, 1 is damaged".
    """
    counts = Counter(refusal.kind if refusal.kind in KINDS else "other" for refusal in refusals)
    said = [trn(*texts, counts[kind]) for kind, texts in KINDS.items() if counts[kind]]
    return trn(
        "{count} of {total} was not taken: {reasons}",
        "{count} of {total} were not taken: {reasons}",
        len(refusals),
        total=max(count, len(refusals)),
        reasons=", ".join(said),
    )
