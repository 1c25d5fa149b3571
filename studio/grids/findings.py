"""What a grid shows, in plain sentences that never say more than its figures allow.

Two settings are compared on the pictures that share everything else, such as the seed. With the differences
d_1 .. d_n of a score, the true difference lies in

    mean(d)  +/-  t(n - 1, 0.05 / 2m) * sd(d) / sqrt(n)

where t is the quantile of Student's t and m the number of all comparisons, of every pair in both scores
(Bonferroni). So all sentences hold together in 95 % of grids. A setting is said to be better or worse than
another where that interval leaves out 0; it is said to keep the likeness, or to follow the prompt, where it
is better than some setting, and no other can be better by more than a quarter of the range of all settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studio.grids.frontier import best, points
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores
from studio.intervals import Estimate, t_quantile
from studio.recipes.axis import Axis
from studio.words import all_of, marked, tr

CONFIDENCE = 0.95
MARGIN = 0.25  # of the range of a score over all settings: a loss below it is not called one
MIN_PAIRS = 2
NOT_YET = tr("There is nothing to compare with yet.")
ONE_PICTURE = tr("One picture of each setting proves nothing: let the other direction change the seed.")
NOT_TOLD = tr("These pictures do not tell the settings apart: more seeds would, if they differ at all.")
LEADS = {  # what the best setting does, by whether it keeps the likeness and follows the prompt
    (True, True): marked("{name} keeps the likeness and follows the prompt; {trades}."),
    (True, False): marked("{name} keeps the likeness; {trades}."),
    (False, True): marked("{name} follows the prompt; {trades}."),
}
BETWEEN = marked("{name} lies between; {trades}.")
NEAREST = marked("{name} is nearest to the best of both; {trades}.")
# what other settings gain or lose, by whether they gain a little only
HIGHER = {
    False: marked("{where} the likeness is higher"),
    True: marked("{where} the likeness is a little higher"),
}
BETTER = {
    False: marked("{where} the prompt is followed better"),
    True: marked("{where} the prompt is followed a little better"),
}
HIGHER_BUT_LOOSER = {
    False: marked("{where} the likeness is higher, but the prompt is followed less"),
    True: marked("{where} the likeness is a little higher, but the prompt is followed less"),
}
BETTER_BUT_LOWER = {
    False: marked("{where} the prompt is followed better, but the likeness is lower"),
    True: marked("{where} the prompt is followed a little better, but the likeness is lower"),
}

Rows = Sequence[float | None]  # scores of a setting, one for each line of the other direction


@dataclass(frozen=True)
class Difference:
    """By how much one setting is above another in a score, with the ends of its interval."""

    mean: float
    low: float
    high: float


class Comparison:
    """Compares settings in one score.

    Args:
        rows: by heading of a setting, its scores.
        comparisons: how many are made in all.
    """

    def __init__(self, rows: Mapping[str, Rows], comparisons: int) -> None:
        self.rows, self._tail = rows, (1 - CONFIDENCE) / 2 / max(1, comparisons)
        means = [value.mean for value in map(_mean, rows.values()) if value]
        self._margin = MARGIN * (max(means) - min(means)) if means else 0.0

    def difference(self, one: str, other: str) -> Difference | None:
        """Return by how much `one` is above `other`; None with fewer than two pairs of pictures."""
        pairs = zip(self.rows[one], self.rows[other], strict=True)
        found = Estimate.of(a - b for a, b in pairs if a is not None and b is not None)
        if found is None or found.half_width is None:
            return None
        half = found.standard_error * t_quantile(found.n - 1, self._tail)
        return Difference(found.mean, found.mean - half, found.mean + half)

    def above(self, chosen: str) -> set[str]:
        """Return the settings that are better than `chosen` beyond doubt."""
        return {other for other in self._others(chosen) if self._is_above(other, chosen)}

    def below(self, chosen: str) -> set[str]:
        """Return the settings that are worse than `chosen` beyond doubt."""
        return {other for other in self._others(chosen) if self._is_above(chosen, other)}

    def keeps(self, chosen: str) -> bool:
        """Return whether `chosen` is better than some setting, and hardly worse than any."""
        gains = [self.difference(other, chosen) for other in self._others(chosen)]
        return bool(self.below(chosen)) and all(gain and gain.high <= self._margin + 1e-9 for gain in gains)

    def _others(self, chosen: str) -> list[str]:
        return [label for label in self.rows if label != chosen]

    def _is_above(self, one: str, other: str) -> bool:
        found = self.difference(one, other)
        return found is not None and found.low > 0


def _mean(rows: Rows) -> Estimate | None:
    return Estimate.of(value for value in rows if value is not None)


def findings(grid: GridFolder, scores: GridScores, along: str) -> list[str]:
    """Return sentences about the columns (`along` "x") or rows ("y") of a grid, the first about the best."""
    found = points(grid, scores, along)
    chosen = best(found)
    if chosen is None or len(found) < 2:
        return [NOT_YET]
    axis = grid.grid.x if along == "x" else grid.grid.y
    labels = [point.label for point in found]
    likeness, agreement = _rows(grid, scores, along, labels)
    pairs = [sum(value is not None for value in row) for row in likeness.values()]
    if min(pairs) < MIN_PAIRS:
        return [ONE_PICTURE]
    comparisons = len(labels) * (len(labels) - 1)  # each pair in both scores
    return sentences(
        axis, labels, chosen.label, Comparison(likeness, comparisons), Comparison(agreement, comparisons)
    )


def _rows(
    grid: GridFolder, scores: GridScores, along: str, labels: Sequence[str]
) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """Return the likeness and the agreement of settings. A picture that stands there twice counts once."""
    likeness: dict[str, Rows] = {}
    agreement: dict[str, Rows] = {}
    for label, cells in grid.lines(along):
        names = [grid.path(cell).name for cell in cells]
        scored = [
            scores.cells.get(name) if names.index(name) == at else None for at, name in enumerate(names)
        ]
        if label in labels:
            complete = [one if one and one.likeness is not None else None for one in scored]
            likeness[label] = [one.likeness if one else None for one in complete]
            agreement[label] = [one.agreement if one else None for one in complete]
    return likeness, agreement


def sentences(
    axis: Axis, labels: Sequence[str], chosen: str, likeness: Comparison, agreement: Comparison
) -> list[str]:
    """Return what can be said of the setting `chosen` beside the others."""
    places = _Places(axis, labels, chosen)
    name = axis.label_of(axis.labels.index(chosen))
    more, less = likeness.above(chosen), likeness.below(chosen)
    closer, looser = agreement.above(chosen), agreement.below(chosen)
    told = more | less | closer | looser
    if not told:
        return [NOT_TOLD]
    is_alike, is_close = likeness.keeps(chosen), agreement.keeps(chosen)
    trades = {
        marked("{where} both are better"): more & closer,
        HIGHER[is_alike]: more - closer - looser,
        BETTER[is_close]: closer - more - less,
        HIGHER_BUT_LOOSER[is_alike]: more & looser,
        BETTER_BUT_LOWER[is_close]: closer & less,
        marked("{where} the likeness is lower"): less - closer - looser,
        marked("{where} the prompt is followed less"): looser - more - less,
        marked("{where} both are worse"): less & looser,
    }
    lead = LEADS.get((is_alike, is_close), BETWEEN if more and closer else NEAREST)
    said = [tr(text, where=places.where(where)) for text, where in trades.items() if where]
    lines = [tr(lead, name=name, trades="; ".join(said))]
    if doubtful := [label for label in labels if label != chosen and label not in told]:
        text = "{settings} cannot be told from it: more seeds would."
        lines.append(tr(text, settings=places.list(doubtful)))
    return lines


class _Places:
    """Says where along an axis some settings are, seen from the chosen one."""

    def __init__(self, axis: Axis, labels: Sequence[str], chosen: str) -> None:
        numbers = {label: value for label, value in zip(axis.labels, axis.values, strict=True)}
        self._order = list(labels)
        self._is_number = all(not isinstance(value, str) for value in numbers.values())
        if self._is_number:
            self._order.sort(key=lambda label: float(numbers[label]))
        at = self._order.index(chosen)
        self._lower, self._higher = set(self._order[:at]), set(self._order[at + 1 :])

    def where(self, settings: set[str]) -> str:
        """Return "below it", "above it", "at 2 and 8", or "with <tom>" for texts."""
        if not self._is_number:
            return tr("with {settings}", settings=self.list(settings))
        parts = [
            words if side <= settings else tr("at {settings}", settings=self.list(settings & side))
            for words, side in ((tr("below it"), self._lower), (tr("above it"), self._higher))
            if side & settings
        ]
        return all_of(parts)

    def list(self, settings: Iterable[str]) -> str:
        """Return settings in the order of the axis: "2, 4 and 8"."""
        wanted = set(settings)
        *first, last = [label for label in self._order if label in wanted]
        return all_of([", ".join(first), last]) if first else last
