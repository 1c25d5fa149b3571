"""Quick, balanced and thorough: derived from the settings of every method, in one place."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from studio.method_card import MethodCard, Needs
from studio.settings import GROUPS, fields_of, setting
from studio.ui.train.effort_choice import effort_words
from studio.workspace.effort import BALANCED, FACTORS, OWN, effort_of, training_steps, with_effort, work
from studio.workspace.training_time import expected_seconds
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.actor import BASE, header_of, save_concept
from trainers import METHODS

CARDS = [method.card() for method in METHODS.values()]


def card_of(**values: Any) -> MethodCard:
    """A method with these settings."""
    types = {name: type(field.default) for name, field in values.items()}
    kind = type("Settings", (), {"__annotations__": types, **values})
    fields = fields_of(dataclasses.dataclass(frozen=True)(kind))
    return MethodCard("m", "M", "learns", "paper", Needs(), fields)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_quick_is_half_of_the_recipe_and_thorough_twice_as_much_for_every_method(card: MethodCard) -> None:
    recipe = {field.name: field.default for field in card.fields}
    assert with_effort(card, BALANCED).items() <= recipe.items() and "steps" in with_effort(card, BALANCED)
    assert "class_steps" not in with_effort(card, "quick") and "rank" not in with_effort(card, "quick")
    steps = {effort: training_steps(card, with_effort(card, effort)) for effort in FACTORS}
    assert steps["quick"] * 2 == pytest.approx(steps[BALANCED], abs=1)
    assert steps["thorough"] == 2 * steps[BALANCED]
    for effort in FACTORS:
        values = card.parse(recipe | with_effort(card, effort))  # within the bounds
        assert effort_of(card, values) == effort
        changed = {name for name, value in values.items() if value != recipe[name]}
        assert all(name == "steps" or name in ("tuning_steps", "class_pictures") for name in changed)


def test_pictures_painted_beforehand_go_with_the_steps() -> None:
    dreambooth = METHODS["dreambooth"].card()
    recipe = {field.name: field.default for field in dreambooth.fields}
    assert with_effort(dreambooth, "quick")["class_pictures"] * 2 == recipe["class_pictures"]


def test_what_the_recipe_leaves_out_stays_out_and_bounds_hold() -> None:
    card = card_of(
        steps=setting(15_000, "Steps.", 1, 20_000, "steps"),
        more_steps=setting(0, "More.", 0, 100, "steps"),
        one=setting(1, "One.", 1, 9, "steps"),
        painted=setting(30, "Sampling.", 1, 100, "steps", group="regularizers"),
    )
    assert with_effort(card, "thorough") == {"steps": 20_000, "more_steps": 0, "one": 2}
    assert with_effort(card, "quick") == {"steps": 7_500, "more_steps": 0, "one": 1}


def test_settings_of_ones_own_are_none_of_the_three() -> None:
    card = METHODS["textual_inversion"].card()
    assert effort_of(card, {"steps": 123}) == OWN
    assert effort_of(card, with_effort(card, "quick") | {"learning_rate": 0.5}) == "quick"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_every_setting_says_what_it_is_about(card: MethodCard) -> None:
    groups = {field.name: field.group for field in card.fields}
    assert set(groups.values()) <= set(GROUPS)
    assert groups["steps"] == "learning" and groups["batch"] == groups["resolution"] == "memory"
    assert groups["flips"] == "photos"
    regularizers = {name for one in METHODS[card.id].regularizers for name in (f.name for f in one.fields())}
    assert all(groups[name] == "regularizers" for name in regularizers)


def test_a_group_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'colour' is none of learning"):
        setting(1, "One.", group="colour")


@pytest.fixture
def trained(tmp_path: Path) -> Workspace:
    """A workspace in which 100 steps of a method took 50 seconds."""
    workspace = Workspace(tmp_path)
    job = workspace.jobs.add("train", "<lily>", {"method": "m", "handle": "<lily>", "noun": "fox"})
    workspace.jobs.change_task(job.id, {**job.task, "settings": {"steps": 100, "batch": 2}}, "<lily>")
    workspace.jobs.claim()
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "fox", 1, 5, 100))
    workspace.jobs.log(job.id, {"event": "step", "step": 100, "steps": 100})
    workspace.jobs.end(job.id, "done", {"handle": "<lily>", "file": "lily.safetensors"})
    with sqlite3.connect(workspace.jobs.root / "jobs.sqlite") as table:
        table.execute("update jobs set started = 1000.0, finished = 1050.0")
    return workspace


CARD = card_of(
    steps=setting(200, "Steps.", 1, 9000, "steps"),
    batch=setting(2, "Photos.", 1, 64, "photos", group="memory"),
)


def expected(workspace: Workspace, values: dict, base: str = BASE["fingerprint"]) -> float | None:
    return expected_seconds(workspace.jobs, workspace.concepts, CARD, values, base)


def test_the_time_follows_from_the_last_training_like_it(trained: Workspace) -> None:
    assert work(CARD, {"steps": 50, "batch": 4}) == 200
    assert expected(trained, {"steps": 100, "batch": 2}) == pytest.approx(50)
    assert expected(trained, {"steps": 400, "batch": 1}) == pytest.approx(100)
    assert expected(trained, {}) == pytest.approx(100)
    assert expected(trained, {}, "another base") is None
    assert expected(trained, {"resolution": 64}) is None


def test_a_training_that_was_taken_up_again_or_cut_short_tells_no_time(trained: Workspace) -> None:
    (job,) = trained.jobs.newest(1)
    trained.jobs.log(job.id, {"event": "started"})
    assert expected(trained, {}) is None


def test_the_words_follow_the_settings(trained: Workspace) -> None:
    trained.write_worker_state(WorkerState("ready", BASE))
    assert "200 steps. About 2 minutes, going by the last one. Balanced" in effort_words(trained, CARD, {})
    quick = effort_words(trained, CARD, with_effort(CARD, "quick") | {"batch": 2})
    assert "100 steps. About 50 seconds" in quick and "Balanced" not in quick
    new = Workspace(trained.folder / "new")
    assert "1 step. How long that takes is said" in effort_words(new, CARD, {"steps": 1})
