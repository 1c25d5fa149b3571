"""A chart of two numbers for each word of a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

LABEL_WIDTH, BAR_WIDTH, ROW_HEIGHT, GAP = 110, 220, 22, 8  # pixels
PAPER, INK, FIRST, SECOND, LINE = "#ffffff", "#292524", "#ea580c", "#a8a29e", "#e7e5e4"


def word_chart(words: Sequence[str], first: Sequence[float], second: Sequence[float]) -> Image.Image:
    """Return a chart with a row per word: an upper bar for `first` and a lower bar for `second`.

    Numbers outside of 0..1 are drawn as 0 or 1. The number that is written is the first.
    """
    font = ImageFont.load_default(12)
    chart = Image.new("RGB", (LABEL_WIDTH + BAR_WIDTH + 50, ROW_HEIGHT * len(words) + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(chart)
    left = LABEL_WIDTH + GAP
    for row, (word, upper, lower) in enumerate(zip(words, first, second, strict=True)):
        top = GAP + row * ROW_HEIGHT
        draw.text((LABEL_WIDTH, top + ROW_HEIGHT // 2), word, INK, font, anchor="rm")
        draw.line((left, top + ROW_HEIGHT - 1, left + BAR_WIDTH, top + ROW_HEIGHT - 1), LINE)
        for value, at, colour in ((upper, 3, FIRST), (lower, 11, SECOND)):
            length = round(BAR_WIDTH * min(1.0, max(0.0, value)))
            if length:
                draw.rectangle((left, top + at, left + length, top + at + 6), colour)
        draw.text((left + BAR_WIDTH + GAP, top + ROW_HEIGHT // 2), f"{upper:.2f}", INK, font, anchor="lm")
    return chart
