"""What the photos show: a name and a noun, and more of them for methods that learn several things at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.handles import to_handle
from studio.method import MethodCard
from studio.subject import MAX_NOUN_LETTERS
from studio.ui.parts.handlers import drawing, unseen_number
from studio.ui.train.mask_overlay import COLOURS, Subjects, dot
from studio.workspace.workspace import Workspace

PLACES = (("lily", "cat"), ("throne", "armchair"), ("duke", "duck"), ("mug", "cup"))
ROWS_HIGH = len(COLOURS)
NAME_LETTERS_HIGH = 40
MEANING = "The name is what prompts will call it, the noun what kind of thing it is"


@dataclass
class SubjectRows:
    """The rows: `count` tells how many are used, `more` adds one, each of `removes` takes away the
    row of its place (none for the first)."""

    rows: list[gr.Row]
    dots: list[gr.HTML]
    names: list[gr.Textbox]
    nouns: list[gr.Textbox]
    removes: list[gr.Button]
    more: gr.Button
    count: gr.Number
    hints: gr.HTML

    @property
    def texts(self) -> list[gr.Textbox]:
        """All names, then all nouns."""
        return [*self.names, *self.nouns]


def used(count: int, card: MethodCard) -> int:
    """How many rows a method has use for."""
    return max(1, min(count, card.needs.max_subjects, ROWS_HIGH))


def named(count: int, card: MethodCard, texts: Sequence[str]) -> list[tuple[str, str]]:
    """The (name, noun) of each row that a method has use for, from `SubjectRows.texts`."""
    pairs = list(zip(texts[:ROWS_HIGH], texts[ROWS_HIGH:], strict=True))
    return pairs[: used(count, card)]


def subjects_of(count: int, card: MethodCard, texts: Sequence[str]) -> Subjects:
    """What the photo box has to know of the rows."""
    names = tuple(name.strip()[:NAME_LETTERS_HIGH] for name, _ in named(count, card, texts))
    return Subjects(names, card.needs.masks)


def without(texts: Sequence[str], row: int) -> list[str]:
    """The texts when a row is taken away and those below it move up."""
    names, nouns = list(texts[:ROWS_HIGH]), list(texts[ROWS_HIGH:])
    return [*names[:row], *names[row + 1 :], "", *nouns[:row], *nouns[row + 1 :], ""]


def naming(workspace: Workspace, pairs: Sequence[tuple[str, str]]) -> str:
    """What names and nouns will become, and what speaks against them."""
    lines = []
    taught = workspace.base_defaults().nouns
    for name, noun in pairs:
        if name.strip():
            try:
                handle = to_handle(name)
                taken = " · there is one already" if workspace.library.has(handle) else ""
                lines.append(f"Prompts will say <code>{escape(handle)}</code>{taken}")
            except StudioError as error:
                lines.append(escape(str(error)))
        if noun.strip() and taught and noun.strip().lower() not in taught:
            lines.append(
                f"This base was not taught the word “{escape(noun.strip())}”; a similar one works better"
            )
    return "".join(f'<p class="faint naming">{line}</p>' for line in lines or [MEANING])


def layout(count: int, card: MethodCard) -> list[dict]:
    """Updates of all rows, of all dots, and of the button that adds a row."""
    shown = used(count, card)
    rows = [gr.update(visible=number < shown) for number in range(ROWS_HIGH)]
    dots = [gr.update(visible=shown > 1) for _ in range(ROWS_HIGH)]
    return [*rows, *dots, gr.update(visible=shown < min(card.needs.max_subjects, ROWS_HIGH))]


def line(label: str, example: str, letters: int, id: str) -> gr.Textbox:
    """A text of one line."""
    return gr.Textbox("", label=label, placeholder=example, max_length=letters, max_lines=1, elem_id=id)


def subject_rows(workspace: Workspace, card: MethodCard) -> SubjectRows:
    """Build the rows for a method."""
    rows, dots, names, nouns, removes = [], [], [], [], []
    for number, (name, noun) in enumerate(PLACES):
        ending = f"-{number + 1}" if number else ""
        with gr.Row(visible=not number, elem_classes="subject") as row:
            dots.append(drawing(dot(number), visible=False, min_width=10))
            names.append(line("Name", name, NAME_LETTERS_HIGH, f"concept-name{ending}"))
            nouns.append(line("Noun", noun, MAX_NOUN_LETTERS, f"concept-noun{ending}"))
            if number:
                removes.append(
                    gr.Button("×", size="sm", elem_id=f"remove-subject{ending}", min_width=36, scale=0)
                )
        rows.append(row)
    more = gr.Button(
        "+ Something else in the photos",
        size="sm",
        visible=card.needs.max_subjects > 1,
        elem_id="more-subjects",
    )
    hints = drawing(naming(workspace, []), elem_id="naming")
    return SubjectRows(rows, dots, names, nouns, removes, more, unseen_number(1), hints)
