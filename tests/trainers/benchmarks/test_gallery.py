"""Every method's example can be learned and painted, and the picture that the page shows of it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.errors import StudioError
from studio.events import Event, Result
from studio.method_example import Example, ExamplePicture
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe, Sampling
from studio.starter import METHOD_PICTURES
from tests import tiny
from trainers import METHODS
from trainers.benchmarks.gallery import (
    MAX_BYTES,
    SIDE,
    demo_cases,
    gallery_table,
    paint_gallery,
    photo_cell,
    recipe_of,
    small_webp,
    sorted_by_hue,
)
from trainers.benchmarks.variants import Variant

pytestmark = pytest.mark.usefixtures("short_verdict")

SHOWN = sorted(name for name, method in METHODS.items() if method.example)
MAX_PARTS = 4
SAMPLING = Sampling(steps=1, guidance=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all, so that class pictures and text statistics are made once."""
    return tmp_path_factory.mktemp("gallery")


def quick(name: str) -> Variant:
    method = METHODS[name]
    return Variant(name, method, method.card().parse(dict(method.quick_settings)), {}, {})


def paint(name: str, folder: Path) -> list[Event]:
    return list(paint_gallery(tiny.backbone(), [quick(name)], SAMPLING, folder, folder))


@pytest.mark.parametrize("name", SHOWN)
def test_its_handles_knobs_and_refinements_are_there(name: str, folder: Path) -> None:
    """What is not there is refused while painting."""
    *_, last = paint(name, folder)
    assert isinstance(last, Result) and [card.id for card in last.value] == [name]
    example = METHODS[name].example
    with Image.open(folder / f"{name}.webp") as row:
        assert row.size == (SIDE * len(example.labels), SIDE)


@pytest.mark.parametrize("name", SHOWN)
def test_every_picture_names_what_was_learned_and_says_what_it_shows(name: str) -> None:
    example = METHODS[name].example
    case = demo_cases()[example.photos]
    handles = list(case.subject.handles)
    assert len(handles) <= METHODS[name].needs.max_subjects
    assert bool(example.kinds) == METHODS[name].needs.sorted
    assert 2 <= len(example.pictures) < MAX_PARTS
    for picture in example.pictures:
        recipe = recipe_of(picture, handles, SAMPLING)
        assert recipe.handles and set(recipe.handles) <= set(handles), "no place for the subject"
        assert "{" not in picture.label and 0 <= picture.seed < 8
    assert len(set(example.labels)) == len(example.labels)


@pytest.mark.parametrize("name", SHOWN)
def test_its_picture_is_there_and_small(name: str) -> None:
    path = METHOD_PICTURES / f"{name}.webp"
    assert path.stat().st_size <= MAX_BYTES
    with Image.open(path) as row:
        assert row.size == (SIDE * len(METHODS[name].example.labels), SIDE)
        photo = row.convert("RGB").crop((0, 0, SIDE, SIDE))
    case = demo_cases()[METHODS[name].example.photos]
    if not METHODS[name].needs.sorted:
        learned = np.asarray(case.photos[0].square(SIDE), int)
        assert np.abs(np.asarray(photo, int) - learned).mean() < 8, "it begins with another photo"


def test_no_picture_is_of_a_method_that_there_is_not() -> None:
    assert {path.stem for path in METHOD_PICTURES.iterdir()} <= set(METHODS)


def test_the_knobs_and_texts_of_a_picture_go_to_what_was_learned() -> None:
    more = {"style_prompt": "a cat of {1}", "style_border": 0.7}
    picture = ExamplePicture("{1} and {0}", knobs={"bias": 0.2}, refinements=more, seed=3)
    recipe = recipe_of(picture, ["<a>", "<b>"], Sampling(seed=9, count=5))
    assert recipe == Recipe(
        "<b> and <a>",
        seed=3,
        count=1,
        knobs={"<a>": {"bias": 0.2}},
        refinements={"style_prompt": "a cat of <b>", "style_border": 0.7},
    )


def test_a_concept_is_trained_once_and_its_pictures_painted_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint("textual_inversion", folder)
    (folder / "textual_inversion.webp").unlink()
    monkeypatch.setattr("trainers.benchmarks.trained_concepts.train", never)
    paint("textual_inversion", folder)
    assert (folder / "textual_inversion.webp").exists()


def never(*_: object) -> Iterator[Event]:
    raise AssertionError("it was trained again")


def test_kinds_differ_in_the_hue_of_the_subject_alone() -> None:
    photo = Photo("dog.png", ball((220, 30, 30)))
    example = Example("ball", (), kinds={"red": 0.0, "green": 1 / 3})
    red, green = sorted_by_hue([photo], example)
    assert (red.caption, green.caption) == ("red", "green")
    assert red.image.getpixel((32, 32)) == pytest.approx((220, 30, 30), abs=4)
    assert green.image.getpixel((32, 32)) == pytest.approx((30, 220, 30), abs=6)
    assert green.image.getpixel((2, 2)) == photo.image.getpixel((2, 2))
    cell = photo_cell([red, green])
    assert (
        cell.getpixel((SIDE // 4, SIDE // 4))[0] > 200 and cell.getpixel((3 * SIDE // 4, SIDE // 4))[1] > 200
    )


def ball(colour: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (64, 64), (70, 90, 200))
    ImageDraw.Draw(picture).ellipse((16, 16, 48, 48), fill=colour)
    return picture


def test_a_file_is_as_fine_as_fits() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, 4 * SIDE, 3), dtype=np.uint8)
    smooth = Image.linear_gradient("L").resize((4 * SIDE, SIDE)).convert("RGB")
    assert len(small_webp(smooth)) < MAX_BYTES
    assert len(small_webp(Image.fromarray(noise))) < 30_000  # as coarse as it gets


@pytest.mark.parametrize(
    ("example", "words"),
    [(None, "has no example"), (Example("nobody", ()), "no demo photos called 'nobody'")],
)
def test_an_example_that_cannot_be_learned_is_refused(
    example: Example | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METHODS["cones"], "example", example)
    with pytest.raises(StudioError, match=words):
        paint("cones", tmp_path)


def test_the_table_shows_every_picture_with_its_words() -> None:
    cards = [METHODS[name].card() for name in SHOWN]
    table = gallery_table(cards)
    for card in cards:
        assert f'src="assets/methods/{card.id}.webp"' in table and card.example.alt_text(card.title) in table
