"""Turn full fine-tuning into a low-rank edit, by singular value decomposition.

For every linear layer the change W' - W = U S V' (its singular value decomposition) is cut to rank r,

    B = U_r sqrt(S_r),  A = sqrt(S_r) V_r',      || W' - W - B A ||^2 = sum over i > r of S_i^2

the nearest matrix of that rank (Eckart and Young 1936). Changes of convolutions, norms, biases and embeddings
are left out: a low-rank edit has linear layers only. What both lose is measured as energy, the squared
Frobenius norm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from studio.edits import ActiveEdit, Edit, Full, LowRank, attach
from studio.edits.kinds.full import parameters_by_path
from studio.models.attention import NOISE_LEVELS
from studio.models.backbone import Backbone
from studio.words import marked

ROW, BAR, GAP = 13, 90, 12  # pixels of the chart: height of a row, length of a whole bar, space between
MAX_ROWS = 100  # of a column of the chart


@dataclass(frozen=True)
class Extraction:
    """A low-rank edit and what it lost.

    Args:
        residuals: for each linear layer by path, the share (0..1) of its change's energy that is lost.
        left_out: for each sort of other weight, the share (0..1) that it has of the whole change.
        kept: the share (0..1) of the whole change that is in the edit.
    """

    edit: LowRank
    residuals: dict[str, float]
    left_out: dict[str, float]
    kept: float

    def report(self) -> dict[str, float]:
        """Return the numbers for the concept's header."""
        shares = list(self.residuals.values())
        report = {
            marked("change kept"): self.kept,
            marked("residual of linear layers, mean"): sum(shares) / len(shares),
            marked("residual of linear layers, worst"): max(shares),
        }
        return report | {f"change left out in {sort}": share for sort, share in self.left_out.items()}

    def chart(self) -> Image.Image:
        """Draw the residual of every linear layer as a bar beside its path."""
        lines = [(site, share) for site, share in self.residuals.items()]
        columns = [lines[start : start + MAX_ROWS] for start in range(0, len(lines), MAX_ROWS)]
        pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
        text = round(max(pen.textlength(site) for site, _ in lines))
        column_width = text + BAR + 3 * GAP
        page = Image.new("RGB", (column_width * len(columns), ROW * len(columns[0]) + GAP), "white")
        pen = ImageDraw.Draw(page)
        for number, column in enumerate(columns):
            left = number * column_width + GAP
            for row, (site, share) in enumerate(column):
                top, start = row * ROW + GAP // 2, left + text + GAP
                pen.text((left, top), site, "black")
                pen.rectangle((start, top + 2, start + BAR, top + ROW - 3), "gainsboro")
                pen.rectangle((start, top + 2, start + round(share * BAR), top + ROW - 3), "firebrick")
        return page


@torch.no_grad()
def extract(full: Full, backbone: Backbone, rank: int) -> Extraction:
    """Return the low-rank edit of `rank` nearest to what `full` changed in every linear layer."""
    A, B, residuals = {}, {}, {}
    energies: Counter[str] = Counter()
    lost = 0.0
    parameters = parameters_by_path(backbone)
    for name, change in full.changes(backbone):
        site, leaf = name.rsplit(".", 1)
        energy = change.square().sum().item()
        energies[sort_of(*parameters[name])] += energy
        if isinstance(parameters[name][0], nn.Linear) and leaf == "weight":
            A[site], B[site] = cut(change, rank)
            rest = (change - B[site] @ A[site]).square().sum().item()
            residuals[site] = rest / energy if energy else 0.0
            lost += rest
    whole = sum(energies.values()) or 1.0
    linear = energies.pop(LINEAR, 0.0)
    left_out = {sort: energy / whole for sort, energy in energies.items()}
    return Extraction(LowRank(full.handle, full.noun, A, B), residuals, left_out, (linear - lost) / whole)


def cut(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return A (r, in) and B (out, r) whose product is the matrix of rank r nearest to `change` (out, in).

    The singular values are split between them, so that both are of a size.
    """
    U, S, Vh = torch.linalg.svd(change, full_matrices=False)
    root = S[:rank].sqrt()
    return root[:, None] * Vh[:rank], U[:, :rank] * root


LINEAR = "linear layers"


def sort_of(layer: nn.Module, leaf: str) -> str:
    """Return the sort of a layer's weight: linear, convolution, norm, bias or embedding."""
    match layer:
        case _ if leaf == "bias":
            return "biases"
        case nn.Linear():
            return LINEAR
        case nn.Conv2d():
            return "convolutions"
        case nn.Embedding():
            return "embeddings"
    return "norms"


def effect_kept(
    backbone: Backbone, latents: Tensor, prompt: str, words: Sequence[Edit], full: Full, small: LowRank
) -> float:
    """Return 1 - ||full - small||^2 / ||full - no edit||^2 of the predictions for a prompt with these words.

    1 means that the small edit predicts as full tuning does, 0 that it is as far from it as the base.
    """
    before, tuned, after = (
        _predictions(backbone, latents, prompt, [*words, *edits]) for edits in ((), (full,), (small,))
    )
    whole = (tuned - before).square().sum().item()
    return 1 - (tuned - after).square().sum().item() / whole if whole else 1.0


@torch.no_grad()
def _predictions(backbone: Backbone, latents: Tensor, prompt: str, edits: Sequence[Edit]) -> Tensor:
    """Return predictions (3, n, C, h, w) for latents (n, C, h, w), with edits on, at three noise levels."""
    generator = torch.Generator().manual_seed(0)
    predictions = []
    with attach(backbone, [ActiveEdit(edit) for edit in edits]):
        for share in NOISE_LEVELS:
            t = backbone.at_noise(share, len(latents))
            noisy = backbone.add_noise(latents, backbone.draw(latents.shape, generator), t)
            words = backbone.text.read([prompt], t[:1]).repeat(len(latents))
            predictions.append(backbone.predict(noisy, t, words))
    return torch.stack(predictions)
