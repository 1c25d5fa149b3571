"""A scatter plot of likeness against prompt agreement, with a point for each setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from studio.grids.frontier import Point, best, front
from studio.words import tr

WIDTH, HEIGHT = 480, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 16, 46
MIN_TICKS = 3


class _Scale:
    """Maps values to pixels; the range contains every point and its interval."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        room = 0.08 * (high - low) or 0.02
        self.low, self.high = low - room, high + room
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Return at least two round values in the range, with enough digits to tell them apart."""
        rough = (self.high - self.low) / MIN_TICKS
        power = math.floor(math.log10(rough))
        step = 10.0**power * max(
            factor for factor in (1, 2, 5) if factor == 1 or factor * 10.0**power <= rough
        )
        numbers = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return [(n * step, f"{n * step:.{max(0, -power)}f}") for n in numbers]


def _scales(found: Sequence[Point]) -> tuple[_Scale, _Scale]:
    across = [end for point in found for end in point.agreement.interval]
    down = [end for point in found for end in point.likeness.interval]
    return _Scale(across, LEFT, WIDTH - RIGHT), _Scale(down, HEIGHT - BOTTOM, TOP)


def scatter(found: Sequence[Point], chosen: str) -> str:
    """Return the points as an inline SVG; the one with the heading `chosen` is marked."""
    x, y = _scales(found)
    parts = []
    for tick, label in x.ticks():
        parts.append(_line("grid-line", x(tick), x(tick), TOP, HEIGHT - BOTTOM))
        parts.append(f'<text class="tick" x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}">{label}</text>')
    for tick, label in y.ticks():
        parts.append(_line("grid-line", LEFT, WIDTH - RIGHT, y(tick), y(tick)))
        parts.append(f'<text class="tick side" x="{LEFT - 7}" y="{y(tick) + 4:.1f}">{label}</text>')
    edge = front(found)
    line = " ".join(f"{x(point.agreement.mean):.1f},{y(point.likeness.mean):.1f}" for point in edge)
    parts.append(f'<polyline class="front" points="{line}"/>')
    top = best(found)
    parts += [_dot(point, x, y, point in edge, point is top, point.label == chosen) for point in found]
    across, down = (WIDTH + LEFT - RIGHT) / 2, (HEIGHT - BOTTOM + TOP) / 2
    title, agreement = escape(tr("Scatter plot")), escape(tr("agreement with the prompt →"))
    return (
        f'<figure class="scatter"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{title}">'
        f"{''.join(parts)}"
        f'<text class="name" x="{across}" y="{HEIGHT - 8}">{agreement}</text>'
        f'<text class="name" transform="translate(14 {down}) rotate(-90)">'
        f"{escape(tr('likeness →'))}</text></svg></figure>"
    )


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def _dot(point: Point, x: _Scale, y: _Scale, on_front: bool, is_best: bool, chosen: bool) -> str:
    """Return a point with its intervals and its name, which can be clicked."""
    across, down = x(point.agreement.mean), y(point.likeness.mean)
    bars = ""
    if point.likeness.half_width is not None:
        left, right = map(x, point.agreement.interval)
        low, high = map(y, point.likeness.interval)
        bars = _line("spread", left, right, down, down) + _line("spread", across, across, low, high)
    kind = " ".join(
        name
        for name, holds in (("dot", True), ("edge", on_front), ("top", is_best), ("chosen", chosen))
        if holds
    )
    anchor, shift = ("end", -11) if across > 0.75 * WIDTH else ("start", 11)
    label, position = escape(point.label[:24]), f'x="{across + shift:.1f}" y="{down - 9:.1f}"'
    words = tr(
        "{setting}: likeness {likeness}, agreement {agreement}",
        setting=point.label,
        likeness=point.likeness,
        agreement=point.agreement,
    )
    return (
        f'<g class="{kind}" data-action="point" data-id="{escape(point.label)}">{bars}'
        f'<circle cx="{across:.1f}" cy="{down:.1f}" r="{8 if is_best else 6}"/>'
        f'<text {position} text-anchor="{anchor}">{label}</text><title>{escape(words)}</title></g>'
    )
