"""The page of a method says what its card says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from studio.method_card import Needs
from studio.ui.keyboard import KEYS, keys_list
from studio.ui.train.about_method import about_method, needs_sentence
from tests.browser.stage import catalogue


def test_every_setting_is_there_with_its_value_bounds_and_source() -> None:
    card = catalogue()[0]
    page = about_method(card)
    assert page.count('<th scope="row">') == len(card.fields)
    for field in card.fields:
        row = page[page.index(f'<th scope="row">{field.title}<small>') :].partition("</tr>")[0]
        assert escape(field.help) in row and f"<td>{field.source}</td>" in row
    steps = page[page.index('<th scope="row">Steps<') :].partition("</tr>")[0]
    assert "<td>40</td><td>1 to 20000 steps</td><td>paper</td>" in steps
    assert "<td>object</td><td>object or style</td>" in page and "<td>on</td><td></td>" in page


def test_it_says_what_it_suits_what_it_needs_and_what_its_picture_shows() -> None:
    page = about_method(catalogue()[0])
    for words in ("One thing, a few photos", "A style or a material", "Gal et al. 2022", "{} in the snow"):
        assert words in page
    assert "Several things in one photo" not in page
    assert "<b>" not in about_method(replace(catalogue()[0], summary="<b>"))
    assert "its picture shows" not in about_method(catalogue()[1])


def test_needs_are_sentences() -> None:
    assert needs_sentence(Needs()) == "It learns from 1 to 30 photos."
    scene = needs_sentence(Needs(1, 1, max_subjects=4, masks=True, sorted=True))
    assert scene.startswith("It learns from 1 photo. Up to 4 things") and scene.count(".") == 4


def test_the_list_names_every_key_of_every_place() -> None:
    listed = keys_list()
    for place, rows in KEYS.items():
        assert f"<h3>{place}</h3>" in listed
        for keys, what in rows:
            assert escape(what) in listed
            assert all(f"<kbd>{escape(key)}</kbd>" in listed for key in keys.split())
