"""The concepts that are looked for, in three orders, quickly also among ten thousand."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from studio.concepts.concept_library import Entry, Shelf
from studio.concepts.verdict import Verdict
from studio.ui.concept_cards import concept_cards
from studio.workspace.concept_marks import ConceptMarks
from studio.workspace.concept_search import NAME, SCORE, ConceptFilter, ConceptSearch
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

CONCEPTS = [
    ("<lily>", "dog", 0.9),
    ("<rusty>", "fox", None),
    ("<trek>", "backpack", 0.2),
    ("<abel>", "dog", 0.5),
]


def entry(handle: str, noun: str, score: float | None, seed: int = 0) -> Entry:
    """A concept that is in no file."""
    header = dataclasses.replace(header_of(handle, noun, seed, 5, 40), preview=b"")
    if score is not None:
        verdict = Verdict(likeness=score, noise=0.1, seeds=4, encoder="x")
        header = dataclasses.replace(header, verdicts={handle: verdict})
    return Entry(Path(f"{handle.strip('<>')}.safetensors"), header, 1, 1)


@pytest.fixture
def marks(tmp_path: Path) -> ConceptMarks:
    return ConceptMarks(tmp_path / "marks.json", tmp_path)


SHELF = Shelf(tuple(entry(*about, seed) for seed, about in enumerate(CONCEPTS)))


def found(search: ConceptSearch, **wanted: object) -> str:
    return " ".join(one.header.handle.strip("<>") for one in search.find(SHELF, ConceptFilter(**wanted)))


def test_words_of_names_nouns_methods_and_notes_are_found(marks: ConceptMarks) -> None:
    search = ConceptSearch(marks)
    assert found(search) == "lily rusty trek abel"
    assert found(search, text="LIL") == found(search, text="<lily>") == "lily"
    assert found(search, text="dog") == "lily abel" and found(search, text="dog ab") == "abel"
    assert found(search, text="textual inv") == "lily rusty trek abel" and found(search, text="ily") == ""
    marks.write_note(SHELF.entries[2].header, "For the Autumn cards")
    assert found(search, text="autumn") == "trek"
    marks.write_note(SHELF.entries[2].header, "")
    assert found(search, text="autumn") == ""


def test_three_orders_and_those_without_a_score_last(marks: ConceptMarks) -> None:
    search = ConceptSearch(marks)
    assert found(search, order=NAME) == "abel lily rusty trek"
    assert found(search, order=SCORE) == "lily abel trek rusty"


def test_only_starred_ones_as_soon_as_they_are(marks: ConceptMarks) -> None:
    search = ConceptSearch(marks)
    assert found(search, starred=True) == ""
    for one in SHELF.entries[:2]:
        marks.change(one.header, starred=True)
    assert found(search, starred=True) == "lily rusty" and found(search, starred=True, text="fox") == "rusty"
    marks.change(SHELF.entries[0].header, starred=False)
    assert found(search, starred=True) == "rusty"


def test_the_answer_is_the_same_object_while_nothing_changes(marks: ConceptMarks) -> None:
    search, wanted = ConceptSearch(marks), ConceptFilter("dog", order=NAME)
    assert search.find(SHELF, wanted) is search.find(SHELF, wanted)
    marks.change(SHELF.entries[1].header, starred=True)
    assert [one.header.noun for one in search.find(SHELF, wanted)] == ["dog", "dog"]
    assert search.find(Shelf(), wanted) == ()


def test_ten_thousand_are_searched_once_and_then_remembered(marks: ConceptMarks) -> None:
    header = SHELF.entries[0].header
    entries = tuple(
        Entry(Path("x"), dataclasses.replace(header, handles={f"<c{number}>": "fox"}, seed=number), 1, 1)
        for number in range(10_000)
    )
    search, shelf = ConceptSearch(marks), Shelf(entries)
    marks.change(entries[7].header, starred=True)
    wanted = [ConceptFilter("c99"), ConceptFilter("fox", order=NAME), ConceptFilter(starred=True)]
    assert [len(search.find(shelf, one)) for one in wanted] == [111, 10_000, 1]
    began = time.process_time()
    for _ in range(100):
        for one in wanted:
            search.find(shelf, one)
    assert time.process_time() - began < 0.5  # 300 answers; a search of all takes longer than that


def test_what_is_not_found_is_said_with_a_way_back(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert "The Library is empty" in concept_cards(workspace, "", text="fox")
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "dog", 1, 5, 40))
    assert "No concept found" in concept_cards(workspace, "", text="fox")
    starred = concept_cards(workspace, "", starred=True)
    assert "No stars yet" in starred and 'data-action="show-all"' in starred
    assert "&lt;lily&gt;" in concept_cards(workspace, "", text="do", order=SCORE)
