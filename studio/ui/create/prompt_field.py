"""What stands below a prompt: what of it is a concept, what the base does not know, and why.

The prompt itself stays Gradio's plain text area, with the browser's undo, input methods and spelling. Behind
it `scripts/prompt_field.js` lays a copy of the text that shows handles as chips and underlines words, and it
opens a list of concepts after a `<`. Gradio's HighlightedText cannot be typed in, so it is not used.

The block's HTML says which parts of the text are marked; the browser shifts the marks while one types on,
until the next answer comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from studio.concepts.concept_library import Entry
from studio.handles import HANDLE, handles_in
from studio.recipes.foreign_syntax import foreign_notes, names_concepts, with_concepts
from studio.recipes.known_words import unknown_words
from studio.recipes.recipe import Recipe
from studio.ui.base_notes import base_note, fits_base
from studio.ui.parts.icons import icon
from studio.ui.parts.page_files import page_script
from studio.ui.parts.thumbnails import portrait
from studio.words import tr, trn
from studio.workspace.workspace import Workspace

MAX_OPTIONS = 8  # concepts that are offered at once
MAX_NAMED = 8  # words that one sentence names
SCRIPT = page_script("prompt_field")


def prompt_field(workspace: Workspace, prompt: str) -> str:
    """Return the HTML of the block: two buttons, the marked text for the browser, and sentences."""
    known = known_words(workspace)
    favourite = str(prompt.strip() in workspace.favourite_prompts.all()).lower()
    return (
        '<div class="prompt-tools">'
        f"{_button('history', tr('Earlier prompts'), 'aria-expanded', 'false')}"
        f"{_button('favourite', tr('Favourite'), 'aria-pressed', favourite, 'star')}</div>"
        f'<p class="prompt-marked" hidden>{marked_prompt(workspace, prompt, known)}</p>'
        f"{notes_list(workspace, prompt)}"
    )


def _button(action: str, label: str, state: str, value: str, drawing: str = "") -> str:
    """Return a quiet button with a drawing, and an ARIA attribute for its state."""
    return (
        f'<button type="button" class="action action-link" data-action="{action}" {state}="{value}">'
        f"{icon(drawing or action)}{escape(label)}</button>"
    )


def marked_prompt(workspace: Workspace, prompt: str, known: frozenset[str]) -> str:
    """Return a prompt as HTML: concepts in `mark`, what means nothing here in `u`."""
    parts, position = [], 0
    for start, end, tag in sorted(_marks(workspace, prompt, known)):
        parts += [escape(prompt[position:start]), f"<{tag}>{escape(prompt[start:end])}</{tag}>"]
        position = end
    return "".join(parts) + escape(prompt[position:])


def _marks(workspace: Workspace, prompt: str, known: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the first and last position of each marked part of a prompt, and its tag."""
    for match in HANDLE.finditer(prompt):
        is_known = workspace.concepts.has(match.group().lower())
        yield *match.span(), "mark" if is_known else "u"
    for start, end in words_without_effect(prompt, known):
        yield start, end, "u"


def words_without_effect(prompt: str, known: frozenset[str]) -> list[tuple[int, int]]:
    """Return the places of words that the base does not know, without a handle that is just being typed."""
    return [
        (start, end)
        for start, end in unknown_words(prompt, known)
        if not (end == len(prompt) and prompt[:start].endswith("<"))
    ]


def known_words(workspace: Workspace) -> frozenset[str]:
    """Return the words that the base was taught, none where it does not say."""
    return frozenset(workspace.base_defaults().words.split())


def notes_list(workspace: Workspace, prompt: str) -> str:
    """Return the sentences of `prompt_notes` as a list, for below a prompt."""
    notes = prompt_notes(workspace, prompt, known_words(workspace))
    return f'<ul class="notes">{"".join(f"<li>{note}</li>" for note in notes)}</ul>'


def prompt_notes(workspace: Workspace, prompt: str, known: frozenset[str]) -> list[str]:
    """Return sentences, as HTML, about what of a prompt changes nothing or cannot be painted, and why."""
    notes, loaded = [], workspace.worker_state().base
    headers = workspace.concepts.headers() if names_concepts(prompt) else {}  # many take seconds to read
    translated = with_concepts(Recipe(prompt), headers)[0].prompt
    for handle in handles_in(translated):
        if handle not in headers:
            unknown = tr("<b>{handle}</b>: the Library has no concept of this name.", handle=escape(handle))
            notes.append(unknown)
        elif not fits_base(headers[handle], loaded):
            notes.append(f"<b>{escape(handle)}</b>: {escape(base_note(headers[handle], loaded))}")
    words = [prompt[start:end].lower() for start, end in words_without_effect(prompt, known)]
    if words := list(dict.fromkeys(words)):
        said = trn(
            "<b>{words}</b>: the base was not taught this word, so it changes little or nothing.",
            "<b>{words}</b>: the base was not taught these words, so they change little or nothing.",
            len(words),
            words=escape(_listed(words)),
        )
        notes.append(said)
    return notes + [escape(note) for note in foreign_notes([translated])]


def _listed(words: Sequence[str]) -> str:
    """Return words with commas, of very many only the first."""
    named = ", ".join(words[:MAX_NAMED])
    if len(words) <= MAX_NAMED:
        return named
    return tr("{words} and {count} more", words=named, count=len(words) - MAX_NAMED)


def handle_options(workspace: Workspace, typed: str) -> str:
    """Return the concepts that suit what was typed after a `<`, as the options of a list.

    Those whose handle begins with it come first, then those whose noun does, then those that have it
    anywhere; in each the newest first.
    """
    typed = typed.lower()
    ranked: list[tuple[int, int, str, str, Entry]] = []
    for entry in workspace.concepts.entries():
        for handle, noun in entry.header.handles.items():
            name, noun = handle.strip("<>"), noun.lower()
            rank = 0 if name.startswith(typed) else 1 if noun.startswith(typed) else 2
            if rank < 2 or typed in f"{name} {noun}":
                ranked.append((rank, len(ranked), handle, noun, entry))
    options = "".join(
        f'<li role="option" data-handle="{escape(handle)}" data-noun="{escape(noun)}">'
        f"{portrait(workspace, entry)}<code>{escape(handle)}</code><small>{escape(noun)}</small></li>"
        for _, _, handle, noun, entry in sorted(ranked, key=lambda one: one[:2])[:MAX_OPTIONS]
    )
    return f'<ul data-typed="{escape(typed)}">{options}</ul>'
