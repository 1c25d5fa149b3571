"""The methods are sorted by what a person has; a few are shown first."""

from __future__ import annotations

import dataclasses
import json
import re
from html import escape

import pytest

from studio.errors import StudioError
from studio.method_card import SUITS, MethodCard
from studio.ui.train.method_choice import CHOICES, RECOMMENDED, method_summary, methods_for, show_methods
from studio.workspace.catalogue import Catalogue
from tests.browser.stage import catalogue
from trainers import METHODS

SETS = dataclasses.replace(catalogue()[1], id="iti", suits=("sets", "style"), recommended=0)
CARDS = [SETS, *catalogue()]


def ids(what: str, cards: list[MethodCard] = CARDS) -> list[str]:
    return [card.id for card in methods_for(what, cards)]


def test_the_recommended_come_first_and_the_others_are_behind_what_they_are_for() -> None:
    assert ids(RECOMMENDED) == ["textual_inversion", "dreambooth", "break_a_scene"]
    assert ids("style") == ["textual_inversion", "iti"]
    assert ids("scene") == ["break_a_scene"] and ids("sets") == ["iti"]


def test_where_none_is_recommended_all_are_shown() -> None:
    assert ids(RECOMMENDED, [SETS]) == ["iti"]


def test_the_chosen_method_stays_where_it_is_shown() -> None:
    assert show_methods("thing", "dreambooth", CARDS)["value"] == "dreambooth"
    changed = show_methods("sets", "dreambooth", CARDS)
    assert changed["value"] == "iti" and changed["choices"] == [("DreamBooth", "iti")]


def test_a_choice_that_there_is_not_is_refused() -> None:
    with pytest.raises(StudioError):
        methods_for("everything", CARDS)


def test_every_method_can_be_found() -> None:
    cards = [method.card() for method in METHODS.values()]
    assert all(card.suits and set(card.suits) <= set(SUITS) for card in cards)
    assert [card.id for card in methods_for(RECOMMENDED, cards)] == [
        "dreambooth",
        "textual_inversion",
        "break_a_scene",
    ]
    found = {card.id for what in CHOICES for card in methods_for(what, cards)}
    assert found == set(METHODS)
    assert MethodCard.from_json(cards[0].to_json()) == cards[0]


def test_a_method_with_an_example_is_shown_with_its_picture() -> None:
    card = METHODS["dreambooth"].card()
    html = method_summary(card)
    assert f'alt="{escape(card.example.alt_text(card.title))}"' in html and 'loading="lazy"' in html
    assert all(f"<span>{escape(label)}</span>" in html for label in card.example.labels)
    assert re.search(
        r'src="gradio_api/file=[^"]*/methods/dreambooth\.webp\?v=\d+" width="512" height="128"', html
    )
    for plain in (dataclasses.replace(card, example=None), dataclasses.replace(card, id="mine")):
        assert "<img" not in method_summary(plain)


def test_the_catalogue_carries_examples() -> None:
    cards = tuple(method.card() for method in METHODS.values())
    text = json.dumps(Catalogue(cards).to_json())
    assert Catalogue.from_json(json.loads(text)).methods == cards
    assert any(card.example for card in cards)
