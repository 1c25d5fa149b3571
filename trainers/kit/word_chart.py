"""A word chart: a bar, or two, for each word of a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

WORDS_WIDE, BAR_WIDE, HIGH, GAP = 110, 220, 22, 8  # pixels
PAPER, INK, FIRST, SECOND, LINE = "#ffffff", "#292524", "#ea580c", "#a8a29e", "#e7e5e4"


def word_chart(words: Sequence[str], first: Sequence[float], second: Sequence[float]) -> Image.Image:
    """One row per word: the upper bar for its number in `first`, the lower for that in `second`, 0 to 1 each;
    what lies outside is drawn to the edge. The number written is the first's."""
    font = ImageFont.load_default(12)
    chart = Image.new("RGB", (WORDS_WIDE + BAR_WIDE + 50, HIGH * len(words) + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(chart)
    left = WORDS_WIDE + GAP
    for row, (word, upper, lower) in enumerate(zip(words, first, second, strict=True)):
        top = GAP + row * HIGH
        draw.text((WORDS_WIDE, top + HIGH // 2), word, INK, font, anchor="rm")
        draw.line((left, top + HIGH - 1, left + BAR_WIDE, top + HIGH - 1), LINE)
        for value, at, colour in ((upper, 3, FIRST), (lower, 11, SECOND)):
            reach = round(BAR_WIDE * min(1.0, max(0.0, value)))
            if reach:
                draw.rectangle((left, top + at, left + reach, top + at + 6), colour)
        draw.text((left + BAR_WIDE + GAP, top + HIGH // 2), f"{upper:.2f}", INK, font, anchor="lm")
    return chart
