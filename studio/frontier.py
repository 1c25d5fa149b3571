"""The frontier: settings of a sheet as points, likeness against prompt agreement, and which is best."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from studio.marks import Marks
from studio.sheet import Sheet

Z = 1.959964  # two-sided 95 %


@dataclass(frozen=True)
class Point:
    """One setting: means over its `count` pictures, and half the widths of their 95 % intervals (normal
    approximation, None for a single picture)."""

    label: str
    likeness: float
    agreement: float
    likeness_half: float | None
    agreement_half: float | None
    count: int


def points(sheet: Sheet, marks: Marks, along: str) -> list[Point]:
    """A point for each column ("x") or row ("y") of the sheet that has a picture with both marks."""
    found = []
    for label, cells in sheet.settings(along):
        names = dict.fromkeys(sheet.path(cell).name for cell in cells)
        seen = [marks.cells[name] for name in names if name in marks.cells]
        pairs = [(mark.likeness, mark.agreement) for mark in seen if mark.likeness is not None]
        if pairs:
            likeness, agreement = ([pair[side] for pair in pairs] for side in (0, 1))
            means = statistics.fmean(likeness), statistics.fmean(agreement)
            found.append(Point(label, *means, _half(likeness), _half(agreement), len(pairs)))
    return found


def front(found: Sequence[Point]) -> list[Point]:
    """The points that no other beats in both (the Pareto front), by rising agreement."""
    kept = [
        point
        for point in found
        if not any(
            other.likeness >= point.likeness
            and other.agreement >= point.agreement
            and (other.likeness, other.agreement) != (point.likeness, point.agreement)
            for other in found
        )
    ]
    return sorted(kept, key=lambda point: point.agreement)


def best(found: Sequence[Point]) -> Point | None:
    """The point of the front that is nearest to the best of both, each measured by the spread of all points;
    of equals the one with more likeness. None without points."""
    spans = [
        max(getattr(point, name) for point in found) - min(getattr(point, name) for point in found) or 1.0
        for name in ("likeness", "agreement")
        if found
    ]
    edge = front(found)
    if not edge:
        return None
    top = max(point.likeness for point in edge), max(point.agreement for point in edge)

    def away(point: Point) -> tuple[float, float]:
        short = (top[0] - point.likeness) / spans[0], (top[1] - point.agreement) / spans[1]
        return round(short[0] ** 2 + short[1] ** 2, 9), -point.likeness

    return min(edge, key=away)


def reason(found: Sequence[Point]) -> str:
    """Why `best` is the best, in words, and whether the pictures are enough to say so."""
    chosen = best(found)
    if chosen is None or len(found) == 1:
        return "There is nothing to compare it with yet."
    edge = front(found)
    if len(edge) == 1:
        words = f"{chosen.label} is ahead in both: no other setting is more alike or closer to the prompt."
    else:
        faithful, obedient = edge[0], edge[-1]
        parts = []
        if chosen is not faithful:
            parts.append(
                f"gives up {faithful.likeness - chosen.likeness:.3f} likeness against {faithful.label} for "
                f"{chosen.agreement - faithful.agreement:.3f} more agreement"
            )
        if chosen is not obedient:
            parts.append(
                f"keeps {chosen.likeness - obedient.likeness:.3f} more likeness than {obedient.label} for "
                f"{obedient.agreement - chosen.agreement:.3f} less agreement"
            )
        words = f"{chosen.label} is nearest to the best of both: it {' and '.join(parts)}."
    return f"{words} {_doubt(chosen, found)}".strip()


def _doubt(chosen: Point, found: Sequence[Point]) -> str:
    """Whether another point is as good within the noise."""
    if any(point.likeness_half is None or point.agreement_half is None for point in found):
        return "With one picture for a setting this says little: let the other direction change the seed."
    near = [point.label for point in found if point is not chosen and _overlap(point, chosen)]
    if not near:
        return ""
    return f"The intervals overlap with those of {', '.join(near)}: more seeds would tell them apart."


def _overlap(one: Point, other: Point) -> bool:
    """Whether the intervals of two points overlap in both directions."""
    return all(
        abs(getattr(one, name) - getattr(other, name))
        <= (getattr(one, f"{name}_half") or 0.0) + (getattr(other, f"{name}_half") or 0.0)
        for name in ("likeness", "agreement")
    )


def _half(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    return Z * statistics.stdev(values) / len(values) ** 0.5
