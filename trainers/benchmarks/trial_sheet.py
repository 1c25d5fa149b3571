"""The sheet of a trial: every subject by every method, in rows, one seed, none picked."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from trainers.benchmarks.method_trial import BASE_FOLDER, BASE_ROW, Case
from trainers.benchmarks.variants import Variant

SIDE, GAP, LABEL, LINE = 88, 4, 132, 32  # pixels: of a picture, between them, of a row's name, of the titles
LETTERS = 14  # of a title that fit above a picture; longer ones take two lines
PAPER, INK = "white", "black"
ACROSS = 2  # subjects beside one another


def trial_sheet(
    folder: Path, cases: Sequence[Case], variants: Sequence[Variant], prompts: Sequence[str]
) -> Image.Image:
    """Return the pictures of a trial's first seed on one page, each subject beside a photo kept apart.

    Args:
        folder: in which the trial saved its pictures. One that is missing leaves its place empty.
    """
    rows = [(BASE_ROW, BASE_FOLDER)]
    rows += [(variant.method.title, variant.picture_folder) for variant in variants]
    block_width = SIDE + GAP + len(prompts) * SIDE + 3 * GAP
    block_height = len(rows) * SIDE + 4 * GAP
    down = -(-len(cases) // ACROSS)
    page = Image.new("RGB", (LABEL + ACROSS * block_width, LINE + down * block_height), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for across in range(ACROSS):
        left = LABEL + across * block_width
        titles = ["photo", *(prompt.replace("{}", "").strip() for prompt in prompts)]
        for column, title in enumerate(titles):
            text = "\n".join(textwrap.wrap(title, LETTERS)[:2])
            draw.multiline_text(
                (left + column * SIDE + (GAP if column else 0), 1), text, INK, font, spacing=1
            )
    for number, case in enumerate(cases):
        left = LABEL + number % ACROSS * block_width
        top = LINE + number // ACROSS * block_height
        photo = (case.unseen or case.photos)[0]
        page.paste(photo.square(SIDE), (left, top + (len(rows) - 1) * SIDE // 2))
        for row, (title, pictures) in enumerate(rows):
            if number % ACROSS == 0:
                draw.text((2, top + row * SIDE + SIDE // 2 - 8), title, INK, font)
            for column in range(len(prompts)):
                path = folder / case.subject.handle.strip("<>") / pictures / f"{column}-0.png"
                if path.exists():
                    with Image.open(path) as picture:
                        small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                    page.paste(small, (left + SIDE + GAP + column * SIDE, top + row * SIDE))
    return page
