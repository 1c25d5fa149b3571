"""How a base model fits a device: what is put off the device, and what is made smaller.

The plan is made once, when a base is opened, from the memory that is free and the sizes of its parts. It
needs nothing but numbers, so that a table of cards and models can be written down and tested.

Sizes are bytes; in words a GB is 10^9 of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from studio.errors import StudioError
from studio.words import tr

AUTO, ALL, LEAST = "auto", "all", "least"
CHOICES = (AUTO, ALL, LEAST)  # as they fit, everything on the device, every measure
# What no plan counts: workspaces of the libraries, gaps between blocks of memory, and a screen that grows.
RESERVE = 800_000_000
TILED_FROM = 1024  # pixels of the longer side from which a picture counts as large
TILE = 512  # pixels of a tile's side
GB = 1e9


class Measure(Enum):
    """What saves memory, in words, in the order in which it is taken. All but the fourth are exact.

    Tiles change a large picture by what its far parts would have added to a normalisation.
    """

    TILES = tr("large pictures are decoded in tiles")
    TEXT_WAITS = tr("the text encoder waits in the computer's memory")
    AUTOENCODER_WAITS = tr("the autoencoder waits in the computer's memory")
    FLOAT8 = tr("the denoiser is kept in 8 bits, which changes pictures a little")
    TURNS = tr("the denoiser makes room while a prompt is read")


@dataclass(frozen=True)
class PartSizes:
    """How many bytes the parts of a base take in the precision that they run in.

    Args:
        denoiser, text, autoencoder: of the weights; `text` of all text encoders.
        denoiser_8bit: of the denoiser's, with those that may be in 8 bits in 8 bits.
        predicting: an estimate of what one prediction for a picture needs besides.
        decoding, tile: estimates of what decoding it needs besides, as a whole and in tiles.
        training: an estimate of what a training step with one photo needs besides, what it computes being
            kept in the computer's memory, as the training loop does when a device runs out of its own.
    """

    denoiser: int
    denoiser_8bit: int
    text: int
    autoencoder: int
    predicting: int
    decoding: int
    tile: int
    training: int

    def reading_peak(self, measures: frozenset[Measure]) -> int:
        """Return what is on the device while a prompt is read, with these measures."""
        denoiser = 0 if Measure.TURNS in measures else self._denoiser(measures)
        return denoiser + self.text + (0 if Measure.AUTOENCODER_WAITS in measures else self.autoencoder)

    def painting_peak(self, measures: frozenset[Measure]) -> int:
        """Return the most that reading a prompt, predicting and decoding need with these measures."""
        denoiser = self._denoiser(measures)
        text = 0 if Measure.TEXT_WAITS in measures else self.text
        autoencoder = 0 if Measure.AUTOENCODER_WAITS in measures else self.autoencoder
        return max(
            self.reading_peak(measures),
            denoiser + text + autoencoder + self.predicting,
            denoiser + text + self.autoencoder + (self.tile if Measure.TILES in measures else self.decoding),
        )

    def training_peak(self, measures: frozenset[Measure]) -> int:
        """Return the most that a training needs: its words are learned through the text encoder.

        Encoding the photos, before the first step, is counted as if the text encoder were there already.
        """
        autoencoder = 0 if Measure.AUTOENCODER_WAITS in measures else self.autoencoder
        encoding = self.autoencoder + self.decoding // 2  # the encoder halves the sides early
        return self._denoiser(measures) + self.text + max(autoencoder + self.training, encoding)

    def _denoiser(self, measures: frozenset[Measure]) -> int:
        return self.denoiser_8bit if Measure.FLOAT8 in measures else self.denoiser


@dataclass(frozen=True)
class MemoryPlan:
    """The measures that a base takes on a device.

    Args:
        measures: in the order in which they are taken.
        free: the device's free memory in bytes, None where it was not asked.
        painting, training: what a picture and a training need with the measures, the reserve included.
    """

    measures: tuple[Measure, ...] = ()
    free: int | None = None
    painting: int = 0
    training: int = 0

    def takes(self, measure: Measure) -> bool:
        """Return whether a measure is taken."""
        return measure in self.measures

    @property
    def is_trivial(self) -> bool:
        """Return whether everything is on the device and fits."""
        return not self.measures and not self.shortfall

    @property
    def shortfall(self) -> str:
        """Return what does not fit even so, in words with the figures; empty if all does."""
        if self.free is None or max(self.painting, self.training) <= self.free:
            return ""
        paints = "it needs about {needed:.1f} GB even so, and {free:.1f} GB are free"
        trains = "a training needs about {needed:.1f} GB even so, and {free:.1f} GB are free"
        if self.painting > self.free:
            return tr(paints, needed=self.painting / GB, free=self.free / GB)
        return tr(trains, needed=self.training / GB, free=self.free / GB)

    @property
    def words(self) -> str:
        """Return the plan in words, in one line without a full stop."""
        sentences = [measure.value for measure in self.measures]
        return "; ".join(filter(None, (*sentences, self.shortfall))) or tr("fits as it is")


def plan_memory(free: int, sizes: PartSizes, can_float8: bool) -> MemoryPlan:
    """Return the measures with which a base fits in `free` bytes, less the reserve.

    Each is taken only if a picture does not fit without it, the last only if reading its prompt does not.
    The autoencoder waits and the denoiser is kept in 8 bits also where only a training would not fit: the
    other measures do not help that. More free memory never means a measure more.

    Args:
        can_float8: whether the denoiser can be kept in 8 bits.
    """
    room = free - RESERVE
    taken: frozenset[Measure] = frozenset()
    for measure in Measure:
        if measure is Measure.FLOAT8 and not can_float8:
            continue
        helps_training = measure in (Measure.AUTOENCODER_WAITS, Measure.FLOAT8)
        needed = sizes.reading_peak(taken) if measure is Measure.TURNS else sizes.painting_peak(taken)
        if needed > room or (helps_training and sizes.training_peak(taken) > room):
            taken |= {measure}
    return _plan(taken, free, sizes)


def forced_plan(choice: str, free: int | None, sizes: PartSizes, can_float8: bool) -> MemoryPlan:
    """Return the plan that a person has chosen.

    Args:
        choice: one of `CHOICES`.
        free: None where it cannot be asked; `auto` then leaves everything as it is.

    Raises StudioError for a choice that there is not.
    """
    if choice not in CHOICES:
        raise StudioError(
            "There is no memory plan called {choice!r}.", "Write auto, all or least.", choice=choice[:60]
        )
    if choice == LEAST:
        every = (measure for measure in Measure if can_float8 or measure is not Measure.FLOAT8)
        return _plan(frozenset(every), free, sizes)
    if choice == ALL or free is None:
        return _plan(frozenset(), free, sizes)
    return plan_memory(free, sizes, can_float8)


def _plan(taken: frozenset[Measure], free: int | None, sizes: PartSizes) -> MemoryPlan:
    """Return the plan with these measures and what they lead to."""
    measures = tuple(measure for measure in Measure if measure in taken)
    painting, training = sizes.painting_peak(taken), sizes.training_peak(taken)
    return MemoryPlan(measures, free, painting + RESERVE, training + RESERVE)
