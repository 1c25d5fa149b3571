"""The weights that a method tunes: by low rank from the start, or fully and made small at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from studio.edits import Edit, Full, LowRank
from studio.events import Event, Insight, Note
from studio.models.backbone import Backbone
from studio.words import marked, tr
from trainers.kit.svd_extraction import Extraction, effect_kept, extract


class TunedWeights:
    """A change of the model that learns.

    Args:
        change: what is trained.
        rank: that a fully tuned change is cut to.

    Attributes:
        change: after `finish`, always low-rank.
        extraction: of full tuning, once it is finished.
        effect_kept: the share of the change's effect on the photo that the cut kept.
    """

    def __init__(self, backbone: Backbone, change: LowRank | Full, rank: int) -> None:
        self.backbone, self.rank = backbone, rank
        self.change = change
        self.extraction: Extraction | None = None
        self.effect_kept = 1.0

    def parameters(self) -> list[Tensor]:
        """Return everything that is trained."""
        return self.change.parameters()

    def finish(self, latents: Tensor, prompt: str, words: Sequence[Edit]) -> Iterator[Event]:
        """Turn full tuning into a low-rank edit; yields Notes of what that costs.

        Args:
            latents (1, C, h, w), prompt: a photo and what names it, on which the effect is compared.
            words: the edits beside the change that the prompt needs.
        """
        if not isinstance(self.change, Full):
            return
        full = self.change
        yield Note(tr("Compressing the tuned weights."))
        self.extraction = extract(full, self.backbone, self.rank)
        self.change = self.extraction.edit
        self.effect_kept = effect_kept(self.backbone, latents, prompt, words, full, self.change)
        text = "Rank {rank} keeps {change:.0%} of the change and {effect:.0%} of its effect on the photo."
        yield Note(tr(text, rank=self.rank, change=self.extraction.kept, effect=self.effect_kept))

    def insights(self) -> list[Insight]:
        """Return a chart of what the cut lost, of a change that was cut."""
        if self.extraction is None:
            return []
        caption = tr("What rank {rank} loses of each layer's change", rank=self.rank)
        return [Insight(self.extraction.chart(), caption)]

    def report(self) -> dict[str, float]:
        """Return what the cut lost, for the concept's header; nothing of a change that was not cut."""
        if self.extraction is None:
            return {}
        return self.extraction.report() | {marked("effect kept"): self.effect_kept}
