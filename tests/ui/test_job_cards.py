"""The cards of jobs: one whole, the others as lines, until they are put away."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from studio.recipes.recipe import Recipe
from studio.ui.create.gallery import painting_card
from studio.ui.parts.job_buttons import running_buttons
from studio.ui.parts.job_cards import MAX_LINES, cards_of, draw_cards, place_words, press_card_button
from studio.ui.parts.markup import ago, button
from studio.ui.parts.progress_card import progress_numbers, training_card
from studio.workspace.job import JobEvent
from studio.workspace.job_reader import ON_SHOW
from studio.workspace.jobs import Jobs
from studio.workspace.progress import Progress
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def add_training(workspace: Workspace, name: str) -> int:
    task = {"method": "dreambooth", "handle": f"<{name}>", "noun": "cat", "photos": 1}
    return workspace.jobs.add("train", f"<{name}> with DreamBooth", task).id


def finish(workspace: Workspace, number: int, status: str = "done", error: str = "") -> None:
    workspace.jobs.move(number, "first")
    workspace.jobs.claim()
    workspace.jobs.end(number, status, error=error)  # type: ignore[arg-type]


def numbers(workspace: Workspace, kind: str = "train", opened: int = 0) -> tuple[list[int], ...]:
    cards = cards_of(workspace, kind, opened)
    return tuple([job.id for job in group] for group in (cards.whole, cards.waiting, cards.ended))


def test_a_finished_training_keeps_its_card_when_later_ones_are_cancelled(workspace: Workspace) -> None:
    done, *later = (add_training(workspace, name) for name in ("lily", "rose", "tom"))
    finish(workspace, done)
    for number in later:
        workspace.jobs.request_stop(number, "discard")
    assert numbers(workspace) == ([done], [], [])
    drawn = draw_cards(workspace, "train", training_card)
    assert "Learned <code>&lt;lily&gt;</code>" in drawn


def test_the_card_of_a_training_follows_what_is_beside_it(workspace: Workspace) -> None:
    done, first, second = (add_training(workspace, name) for name in ("lily", "tom", "rose"))
    finish(workspace, done)

    def card(number: int) -> str:
        return training_card(workspace, workspace.jobs.get(number))

    assert "It is no longer in your Library." in card(done) and "Paint with" not in card(done)
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "cat", 3, 5, 40))
    assert "is in your Library" in card(done) and "Paint with &lt;lily&gt;" in card(done)
    assert "queued, 2nd" in card(second)
    workspace.jobs.request_stop(first, "discard")
    assert "queued, 2nd" not in card(second)


def test_what_was_put_away_stays_away_after_a_reload_and_comes_back_when_it_ran_again(
    workspace: Workspace,
) -> None:
    first, second = (add_training(workspace, name) for name in ("lily", "rose"))
    finish(workspace, first)
    finish(workspace, second)
    assert numbers(workspace) == ([second], [], [first])
    assert press_card_button(workspace, "train", "put-away", str(second)) == 0
    again = Workspace(workspace.folder)
    assert numbers(again) == ([first], [], [])
    press_card_button(again, "train", "put-all-away", "")
    assert numbers(workspace) == ([], [], []) and draw_cards(workspace, "train", training_card) == ""
    workspace.jobs.requeue(second)
    assert numbers(workspace) == ([second], [], [])
    finish(workspace, second, "failed", "The loss is no number.")
    assert numbers(workspace) == ([second], [], [])


def test_the_kinds_are_put_away_each_for_itself(workspace: Workspace) -> None:
    training = add_training(workspace, "lily")
    painting = workspace.jobs.add("create", "a cat", Recipe("a cat").to_json()).id
    for number in (training, painting):
        finish(workspace, number)
    press_card_button(workspace, "create", "put-all-away", "")
    assert numbers(workspace, "create") == ([], [], []) and numbers(workspace) == ([training], [], [])


def test_old_ones_are_lines_of_which_the_newest_are_listed_and_failures_say_why(workspace: Workspace) -> None:
    old = [add_training(workspace, f"c{n}") for n in range(MAX_LINES + 4)]
    for number in old:
        finish(workspace, number, "failed", f"Reason <{number}>.")
    running = add_training(workspace, "new")
    workspace.jobs.claim()
    assert numbers(workspace) == ([running], [], old[: -MAX_LINES - 1 : -1])
    drawn = draw_cards(workspace, "train", training_card)
    assert drawn.count("<section") == 1 and "and 4 more that ended" in drawn
    assert drawn.count('class="strip waiting"') == 1  # its place is kept, so that nothing moves later
    assert f"&lt;c{MAX_LINES + 3}&gt;</b><i> · failed just now: Reason &lt;{old[-1]}&gt;." in drawn
    opened = press_card_button(workspace, "train", "unfold", str(old[-1]))
    assert opened == old[-1] and numbers(workspace, opened=opened)[0] == [running, old[-1]]
    drawn = draw_cards(workspace, "train", training_card, opened)
    assert drawn.count("<section") == 2 and ">Fold<" in drawn
    assert press_card_button(workspace, "train", "fold", "") == 0
    assert numbers(workspace, opened=old[0])[0] == [running, old[0]]  # also one that has slid out of the list
    assert press_card_button(workspace, "train", "keep", str(running)) is None


def test_a_second_training_says_its_place_and_what_is_before_it(workspace: Workspace) -> None:
    for name in ("lily", "rose", "tom", "ann"):
        add_training(workspace, name)
    painting = workspace.jobs.add("create", "a cat", Recipe("a cat").to_json())
    workspace.jobs.claim(("train",))
    drawn = draw_cards(workspace, "train", training_card)
    assert "&lt;rose&gt;</b><i> · queued, 2nd · after &lt;lily&gt;<" in drawn
    assert "&lt;tom&gt;</b><i> · queued, 3rd · after &lt;lily&gt; and &lt;rose&gt;<" in drawn
    assert "&lt;ann&gt;</b><i> · queued, 4th · after &lt;rose&gt; and &lt;tom&gt; and 1 more<" in drawn
    assert "Waits for a moment between two training steps." in painting_card(workspace, painting)
    twelfth = workspace.jobs.under_way()[:1] * 11
    assert place_words(twelfth).startswith("queued, 12th") and place_words([]) == "queued, next"


def test_cards_are_found_quickly_among_ten_thousand_put_away(workspace: Workspace) -> None:
    with workspace.jobs._table.writing() as table:
        rows = [("train", "t", "{}", "done", 1.0, 2.0, 2.0) for _ in range(10_000)]
        query = "insert into jobs (kind, title, task, status, created, finished, put_away)"
        table.executemany(f"{query} values (?, ?, ?, ?, ?, ?, ?)", rows)
        plan = table.execute(
            f"explain query plan select * from jobs where kind = ? and {ON_SHOW} "
            "order by finished desc limit 5",
            ("train",),
        ).fetchall()
    assert ["jobs_on_show" in row["detail"] for row in plan] == [True]
    started = time.process_time()
    for _ in range(20):
        assert numbers(workspace) == ([], [], [])
    assert (time.process_time() - started) / 20 < 0.01
    with workspace.jobs._table.writing() as table:
        table.execute("update jobs set put_away = 0, started = 1")
    draw_cards(workspace, "train", lambda workspace, job: "")
    started = time.process_time()
    for _ in range(20):
        drawn = draw_cards(workspace, "train", lambda workspace, job: "")
    assert (time.process_time() - started) / 20 < 0.01 and "and many more that ended" in drawn


def test_jobs_of_an_earlier_version_have_no_cards(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    old = jobs.add("train", "old", {}).id
    jobs.claim()
    jobs.end(old, "done")
    with jobs._table.writing() as table:
        table.execute("drop index jobs_on_show")
        table.execute("alter table jobs drop column put_away")
    jobs = Jobs(tmp_path)
    assert jobs.on_show("train") == [] and jobs.count_on_show("train", 9) == 0 and not jobs.repair
    jobs.requeue(old)
    jobs.claim()
    jobs.end(old, "done")
    assert [job.id for job in jobs.on_show("train")] == [old]


def test_there_is_nothing_to_keep_before_the_first_step(workspace: Workspace) -> None:
    number = add_training(workspace, "lily")
    workspace.jobs.claim()
    preparing = {"event": "step", "step": 3, "steps": 9, "stage": "painting class pictures"}
    workspace.jobs.log(number, preparing)
    job = workspace.jobs.get(number)
    assert not workspace.progress(job).has_learned
    assert "Stop and keep" not in training_card(workspace, job)
    workspace.jobs.log(number, {**preparing, "values": {"loss": 0.5}, "stage": "learning"})
    assert workspace.progress(job).has_learned
    buttons = running_buttons(job)
    assert "Stop and keep" in buttons
    keep, discard = buttons.index("Stop and keep"), buttons.index("Stop and discard")
    assert "action-danger" not in buttons[:keep] and "data-ask=" in buttons[keep:discard]


def step(time: float, number: int, stage: str, **values: float) -> JobEvent:
    return JobEvent("step", time, number, 10, stage, values)


def test_preparation_counts_into_the_time_that_is_left() -> None:
    estimate = JobEvent("estimate", 100.0, values={"seconds": 300.0}, text="about 5 minutes")
    preparing = [step(100.0 + n, n, "class pictures") for n in range(1, 5)]
    events = [JobEvent("started", 90.0), estimate, *preparing]
    assert Progress.of(events).seconds_left == 300.0 - 4.0
    done = Progress.of([*events, step(110.0, 10, "class pictures")])
    assert "about 4 min 50 s left" in progress_numbers(done)
    learning = [*events, *(step(200.0 + 2 * n, n, "learn", loss=1.0) for n in range(1, 4))]
    assert Progress.of(learning).seconds_left == 14.0
    assert Progress.of([*events, JobEvent("started", 500.0)]).seconds_left is None  # it was made before
    slow = Progress.of([*events[:2], step(390.0, 1, "class pictures"), step(395.0, 2, "class pictures")])
    assert slow.seconds_left == 40.0


def test_words_of_times_and_questions() -> None:
    assert [ago(seconds) for seconds in (-5, 59, 60, 3599, 7200, 86400, 200_000)] == [
        *("just now", "just now", "1 min ago", "59 min ago", "2 h ago", "1 day ago", "2 days ago")
    ]
    assert 'data-ask="&quot;Sure?&quot;"' in button("a", "b", ask='"Sure?"')
