"""Test what scenes and captions say: relations, counts, colours, masks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from assets.starter.recipe import captions, drawings, layouts, scenes
from assets.starter.recipe.captions import Content, Thing
from assets.starter.recipe.containers import CONTAINERS, draw_container
from assets.starter.recipe.scene_files import scenes_of_file
from assets.starter.recipe.varied_drawings import PAINTS, main_hue, recoloured, varied
from assets.starter.recipe.vocabulary import MAX_TOKENS, build_tokenizer, world_words


def disc(noun: str, source: str = "noto", colour: str = "orange") -> drawings.Drawing:
    """Return a disc as a drawing."""
    picture = Image.new("RGBA", (128, 128))
    ImageDraw.Draw(picture).ellipse([0, 0, 127, 127], fill=colour)
    return drawings.Drawing(noun, source, picture)


@pytest.fixture
def composer() -> layouts.Composer:
    pool = [disc(noun) for noun in ("fox", "owl", "bear", "apple", "balloon", "rose")]
    material = layouts.Material({"noto": pool}, {"noto": [disc("top hat", colour="black")]})
    return layouts.Composer(material, np.random.default_rng(0))


def compose(composer: layouts.Composer, kind: str) -> tuple[scenes.Scene, Content]:
    """Return a scene of one kind on a coloured background."""
    scene, content, ground = composer.place("noto")
    content.kind = kind
    layouts.LAYOUTS[kind](composer, scene, content, ground)
    scene.compose()
    return scene, content


def test_the_words_that_the_starter_says_it_knows_are_those_of_its_captions(
    composer: layouts.Composer,
) -> None:
    known = captions.caption_words()
    said = json.loads((drawings.STARTER / "likeness.json").read_text(encoding="utf-8"))["words"]
    assert said == " ".join(known)
    for kind in layouts.SHARES:
        _, content = compose(composer, kind)
        for colour in PAINTS:
            content.things[0].colour = colour
            text = captions.caption(content, composer.random)
            assert set(re.findall("[a-z]+", text)) <= set(known), text


@pytest.mark.parametrize("kind", list(layouts.SHARES))
def test_every_kind_of_scene_shows_each_of_its_objects(composer: layouts.Composer, kind: str) -> None:
    for _ in range(10):
        scene, content = compose(composer, kind)
        assert len(scene.masks) == len(scene.placements)
        assert all(mask.sum() > 20 for mask in scene.masks[-2:])
        assert not any((a & b).any() for n, a in enumerate(scene.masks) for b in scene.masks[:n])
        text = captions.caption(content, composer.random)
        nouns = [word for thing in content.things for word in (thing.noun, captions.plural(thing.noun))]
        assert any(noun in text for noun in nouns) or "animal" in text or "plant" in text


def test_what_is_on_something_is_above_it(composer: layouts.Composer) -> None:
    for _ in range(10):
        scene, _ = compose(composer, "on")
        lower, upper = scene.placements
        assert upper.foot < lower.y and upper.foot > lower.top - 0.01 and upper.top >= -0.02


def test_a_hat_sits_on_the_head(composer: layouts.Composer) -> None:
    scene, content = compose(composer, "wearing")
    wearer, hat = scene.placements
    assert abs(hat.x - wearer.x) < 0.08 and hat.top < wearer.top < hat.foot < wearer.y
    assert "a top hat" in captions.caption(content, composer.random)


def test_a_container_covers_the_lower_part_of_what_is_in_it(composer: layouts.Composer) -> None:
    scene, _ = compose(composer, "in")
    rows = np.flatnonzero(scene.masks[1].any(axis=1))
    whole = scene.placements[1]
    assert rows.max() / scenes.PIXELS < whole.foot - 0.05
    assert rows.min() / scenes.PIXELS == pytest.approx(whole.top, abs=0.02)


@pytest.mark.parametrize("name", list(CONTAINERS))
@pytest.mark.parametrize("style", ["fluent-emoji-3d", "noto", "twemoji"])
def test_containers_have_a_back_and_a_front(name: str, style: str) -> None:
    back, front = draw_container(name, style, np.random.default_rng(0))
    for picture in (back, front):
        assert picture.getchannel("A").getbbox() and picture.size == (256, 256)


def test_captions_count_compare_and_name_colours() -> None:
    random = np.random.default_rng(0)
    three = Content("count", "noto", [Thing("fox", "blue")], "red", count=3)
    texts = [captions.caption(three, random) for _ in range(60)]
    assert all("foxes" in text and ("three" in text or "3 " in text) for text in texts)
    assert 0.6 < np.mean(["blue foxes" in text for text in texts]) < 1
    on = Content("on", "noto", [Thing("apple"), Thing("pear")], "red")
    for text in (captions.caption(on, random) for _ in range(60)):
        apple_first = text.index("apple") < text.index("pear")
        assert apple_first == (" under " not in text and " below " not in text)


@pytest.mark.parametrize(
    ("noun", "many"), [("fox", "foxes"), ("cherries", "cherries"), ("mouse", "mice"), ("cat", "cats")]
)
def test_plurals(noun: str, many: str) -> None:
    assert captions.plural(noun) == many


def test_articles_follow_the_sound() -> None:
    assert captions.with_article("owl") == "an owl" and captions.with_article("unicorn") == "a unicorn"
    assert captions.with_article("scissors") == "scissors"


@pytest.mark.parametrize("colour", ["red", "green", "blue", "purple"])
def test_a_recoloured_drawing_has_the_hue_and_keeps_its_shape(colour: str) -> None:
    original = disc("fox").picture
    painted = recoloured(original, colour)
    assert painted.getchannel("A").tobytes() == original.getchannel("A").tobytes()
    hsv = np.asarray(painted.convert("RGB").convert("HSV"))
    hue, _ = main_hue(hsv, np.asarray(painted.getchannel("A")))
    assert abs((hue - PAINTS[colour][0] + 128) % 256 - 128) < 12


def test_a_grey_drawing_is_tinted() -> None:
    painted = recoloured(disc("panda", colour="white").picture, "blue")
    red, _, blue, _ = painted.getpixel((64, 64))
    assert blue > red + 60


def test_a_varied_drawing_is_not_cut_off() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        picture = varied(disc("fox").picture, random)
        area = (np.asarray(picture.getchannel("A")) > 127).sum()
        assert area > 0.55 * np.pi * 64**2 and max(picture.size) < 170


def test_a_file_of_scenes_holds_pictures_and_token_ids(composer: layouts.Composer) -> None:
    content = scenes_of_file(composer, build_tokenizer(world_words()), 3)
    assert content["pictures"].shape == (3, scenes.PIXELS, scenes.PIXELS, 3)
    assert content["ids"].shape == (3, 4, MAX_TOKENS) and content["ids"].min() >= 0


def test_a_scene_that_lacks_its_objects_shows_one_instead() -> None:
    composer = layouts.Composer(layouts.Material({"noto": [disc("car")]}), np.random.default_rng(0))
    assert [kind for kind in layouts.SHARES if composer.can_draw(kind, "noto")] == ["one"]
    assert {content.kind for _, content in composer.scenes(40)} == {"one"}
