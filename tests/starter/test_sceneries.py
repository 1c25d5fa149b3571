"""Test the sceneries and the word lists of the recipe's world."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from assets.starter.recipe import sceneries, vocabulary
from assets.starter.recipe.brought_backgrounds import scenery_of
from assets.starter.recipe.sceneries import PROPS, SCENERIES, TIMES, draw_scenery
from trainers.kit.backgrounds import PLACES, file_of

ROOT = Path(__file__).resolve().parents[2]
STYLES = ["fluent-emoji-3d", "fluent-emoji-flat", "noto", "twemoji", "fxemoji"]
WORLD = json.loads((ROOT / "assets/starter/world.json").read_text())


def prop(colour: str = "green") -> Image.Image:
    """Return a disc as a prop."""
    picture = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(picture).ellipse([4, 4, 59, 59], fill=colour)
    return picture


def draw(name: str, time: str = "day", style: str = "noto", seed: int = 0, pixels: int = 32) -> Image.Image:
    """Draw a scenery with discs as props."""
    props = {prop_name: [prop()] for prop_name in PROPS}
    return draw_scenery(name, time, style, pixels, np.random.default_rng(seed), props)


@pytest.mark.parametrize("name", SCENERIES)
def test_every_scenery_can_be_drawn_at_its_times_and_in_every_style(name: str) -> None:
    for time in SCENERIES[name].times:
        pictures = [np.asarray(draw(name, time, style)) for style in STYLES]
        assert all(picture.shape == (32, 32, 3) and picture.std() > 5 for picture in pictures)
        assert len({picture.tobytes() for picture in pictures}) == len(STYLES)


@pytest.mark.parametrize("style", [*STYLES, "a style of the user's own"])
def test_sceneries_need_no_props(style: str) -> None:
    for name in SCENERIES:
        picture = draw_scenery(name, "", style, 16, np.random.default_rng(0), {})
        assert picture.size == (16, 16)
        assert picture.mode == "RGB"


def test_the_same_seed_draws_the_same_scenery_and_another_seed_another_one() -> None:
    assert draw("beach", seed=1).tobytes() == draw("beach", seed=1).tobytes()
    assert draw("beach", seed=1).tobytes() != draw("beach", seed=2).tobytes()


def test_the_night_is_darker_than_the_day() -> None:
    for name, scenery in SCENERIES.items():
        if "night" in scenery.times:
            night, day = (np.asarray(draw(name, time)).mean() for time in ("night", "day"))
            assert night < 0.75 * day, name


def test_phrases_and_times_are_known() -> None:
    assert len(SCENERIES) >= 22
    for scenery in SCENERIES.values():
        assert scenery.phrases
        assert set(scenery.times) <= set(TIMES)
        assert 0.75 <= scenery.ground <= 0.95
    phrases = [phrase for scenery in SCENERIES.values() for phrase in scenery.phrases]
    assert len(set(phrases)) == len(phrases)


def test_light_darkens_a_cut_out_and_keeps_its_outline() -> None:
    bright, dark = prop("white"), sceneries.in_light(prop("white"), "night")
    assert np.asarray(dark)[32, 32, :3].max() < 255
    assert dark.getchannel("A").tobytes() == bright.getchannel("A").tobytes()
    assert sceneries.in_light(bright, "").getpixel((32, 32)) == (255, 255, 255, 255)


def test_restyling_adds_a_white_border_to_stickers_only() -> None:
    sticker = sceneries.restyle(prop("black"), "twemoji", border=0.05)
    assert sticker.width > 64
    ring = np.asarray(sticker)[sticker.height // 2]
    assert (ring[:, :3][ring[:, 3] > 200].max(axis=0) == 255).all()
    assert sceneries.restyle(prop(), "fluent-emoji-3d").tobytes() == prop().tobytes()


def test_props_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "noto" / "palm.png"
    file.parent.mkdir()
    prop().save(file)
    props = sceneries.read_props(tmp_path)
    assert props["noto"]["palm"][0].tobytes() == prop().tobytes()


def test_no_prop_is_a_held_out_drawing() -> None:
    for name in WORLD["left_out"]:
        source, noun = name.split("/")
        entry = WORLD["nouns"][noun]
        icon = entry.get(source, entry["icon"])
        assert icon not in [prop_entry.get(source, prop_entry["icon"]) for prop_entry in PROPS.values()]


def test_nouns_are_single_words_of_one_token() -> None:
    tokenizer = vocabulary.build_tokenizer(list(WORLD["nouns"]))
    for noun in WORLD["nouns"]:
        assert noun.isalpha()
        assert noun.islower()
        assert len(tokenizer.tokenize(noun)) == 1, noun


def test_the_lists_of_the_world_name_its_nouns() -> None:
    nouns = set(WORLD["nouns"])
    assert set(WORLD["held"]) <= nouns
    assert set(WORLD["wearers"]) <= nouns
    assert {name.split("/")[1] for name in WORLD["left_out"]} <= nouns
    for hat in WORLD["hats"].values():
        assert hat["phrase"].startswith("a ")
    for entry in WORLD["nouns"].values():
        sources = [style for style in STYLES if entry.get(style, entry["icon"])]
        assert len(sources) >= 4


@pytest.mark.parametrize("place", PLACES)
def test_a_background_of_trainings_is_a_scenery_at_a_time_that_it_is_drawn_at(place: str) -> None:
    name, time = scenery_of(place)
    assert any(phrase in place for phrase in SCENERIES[name].phrases) and time in SCENERIES[name].times
    assert (time == "night") == ("night" in place) and (time == "sunset") == ("sunset" in place)


def test_a_background_that_is_no_scenery_is_said() -> None:
    with pytest.raises(ValueError, match="on the balcony"):
        scenery_of("on the balcony")


def test_the_starter_brings_every_background_in_its_size() -> None:
    folder = ROOT / "assets/starter/backgrounds"
    assert {path.name for path in folder.iterdir()} == {file_of(place) for place in PLACES}
    assert {Image.open(path).size for path in folder.iterdir()} == {(128, 128)}
