"""The signs of other programs in a prompt: calls of concepts become handles, of the rest it is said."""

from __future__ import annotations

import dataclasses
import time

import pytest

from studio.limits import MAX_PROMPT_LETTERS
from studio.recipes.foreign_syntax import (
    foreign_notes,
    handles_called,
    with_concepts,
    with_strengths_in_range,
)
from studio.recipes.recipe import Recipe

KNOWN = ("<lily>", "<old-tom>")
LAYERS = ",".join(["0.5"] * 26)  # a strength for each layer, as extensions of A1111 write it


@pytest.mark.parametrize(
    ("prompt", "translated", "strengths"),
    [
        ("a <lily:0.8> on red", "a <lily> on red", {"<lily>": 0.8}),
        ("a dog, <lora:lily:0.8>", "a dog, <lily>", {"<lily>": 0.8}),
        ("a <lyco:Lily:1.5> here", "a <lily> here", {"<lily>": 1.5}),
        ("<LORA:people/lily.safetensors:.5:0.2>", "<lily>", {"<lily>": 0.5}),
        ("<lora:old tom>", "<old-tom>", {"<old-tom>": 1.0}),
        ("<lily> at sea <lora:lily:0.8>", "<lily> at sea", {"<lily>": 0.8}),
        ("<lily:0.5> and <old-tom:0>", "<lily> and <old-tom>", {"<lily>": 0.5, "<old-tom>": 0.0}),
        ("<lily:0.5> by <lily:0.9>", "<lily> by <lily>", {"<lily>": 0.5}),
        (f"a dog <lora:lily:0.8:lbw={LAYERS}>", "a dog <lily>", {"<lily>": 0.8}),
        ("embedding:lily at sea", "<lily> at sea", {"<lily>": 1.0}),
        ("a dog, embedding:people/Lily.pt, fog", "a dog, <lily>, fog", {"<lily>": 1.0}),
        ("(embedding:lily:1.2) at sea", "<lily> at sea", {"<lily>": 1.2}),
        ("embedding:old-tom:.5.", "<old-tom>.", {"<old-tom>": 0.5}),
        ("<lily> by embedding:lily", "<lily> by <lily>", {"<lily>": 1.0}),
        ("an <embed:lily> at sea", "an <lily> at sea", {"<lily>": 1.0}),
    ],
)
def test_a_call_of_a_concept_that_is_here_is_its_handle_with_that_strength(
    prompt: str, translated: str, strengths: dict[str, float]
) -> None:
    recipe, notes = with_concepts(Recipe(prompt, negative=prompt), KNOWN)
    assert (recipe.prompt, recipe.negative, recipe.strengths) == (translated, translated, strengths)
    assert notes and foreign_notes([recipe.prompt]) == []
    assert handles_called(prompt, KNOWN) == list(strengths)


def test_two_strengths_of_one_concept_are_said() -> None:
    notes = with_concepts(Recipe("<lily:0.5> by <lily:0.9>"), KNOWN)[1]
    assert notes[1] == "<lily> has one strength in a picture; that of <lily:0.9> is not used."


@pytest.mark.parametrize(
    "prompt",
    [
        *("<lily>", "a <lily> and <old-tom>", "<lora:foo:1>", "<lily:high>", "<rose>", "a < b : c > d", ""),
        *("embedding:foo", "(embedding:foo:1.2)", "an embedding: lily", "an unembedding:lily", "embedding:"),
    ],
)
def test_our_own_prompts_and_calls_of_what_is_not_here_stay_as_they_are(prompt: str) -> None:
    recipe = Recipe(prompt, strengths={"<lily>": 0.4})
    assert with_concepts(recipe, KNOWN) == (recipe, [])


def test_strengths_that_are_read_come_into_range_and_it_is_said() -> None:
    recipe = with_concepts(Recipe("<lora:lily:3> <old-tom:-1>"), KNOWN)[0]
    fitting, notes = with_strengths_in_range(recipe)
    assert fitting.strengths == {"<lily>": 2.0, "<old-tom>": 0.0}
    assert notes[0] == "A strength of 3 for <lily> is beyond 0 to 2; here it is 2." and len(notes) == 2
    plain = dataclasses.replace(recipe, strengths={"<lily>": 0.5})
    assert with_strengths_in_range(plain) == (plain, [])


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("a <lora:foo:1>", "<lora:foo:1> is read as plain words: the Library has no foo."),
        ("a <foo:0.5>", "<foo:0.5> is read as plain words: the Library has no foo."),
        ("<lily:high>", "<lily:high> is read as plain words: its strength is no number."),
        ("a <big dog>", "<big dog> is read as plain words: the Library has no big dog."),
        ("a (red dog:1.3)", "Likeness reads (red dog:1.3) as plain words; weights have no effect."),
        ("(masterpiece), a dog", "Likeness reads (masterpiece) as plain words; weights have no effect."),
        ("a dog,\t(best quality) ", "Likeness reads (best quality) as plain words; weights have no effect."),
        ("(a dog)", "Likeness reads (a dog) as plain words; weights have no effect."),
        ("a ((dog))", "Likeness reads ((dog)) as plain words; weights have no effect."),
        ("an [old] dog", "Likeness reads [old] as plain words; weights have no effect."),
        ("a [dog:cat:0.5]", "Likeness reads [dog:cat:0.5] as plain words; words do not take turns."),
        ("a dog BREAK on red", "Likeness reads BREAK as plain words; it divides nothing."),
        ("a dog AND a cat", "Likeness reads AND as plain words; it divides nothing."),
        ("embedding:foo at sea", "embedding:foo is read as plain words: the Library has no foo."),
        (
            "(embedding:foo:1.2) at sea",
            "(embedding:foo:1.2) is read as plain words: the Library has no foo.",
        ),
        ("a boat++ at sea", "Likeness reads boat++ as plain words; weights have no effect."),
        ("a boat, fog--", "Likeness reads fog-- as plain words; weights have no effect."),
        ("<lily>++ at sea", "Likeness reads <lily>++ as plain words; weights have no effect."),
        ("a (red boat)1.3 at sea", "Likeness reads (red boat)1.3 as plain words; weights have no effect."),
        ("a (red boat)++ at sea", "Likeness reads (red boat)++ as plain words; weights have no effect."),
        ("a (a (red) boat)0.5", "Likeness reads )0.5 as plain words; weights have no effect."),
        ("a (a (red) dog:1.3)", "Likeness reads :1.3) as plain words; weights have no effect."),
    ],
)
def test_what_means_nothing_here_is_said_once_for_each_kind(prompt: str, note: str) -> None:
    assert foreign_notes([prompt]) == [note]
    assert foreign_notes(["plain", f"{prompt}, {prompt}"]) == [note]  # in the negative prompt too


@pytest.mark.parametrize(
    "prompt",
    [
        "<lily> and a break",
        r"a \(red dog:1.3\) \[old\]",
        "(my own) dog",
        "my dog (the brown one), on the beach",
        "a dog, (brown) and old",
        r"\(masterpiece\), a dog",
        "a < b",
        "I <3 you",
        "12:30",
        "BREAKING",
        "a book on C++, and C--",
        "the sea -- calm and grey -- at night",
        "the sea--calm and grey, 1990--1999",
        "my dog (the brown one)-haired, (c)2024",
        "a + b, a dog --ar 16:9",
    ],
)
def test_plain_words_handles_and_escaped_brackets_need_no_note(prompt: str) -> None:
    assert foreign_notes([prompt]) == []


def test_many_calls_are_counted() -> None:
    notes = foreign_notes([" ".join(f"<lora:a{number}:1>" for number in range(20))])
    assert len(notes) == 7 and notes[-1] == "So are 14 more."


@pytest.mark.parametrize(
    "letters",
    [
        *("<", "<a", "<a:", "<lora:a", "(", "((a", "(a:1", "[a:", "[a|", "\\(", ":1", "AND "),
        *("embedding:", "(embedding:a", "embedding:a:", "a+", "aa++", "aa--", "(a)", "(a)+", "<a>-", "<a:,"),
    ],
)
def test_a_prompt_of_such_letters_takes_no_time(letters: str) -> None:
    prompt = (letters * MAX_PROMPT_LETTERS)[:MAX_PROMPT_LETTERS]
    began = time.process_time()
    foreign_notes([prompt, prompt])
    with_concepts(Recipe(prompt, prompt), KNOWN)
    assert time.process_time() - began < 2.0
