"""Knobs that choose take turns from seed to seed, all of a picture together."""

from __future__ import annotations

import dataclasses
from collections import Counter

from studio.concepts.header import Header
from studio.recipes.recipe import Recipe
from studio.recipes.turns import choices_of, in_turn
from studio.settings import Knob
from tests.edits.test_concept import HEADER

TOYS = dataclasses.replace(
    HEADER,
    handles={"<toys>": "robot"},
    knobs={
        "colour": Knob.choosing(("red", "blue")),
        "age": Knob.choosing(("old", "new", "newer")),
        "bias": Knob(0.6, 0.0, 1.0, "no choice"),
    },
)
KITES = dataclasses.replace(
    HEADER, handles={"<kites>": "kite"}, knobs={"size": Knob.choosing(("big", "small"))}
)
HEADERS: dict[str, Header] = {"<toys>": TOYS, "<kites>": KITES, "<lily>": HEADER}


def test_all_combinations_come_once_in_a_round() -> None:
    seen = Counter()
    for seed in range(100, 112):
        knobs = in_turn(Recipe("<toys> and <kites>", seed=seed), HEADERS).knobs
        assert "bias" not in knobs["<toys>"]
        seen[(knobs["<toys>"]["colour"], knobs["<toys>"]["age"], knobs["<kites>"]["size"])] += 1
    assert len(seen) == 12 and set(seen.values()) == {1}
    assert {choice for choice, _, _ in seen} == {1, 2} and {choice for _, choice, _ in seen} == {1, 2, 3}


def test_what_is_chosen_stays_and_the_others_go_on() -> None:
    for seed in range(6):
        recipe = Recipe("<toys>", seed=seed, knobs={"<toys>": {"colour": 2.0, "bias": 0.1}})
        settled = in_turn(recipe, HEADERS)
        assert settled.knobs["<toys>"] == {"colour": 2.0, "bias": 0.1, "age": seed % 3 + 1}
        assert in_turn(settled, HEADERS) == settled


def test_other_concepts_leave_a_recipe_as_it_is() -> None:
    for prompt in ("<lily>", "<gone>", "a robot"):
        recipe = Recipe(prompt, seed=5)
        assert in_turn(recipe, HEADERS) == recipe and choices_of(recipe, HEADERS) == {}


def test_choices_have_names() -> None:
    recipe = Recipe("<toys>", seed=0, knobs={"<toys>": {"age": 3.0}})
    assert choices_of(recipe, HEADERS) == {"colour of <toys>": "red", "age of <toys>": "newer"}
    assert TOYS.knobs["age"].help == "0 each in turn, 1 old, 2 new, 3 newer."
    assert Header.from_text(TOYS.to_text()).knobs == TOYS.knobs


def test_concepts_that_only_a_refinement_names_take_turns_after_the_others() -> None:
    alone = Recipe("<toys>", seed=0, count=1)
    seen = Counter()
    for seed in range(12):
        recipe = dataclasses.replace(alone, seed=seed, refinements={"layout_prompt": "<kites>", "steps": 3})
        knobs = in_turn(recipe, HEADERS).knobs
        assert knobs["<toys>"] == in_turn(dataclasses.replace(alone, seed=seed), HEADERS).knobs["<toys>"]
        assert "size of <kites>" in choices_of(recipe, HEADERS)
        seen[tuple(knobs["<toys>"].values()), knobs["<kites>"]["size"]] += 1
    assert len(seen) == 12


def test_a_handle_takes_turns_with_its_own_knobs_only() -> None:
    both = dataclasses.replace(
        TOYS,
        handles={"<kites>": "kite", "<toys>": "robot"},
        knobs={**TOYS.knobs, **KITES.knobs},
        own_knobs={"<kites>": KITES.knobs, "<toys>": TOYS.knobs},
    )
    headers = dict.fromkeys(both.handles, both)
    seen = Counter(
        str(sorted(choices_of(Recipe("<toys> and <kites>", seed=seed), headers).items()))
        for seed in range(12)
    )
    assert len(seen) == 12
    assert in_turn(Recipe("<kites>", seed=1), headers).knobs == {"<kites>": {"size": 2.0}}
    assert Header.from_text(both.to_text()) == both
