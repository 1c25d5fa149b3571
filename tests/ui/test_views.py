"""What the page draws of jobs, verdicts and votes, and that nothing a stranger wrote becomes markup."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch

from studio.concepts.verdict import Verdict
from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.grids.blind_vote import Ballot, Tally
from studio.grids.grid_folder import GridFolder
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe
from studio.ui.compare.blind_vote import conclusion, running_result
from studio.ui.compare.frontier_panel import default_along
from studio.ui.compare.grid_form import grid_from_form
from studio.ui.concept_cards import concept_card, concept_cards
from studio.ui.create import gallery
from studio.ui.create.form import recipe_from_form
from studio.ui.parts.job_cards import cards_of
from studio.ui.parts.markup import error_card, facts
from studio.ui.parts.verdict_view import is_weak, verdict_notes
from studio.ui.queue_tab import job_list
from studio.workspace.workspace import Workspace
from tests.edits.test_concept import HEADER

EVIL = "<img src=x onerror=alert(1)>"
GOOD = Verdict(likeness=0.9, noise=0.2, seeds=3, encoder="U-Net", obeyed=0.8)
WEAK = dataclasses.replace(GOOD, likeness=0.1)
FIELDS = {"prompt": "<lily> and <tom>", "negative": "blur", "seed": 3, "steps": 9, "guidance": 4.0}
FORM = {**FIELDS, "count": 1, "composing": "sum", "regions": ""}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_new_seed_every_time_draws_one_and_else_the_seed_stays() -> None:
    def seeds(new_seed: bool, seed: int | None = 3) -> set[int]:
        recipe = {**FORM, "seed": seed}
        return {recipe_from_form(recipe, {}, new_seed, [], [], ()).seed for _ in range(5)}

    assert seeds(False) == {3}
    assert len(seeds(True)) > 1 and 3 not in seeds(True)
    assert len(seeds(False, None)) > 1


def test_a_grid_keeps_what_the_form_says_and_what_its_picture_had() -> None:
    base = Recipe(
        "<lily> and <gone>",
        strengths={"<lily>": 0.5, "<gone>": 0.2},
        knobs={"<tom>": {"bias": 0.1}, "<gone>": {"bias": 0.9}},
        regions={"<lily>": (0.0, 0.0, 0.5, 1.0), "<gone>": (0.5, 0.0, 1.0, 1.0)},
    )
    nothing = {"name": "nothing", "values": ""}
    grid = grid_from_form(FIELDS, base, {"name": "seed", "values": "1, 2"}, nothing, ())
    assert {name: getattr(grid.base, name) for name in FIELDS} == FIELDS
    assert grid.base.strengths == {"<lily>": 0.5} and grid.base.knobs == {"<tom>": {"bias": 0.1}}
    assert list(grid.base.regions) == ["<lily>"]
    assert grid_from_form(FIELDS, None, {"name": "seed", "values": "1"}, nothing, ()).base.negative == "blur"


@pytest.mark.parametrize(
    ("verdicts", "weak"),
    [
        ({}, False),
        ({"<lily>": GOOD}, False),
        ({"<lily>": WEAK}, True),
        ({"<lily>": GOOD, "<tom>": WEAK}, True),
        ({"<lily>": WEAK, "<tom>": GOOD}, True),
        ({"<lily>": GOOD, "<tom>": GOOD}, False),
    ],
)
def test_a_concept_is_weak_when_any_of_its_handles_is(
    workspace: Workspace, verdicts: dict[str, Verdict], weak: bool
) -> None:
    handles = dict.fromkeys(verdicts or ("<lily>",), "cat")
    header = dataclasses.replace(HEADER, handles=handles, verdicts=verdicts)
    assert is_weak(header) is weak
    notes = verdict_notes(header)
    assert notes.count("of the likeness that the photos have to each other") == len(verdicts)
    for handle, verdict in verdicts.items():
        name = f"{handle}: " if len(verdicts) > 1 else ""
        assert f"{name}{verdict.sentence}".replace("<", "&lt;").replace(">", "&gt;") in notes
    words = tuple(NewWord(handle, "cat", torch.ones(1, 8)) for handle in handles)
    Concept(header, words).save(workspace.concepts.path("<lily>"))
    assert ("<em>weak</em>" in concept_cards(workspace, "")) is weak


def test_the_running_result_does_not_tell_which_setting_leads() -> None:
    for one, other in ((5, 2), (3, 0), (0, 0), (4, 4)):
        assert running_result(Tally(one, other, 1)) == running_result(Tally(other, one, 1))
    assert running_result(Tally(2, 5, 1)) == "So far 5 to 2, 1 the same."


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ((20, 2), "two is preferred to nine"),
        ((2, 20), "nine is preferred to two"),
        ((7, 5), "These votes do not tell two and nine apart"),
        ((5, 7), "These votes do not tell two and nine apart"),
    ],
)
def test_a_preference_is_said_only_where_the_votes_tell_one(votes: tuple[int, int], words: str) -> None:
    ballot = Ballot.draw(("two", "nine"), [(f"a{n}.png", f"b{n}.png", "") for n in range(40)], 0)
    for number, first in enumerate([True] * votes[0] + [False] * votes[1]):
        is_left = ballot.pairs[number].swapped != first
        ballot = ballot.cast("left" if is_left else "right", number)
    assert (ballot.tally.first, ballot.tally.second) == votes
    assert conclusion(ballot.reveal()) == words


def test_the_job_that_is_shown_is_the_running_one_else_the_next(workspace: Workspace) -> None:
    jobs = workspace.jobs
    first, second, third = (jobs.add("create", f"job {n}", {}).id for n in range(3))
    jobs.add("train", "another kind", {})

    def shown() -> list[int]:
        return [job.id for job in cards_of(workspace, "create").whole]

    assert shown() == [first]
    jobs.claim(("create",))
    assert shown() == [first]
    jobs.end(first, "done")
    assert shown() == [second]
    jobs.claim(("create",))
    assert shown() == [second]
    jobs.end(second, "done")
    jobs.request_stop(third, "discard")
    assert shown() == [second]
    jobs.put_away(second)
    assert shown() == [first]


def test_jobs_are_listed_in_the_order_they_are_done(workspace: Workspace) -> None:
    jobs = workspace.jobs
    for number in range(5):
        jobs.add("create", f"job {number}", {})
    for _ in range(3):
        claimed = jobs.claim()
        if claimed and claimed.id < 3:
            jobs.end(claimed.id, "done")
    listed = [int(number) for number in re.findall(r'data-job="(\d+)"', job_list(workspace))]
    assert listed == [3, 4, 5, 2, 1]


def test_nothing_that_was_written_elsewhere_becomes_markup(workspace: Workspace) -> None:
    jobs = workspace.jobs
    failed = jobs.add("create", EVIL, {"prompt": EVIL})
    jobs.claim()
    jobs.end(failed.id, "failed", error=EVIL, hint=EVIL)
    header = dataclasses.replace(
        HEADER, handles={"<lily>": EVIL}, method_title=EVIL, base=EVIL, settings={EVIL: EVIL}, paper=EVIL
    )
    Concept(header, (NewWord("<lily>", "cat", torch.ones(1, 8)),)).save(workspace.concepts.path("<lily>"))
    drawn = [
        error_card(StudioError(EVIL, EVIL)),
        facts({EVIL: EVIL}, {EVIL: EVIL}),
        job_list(workspace),
        concept_cards(workspace, ""),
        concept_card(workspace, workspace.concepts.find("<lily>")),
    ]
    for html in drawn:
        assert "<img src=x" not in html and "&lt;img src=x" in html


def test_settings_are_compared_and_not_seeds(tmp_path: Path) -> None:
    seeds, guidance = Axis.parse("seed", "1, 2"), Axis.parse("guidance", "2, 4")
    for x, y, along in ((guidance, seeds, "x"), (seeds, guidance, "y"), (guidance, guidance, "x")):
        grid = GridFolder(tmp_path, Grid(Recipe("a cat"), x, y), ())
        assert default_along(grid) == along
    assert default_along(GridFolder(tmp_path, Grid(Recipe("a cat"), seeds), ())) == "x"


def test_the_queue_shows_paused_jobs_behind_however_many_wait(workspace: Workspace) -> None:
    paused = workspace.jobs.add("create", "paused", Recipe("a cat").to_json())
    workspace.jobs.request_stop(paused.id, "pause")
    for _ in range(53):
        workspace.jobs.add("create", "waiting", Recipe("a cat").to_json())
    shown = job_list(workspace)
    assert "3 more wait behind these." in shown and f'data-job="{paused.id}"' in shown


def test_a_picture_that_was_deleted_since_it_was_listed_takes_no_other_away(tmp_path: Path) -> None:
    kept = tmp_path / "kept.png"
    kept.write_bytes(b"")
    assert f"?v={kept.stat().st_mtime_ns}" in gallery.tile(kept, "", "kept")
    assert "gone.png?v=0" in gallery.tile(tmp_path / "gone.png", "", "gone")
