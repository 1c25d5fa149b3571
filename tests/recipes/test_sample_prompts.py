"""Sample prompts of a person's own."""

from __future__ import annotations

import pytest

from studio.errors import StudioError
from studio.limits import MAX_PROMPT_LETTERS
from studio.recipes.sample_prompts import sample_prompts

BOTH = ("<lily>", "<tom>")


def test_braces_stand_for_the_first_subject_and_empty_lines_are_left_out() -> None:
    lines = ["{} in the forest ", "", "  ", "<tom> and {}", "<lily> in a box"]
    assert sample_prompts(lines, BOTH) == ("<lily> in the forest", "<tom> and <lily>", "<lily> in a box")
    assert sample_prompts((), BOTH) == ()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["{}"] * 4, "4 sample prompts are too many"),
        (["a dog on the beach"], "does not name what is learned"),
        (["<rose> beside {}"], "names <rose>"),
        (["{} " + "x" * MAX_PROMPT_LETTERS], "letters"),
    ],
)
def test_what_cannot_be_painted_is_said(lines: list[str], words: str) -> None:
    with pytest.raises(StudioError, match=words):
        sample_prompts(lines, BOTH)
