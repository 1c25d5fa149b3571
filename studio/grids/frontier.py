"""The frontier: settings of a grid as points, likeness against prompt agreement, and which is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores
from studio.intervals import Estimate
from studio.words import tr

KEEPS = (
    "{best} is nearest to the best of both: it keeps {kept:.3f} more likeness than {obedient} for "
    "{missed:.3f} less agreement."
)
GIVES_UP = (
    "{best} is nearest to the best of both: it gives up {lost:.3f} likeness against {faithful} for "
    "{won:.3f} more agreement."
)
GIVES_UP_AND_KEEPS = (
    "{best} is nearest to the best of both: it gives up {lost:.3f} likeness against {faithful} for "
    "{won:.3f} more agreement and keeps {kept:.3f} more likeness than {obedient} for {missed:.3f} less "
    "agreement."
)


@dataclass(frozen=True)
class Point:
    """One setting, with the mean scores of its pictures (`PictureScore`).

    Args:
        label: the heading of its column or row.
        copying: similarity to the nearest training photo, None where it is not known. A high one means that
            likeness comes from copying a photo.
    """

    label: str
    likeness: Estimate
    agreement: Estimate
    copying: Estimate | None = None


def points(grid: GridFolder, scores: GridScores, along: str) -> list[Point]:
    """Return a point for each column (`along` "x") or row ("y") with a picture that has both scores."""
    found = []
    for label, cells in grid.lines(along):
        names = dict.fromkeys(grid.path(cell).name for cell in cells)
        scored = [scores.cells[name] for name in names if name in scores.cells]
        scored = [one for one in scored if one.likeness is not None]
        likeness = Estimate.of(one.likeness for one in scored if one.likeness is not None)
        agreement = Estimate.of(one.agreement for one in scored)
        if likeness and agreement:
            copying = Estimate.of(one.copying for one in scored if one.copying is not None)
            found.append(Point(label, likeness, agreement, copying))
    return found


def front(found: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in both scores (the Pareto front), by rising agreement."""
    means = {point.label: (point.likeness.mean, point.agreement.mean) for point in found}
    undominated = []
    for point in found:
        likeness, agreement = own = means[point.label]
        others = (other for other in means.values() if other != own)
        if not any(other[0] >= likeness and other[1] >= agreement for other in others):
            undominated.append(point)
    return sorted(undominated, key=lambda point: point.agreement.mean)


def best(found: Sequence[Point]) -> Point | None:
    """Return the point of the front nearest to the best of both scores, None without points.

    Each score is divided by the spread of all points; of equals the one with more likeness is taken.
    """
    edge = front(found)
    if not edge:
        return None
    likeness = [point.likeness.mean for point in found]
    agreement = [point.agreement.mean for point in found]
    spans = max(likeness) - min(likeness) or 1.0, max(agreement) - min(agreement) or 1.0

    def distance(point: Point) -> tuple[float, float]:
        lacks = max(likeness) - point.likeness.mean, max(agreement) - point.agreement.mean
        squares = sum((lack / span) ** 2 for lack, span in zip(lacks, spans, strict=True))
        return round(squares, 9), -point.likeness.mean

    return min(edge, key=distance)


def reason(found: Sequence[Point]) -> str:
    """Return why `best` is the best, in words, and whether the pictures are enough to say so."""
    chosen = best(found)
    if chosen is None or len(found) == 1:
        return tr("There is nothing to compare it with yet.")
    edge = front(found)
    if len(edge) == 1:
        text = "{best} is ahead in both: no other setting is more alike or closer to the prompt."
        words = tr(text, best=chosen.label)
    else:
        faithful, obedient = edge[0], edge[-1]
        words = tr(
            KEEPS if chosen is faithful else GIVES_UP if chosen is obedient else GIVES_UP_AND_KEEPS,
            best=chosen.label,
            faithful=faithful.label,
            lost=faithful.likeness.mean - chosen.likeness.mean,
            won=chosen.agreement.mean - faithful.agreement.mean,
            obedient=obedient.label,
            kept=chosen.likeness.mean - obedient.likeness.mean,
            missed=obedient.agreement.mean - chosen.agreement.mean,
        )
    return f"{words} {_doubt(chosen, found)}".strip()


def _doubt(chosen: Point, found: Sequence[Point]) -> str:
    """Return a sentence when another point may be as good, else an empty text."""
    if any(point.likeness.n == 1 for point in found):
        return tr("With one picture for a setting this says little: let the other direction change the seed.")
    near = [point.label for point in found if point is not chosen and _overlap(point, chosen)]
    if not near:
        return ""
    text = "Taken by themselves, its intervals overlap with those of {others}."
    return tr(text, others=", ".join(near))


def _overlap(one: Point, other: Point) -> bool:
    """Return whether the intervals of two points overlap in both scores."""
    pairs = ((one.likeness, other.likeness), (one.agreement, other.agreement))
    return all(a.interval[0] <= b.interval[1] and b.interval[0] <= a.interval[1] for a, b in pairs)
