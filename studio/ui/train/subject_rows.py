"""Rows for the name and the noun of each subject in the photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.handles import to_handle
from studio.method_card import MethodCard
from studio.subject import MAX_NOUN_LETTERS
from studio.ui.parts.html_blocks import hidden_number, html_block
from studio.ui.train.mask_overlay import COLOURS, Subjects, dot
from studio.words import tr
from studio.workspace.workspace import Workspace

PLACEHOLDERS = (("lily", "cat"), ("throne", "armchair"), ("duke", "duck"), ("mug", "cup"))  # (name, noun)
MAX_ROWS = len(COLOURS)
MAX_NAME_LETTERS = 40
MEANING = tr("The name is what prompts will call it, the noun what kind of thing it is")


@dataclass
class SubjectRows:
    """The rows; only the first `count` are shown, as far as the method learns that many.

    Args:
        removes: the buttons that remove the second row, the third, and so on.
        more: the button that adds a row.
        hints: what the names will become in prompts.
    """

    rows: list[gr.Row]
    dots: list[gr.HTML]
    names: list[gr.Textbox]
    nouns: list[gr.Textbox]
    removes: list[gr.Button]
    more: gr.Button
    count: gr.Number
    hints: gr.HTML

    @property
    def inputs(self) -> dict[str, Any]:
        """What `named_subjects` and `subjects_of` read."""
        return {"count": self.count, "names": self.names, "nouns": self.nouns}

    @property
    def texts(self) -> list[gr.Textbox]:
        """All names and nouns."""
        return [*self.names, *self.nouns]

    @property
    def parts(self) -> list[Any]:
        """The components that `layout` changes."""
        return [*self.rows, *self.dots, self.more]

    def layout(self, count: int, card: MethodCard) -> dict[Any, Any]:
        """Return the changes that show as many rows as are used."""
        shown = used_rows(count, card)
        changes: dict[Any, Any] = {row: gr.update(visible=i < shown) for i, row in enumerate(self.rows)}
        changes |= {dot: gr.update(visible=shown > 1) for dot in self.dots}
        return changes | {self.more: gr.update(visible=shown < min(card.needs.max_subjects, MAX_ROWS))}

    def without_row(self, row: int, count: int, names: Sequence[str], nouns: Sequence[str]) -> dict[Any, Any]:
        """Return the changes that remove a row, counted from 0; those below it move up."""
        changes: dict[Any, Any] = {self.count: max(1, count - 1)}
        for boxes, texts in ((self.names, names), (self.nouns, nouns)):
            moved = [*texts[:row], *texts[row + 1 :], ""]
            changes |= dict(zip(boxes, moved, strict=True))
        return changes


def used_rows(count: int, card: MethodCard) -> int:
    """Return how many of `count` rows a method can use."""
    return max(1, min(count, card.needs.max_subjects, MAX_ROWS))


def named_subjects(
    count: int, card: MethodCard, names: Sequence[str], nouns: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the (name, noun) of each row that a method can use."""
    return list(zip(names, nouns, strict=True))[: used_rows(count, card)]


def subjects_of(count: int, card: MethodCard, names: Sequence[str], nouns: Sequence[str]) -> Subjects:
    """Return the subjects whose masks may be drawn."""
    pairs = named_subjects(count, card, names, nouns)
    names = tuple(name.strip()[:MAX_NAME_LETTERS] for name, _ in pairs)
    composes = card.needs.masks and card.needs.max_subjects > 1
    scenes = card.needs.max_photos if composes else 0
    return Subjects(names, card.needs.masks, scenes, card.needs.sorted)


def naming_hints(workspace: Workspace, pairs: Sequence[tuple[str, str]]) -> str:
    """Return what (name, noun) pairs will be called in prompts, and what speaks against them."""
    lines = []
    known_nouns = workspace.base_defaults().nouns
    for name, noun in pairs:
        if name.strip():
            try:
                handle = to_handle(name)
                line = tr("Prompts will say <code>{handle}</code>", handle=escape(handle))
                used = f" · {escape(tr('there is one already'))}" if workspace.concepts.has(handle) else ""
                lines.append(line + used)
            except StudioError as error:
                lines.append(escape(str(error)))
        if noun.strip() and known_nouns and noun.strip().lower() not in known_nouns:
            untaught = "This base was not taught the word “{noun}”; a similar one works better"
            lines.append(escape(tr(untaught, noun=noun.strip())))
    return "".join(f'<p class="faint naming">{line}</p>' for line in lines or [escape(MEANING)])


def _text(label: str, placeholder: str, max_letters: int, elem_id: str) -> gr.Textbox:
    return gr.Textbox(
        "", label=label, placeholder=placeholder, max_length=max_letters, max_lines=1, elem_id=elem_id
    )


def subject_rows(workspace: Workspace, card: MethodCard) -> SubjectRows:
    """Build the rows for a method."""
    rows, dots, names, nouns, removes = [], [], [], [], []
    for number, (name, noun) in enumerate(PLACEHOLDERS):
        ending = f"-{number + 1}" if number else ""
        with gr.Row(visible=not number, elem_classes="subject") as row:
            dots.append(html_block(dot(number), visible=False, min_width=10))
            names.append(_text(tr("Name"), name, MAX_NAME_LETTERS, f"concept-name{ending}"))
            nouns.append(_text(tr("Noun"), noun, MAX_NOUN_LETTERS, f"concept-noun{ending}"))
            if number:
                removes.append(
                    gr.Button("×", size="sm", elem_id=f"remove-subject{ending}", min_width=36, scale=0)
                )
        rows.append(row)
    more = gr.Button(
        tr("+ Something else in the photos"),
        size="sm",
        visible=card.needs.max_subjects > 1,
        elem_id="more-subjects",
    )
    hints = html_block(naming_hints(workspace, []), elem_id="naming")
    return SubjectRows(rows, dots, names, nouns, removes, more, hidden_number(1, precision=0), hints)
