"""A small picture for each method of what it is good at: a photo that it learned from, and what it painted.

What is learned and painted is the method's `example`, with its settings as they come and the seeds that the
example names, so that whoever runs the command gets the same pictures. Trained concepts are kept: a run that
was interrupted goes on, and prompts can be changed without training again.
"""

from __future__ import annotations

import dataclasses
import functools
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result
from studio.files import write_atomic
from studio.generation.generate import generate
from studio.method_card import MethodCard
from studio.method_example import Example, ExamplePicture
from studio.models.backbone import Backbone
from studio.photos.click_mask import propose_mask
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe, Sampling
from studio.starter import DEMO, METHOD_PICTURES
from trainers.benchmarks.method_trial import MIDDLE, Case, cases_in, shown_to
from trainers.benchmarks.scene_cases import scenes_in
from trainers.benchmarks.trained_concepts import train_or_open
from trainers.benchmarks.variants import Variant

SIDE = 128  # pixels of each picture in the row
MAX_BYTES = 12_000  # of the file: the page shows one at every choice of a method
QUALITIES = range(90, 20, -5)  # of the WebP, the first that is small enough


def paint_gallery(
    backbone: Backbone,
    variants: Sequence[Variant],
    sampling: Sampling,
    folder: Path,
    pictures: Path = METHOD_PICTURES,
) -> Iterator[Event]:
    """Write `pictures/ID.webp` of each variant's method; the last event is a Result with their MethodCards.

    Args:
        sampling: the seed of the trainings, and the sampling steps and guidance of all pictures.
        folder: keeps the trained concepts.

    Raises StudioError when a method has no example, or its example names photos that there are not.
    """
    cases = demo_cases()
    cards = []
    for variant in variants:
        card = variant.method.card()
        if card.example is None:
            raise StudioError(
                "{method} has no example.", "Give its class one, then paint it.", method=card.title
            )
        if card.example.photos not in cases:
            raise StudioError(
                "There are no demo photos called {photos!r}.",
                "Name {cases}.",
                photos=card.example.photos,
                cases=", ".join(cases),
            )
        case = cases[card.example.photos]
        photos = shown_to(variant.method, case)
        if card.example.kinds:
            photos = sorted_by_hue(photos, card.example)
        source = folder / card.example.photos / variant.concept_folder
        concept, seconds = train_or_open(backbone, case.subject, photos, variant, sampling, source)
        yield Note(f"{card.title}: {seconds:.0f} s to train")
        recipes = [
            recipe_of(picture, list(case.subject.handles), sampling) for picture in card.example.pictures
        ]
        painted = [_paint(backbone, recipe, concept) for recipe in recipes]
        write_atomic(pictures / f"{card.id}.webp", small_webp(in_a_row([photo_cell(photos), *painted])))
        cards.append(card)
    yield Result(cards)


@functools.cache
def demo_cases() -> dict[str, Case]:
    """Return all that an example may learn, by name: demo subjects with all their photos, and demo scenes."""
    alone = {
        case.subject.handle.strip("<>"): Case(case.subject, (*case.photos, *case.unseen))
        for case in cases_in(DEMO)
    }
    return alone | {case.name: Case(case.subject, (case.photo,)) for case in scenes_in(DEMO / "scenes")}


def sorted_by_hue(photos: Sequence[Photo], example: Example) -> tuple[Photo, ...]:
    """Return every photo once for each kind of an example, the subject in its hue and the kind as caption.

    What is the subject is found by a click on its middle. Photos of one kind follow one another.
    """
    masks = [propose_mask(photo.square(photo.side), [MIDDLE]) for photo in photos]
    return tuple(
        Photo(f"{kind} {photo.name}", _with_hue_turned(photo.square(photo.side), mask, turn), caption=kind)
        for kind, turn in example.kinds.items()
        for photo, mask in zip(photos, masks, strict=True)
    )


def _with_hue_turned(picture: Image.Image, mask: Image.Image, turn: float) -> Image.Image:
    """Return a picture whose hues are turned inside a mask by a share of the circle of colours."""
    hue, saturation, value = picture.convert("HSV").split()
    hue = hue.point(lambda level: round(level + 256 * turn) % 256)
    turned = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    return Image.composite(turned, picture, mask)


def recipe_of(picture: ExamplePicture, handles: Sequence[str], sampling: Sampling) -> Recipe:
    """Return the recipe of a picture of an example, with the names of what was learned in its texts."""
    texts: dict[str, Any] = {
        name: value.format(*handles) if isinstance(value, str) else value
        for name, value in picture.refinements.items()
    }
    knobs = {handles[0]: dict(picture.knobs)} if picture.knobs else {}
    own = dataclasses.replace(sampling, seed=picture.seed, count=1)
    return own.with_prompt(picture.prompt.format(*handles), knobs=knobs, refinements=texts)


def _paint(backbone: Backbone, recipe: Recipe, concept: Concept) -> Image.Image:
    """Return the picture of a recipe."""
    *_, last = generate(backbone, recipe, [concept])
    assert isinstance(last, Result)
    return last.value.image


def photo_cell(photos: Sequence[Photo]) -> Image.Image:
    """Return the first photo; of sorted photos, the first of each of four kinds in a square of four."""
    first = [photo for n, photo in enumerate(photos) if photo.caption not in {p.caption for p in photos[:n]}]
    if len(first) < 2:
        return photos[0].square(SIDE)
    cell = Image.new("RGB", (SIDE, SIDE), "white")
    for number, photo in enumerate(first[:4]):
        cell.paste(photo.square(SIDE // 2), (number % 2 * SIDE // 2, number // 2 * SIDE // 2))
    return cell


def in_a_row(cells: Sequence[Image.Image]) -> Image.Image:
    """Return pictures side by side, each SIDE x SIDE pixels."""
    row = Image.new("RGB", (SIDE * len(cells), SIDE))
    for number, cell in enumerate(cells):
        row.paste(cell.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (number * SIDE, 0))
    return row


def small_webp(picture: Image.Image) -> bytes:
    """Return a picture as a WebP of at most MAX_BYTES, as fine as fits."""
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        data = buffer.getvalue()
        if len(data) <= MAX_BYTES:
            break
    return data


def gallery_table(cards: Sequence[MethodCard]) -> str:
    """Return the pictures as a Markdown table, with what each shows."""
    lines = ["| method | learned on the starter, with the settings as they come |", "|---|---|"]
    for card in cards:
        assert card.example is not None
        labels, alt = card.example.labels, card.example.alt_text(card.title)
        image = f'<img src="assets/methods/{card.id}.webp" width="{SIDE * len(labels)}" alt="{alt}">'
        lines.append(f"| **{card.title}** | {image}<br>{' · '.join(labels)} |")
    return "\n".join(lines)
