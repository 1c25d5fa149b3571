"""The Train tab: photos on the left, what to learn on the right, and what is being learned above both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.handles import to_handle
from studio.method import MethodCard
from studio.photos.photo import open_photos
from studio.recipes.recipe import random_seed
from studio.ui.parts.forms import controls, recipe_values, settings_of
from studio.ui.parts.handlers import Live, Wire, act_of, board, drawing, whole
from studio.ui.parts.progress_card import current_job, training_card
from studio.ui.train.demo_subjects import demo_cards, demos
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_strip import refusals_of, strip_of
from studio.ui.train.photos_box import photos_box
from studio.ui.train.session_photos import Table, in_turn
from studio.ui.train.subject_rows import layout, named, naming, subject_rows, subjects_of, without
from studio.workspace.workspace import Workspace

REMEMBERED_SECONDS = 3600.0
SHOW_PROGRESS = """() => {
  if (document.querySelector('#train-notice .error')) return;
  window.scrollTo({top: 0, behavior: 'smooth'});
}"""


def method_words(card: MethodCard) -> str:
    """A method in one line, with its paper."""
    return f'<p class="method-words">{escape(card.summary)} <cite>{escape(card.paper)}</cite></p>'


def train_tab(workspace: Workspace, catalogue: Sequence[MethodCard], wire: Wire) -> Live:
    """Build the tab; returns its live drawing, a board whose "paint" others listen to."""
    cards = {card.id: card for card in catalogue}
    first = catalogue[0]
    subjects = {subject.slug: subject for subject in demos()}
    closed = gr.State(0)
    running = board("train-progress")
    running_notice = drawing(elem_id="train-progress-notice")
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=5, elem_classes="side"):
            drawing("<h2>Photos</h2>")
            notice = drawing(elem_id="train-notice", render=False)
            box = photos_box(wire, notice, workspace.propose_mask)
            demo_board = board("demo-subjects", demo_cards(list(subjects.values())))
        with gr.Column(scale=6, elem_classes=["side", "sheet"]):
            drawing("<h2>What is it?</h2>")
            rows = subject_rows(workspace, first)
            choices = [(card.title, card.id) for card in catalogue]
            method = gr.Radio(choices, value=first.id, label="Method", elem_id="method")
            words = drawing(method_words(first), elem_id="method-words")
            notice.render()
            start = gr.Button("Train", variant="primary", size="lg", elem_id="train")
            with gr.Accordion("Settings", open=False, elem_id="train-settings"):
                groups, forms = [], []
                for card in catalogue:
                    with gr.Group(visible=card is first, elem_classes="settings") as group:
                        forms.append(controls(card))
                    groups.append(group)
                with gr.Row(elem_classes="bottom"):
                    seed = gr.Number(0, precision=0, label="Seed", elem_id="train-seed", min_width=120)
                    dice = gr.Button("Another seed", size="sm", elem_id="train-dice", min_width=120)
                    reset = gr.Button("Reset to the recipe", size="sm", elem_id="train-reset", min_width=120)
    everything = [part for form in forms for part in form]

    def card_of(id: str) -> MethodCard:
        if id not in cards:
            raise StudioError("That method is not there.", "Choose one of those shown.")
        return cards[id]

    def describe(id: str, count: int, *texts: str) -> tuple:
        card = card_of(id)
        forms = [gr.update(visible=card.id == other.id) for other in catalogue]
        return method_words(card), *arrange(id, count, *texts), *forms

    def arrange(id: str, count: int, *texts: str) -> tuple:
        card = card_of(id)
        hints = naming(workspace, named(count, card, texts))
        seen = subjects_of(count, card, texts)
        return *layout(count, card), hints, seen, repr(seen)

    def show(id: str, count: int, *texts: str) -> tuple:
        return arrange(id, count, *texts)[-3:]

    def remove(row: int) -> Callable[..., tuple]:
        @in_turn
        def take_away(table: Table, count: int, *texts: str) -> tuple:
            table.lay([photo.without_subject(row) for photo in table.photos])
            return gr.update(visible=False), max(1, count - 1), *without(texts, row)

        return take_away

    @in_turn
    def fill(table: Table, event: gr.EventData) -> tuple:
        slug = act_of(event)[1]
        if slug not in subjects:
            raise StudioError("That subject is not there.", "Choose one of those shown.")
        subject = subjects[slug]
        photos, refused = open_photos(subject.photos)
        table.lay(photos)
        handle = workspace.library.unused_handle(to_handle(subject.name)).strip("<>")
        drawn = strip_of(photos, Subjects()), refusals_of(refused), gr.update(visible=False)
        return *drawn, 1, handle, subject.noun

    @in_turn
    def train(table: Table, id: str, seed: float | None, count: int, *values: object) -> str:
        card = card_of(id)
        texts, values = values[: len(rows.texts)], values[len(rows.texts) :]
        before = sum(len(other.fields) for other in catalogue[: list(cards).index(id)])
        settings = settings_of(card, values[before : before + len(card.fields)])
        (name, noun), *beside = named(count, card, texts)
        workspace.train(table.photos, card, name, noun, settings, int(seed or 0), beside)
        return naming(workspace, [])

    def press(closed: int, event: gr.EventData) -> int | None:
        act, id = act_of(event)
        match act:
            case "keep" | "discard":
                workspace.jobs.request_stop(whole(id), "keep" if act == "keep" else "discard")
                return closed
            case "retry":
                workspace.retry(whole(id))
                return closed
            case "close":
                return whole(id)
        return None

    quiet = {"looks_again": False}
    parts = [*rows.rows, *rows.dots, rows.more, rows.hints, box.subjects, box.renamed]
    told = [method, rows.count, *rows.texts]
    wire(method.change, describe, told, [words, *parts, *groups], notice, **quiet)
    wire(rows.count.change, arrange, told, parts, notice, **quiet)
    wire(rows.more.click, lambda count: count + 1, [rows.count], [rows.count], notice, **quiet)
    emptied = [box.editor, rows.count, *rows.texts]
    for row, button in enumerate(rows.removes, 1):
        known = [box.table, rows.count, *rows.texts]
        wire(button.click, remove(row), known, emptied, notice, **quiet)
    for text in rows.texts:
        wire(text.change, show, told, parts[-3:], notice, trigger_mode="always_last", **quiet)
    filled = [box.strip, box.refusals, box.editor, rows.count, rows.names[0], rows.nouns[0]]
    wire(demo_board.click, fill, [box.table], filled, notice, **quiet)
    wire(dice.click, random_seed, [], [seed], notice, **quiet)
    wire(
        reset.click,
        lambda: [value for card in catalogue for value in recipe_values(card)] + [0],
        [],
        [*everything, seed],
        notice,
        **quiet,
    )
    inputs = [box.table, method, seed, rows.count, *rows.texts, *everything]
    sent = wire(start.click, train, inputs, [rows.hints], notice, trigger_mode="once")
    sent.then(None, js=SHOW_PROGRESS)
    wire(running.click, press, [closed], [closed], running_notice)

    def draw(closed: int) -> str:
        job = current_job(workspace, "train", closed, REMEMBERED_SECONDS)
        return training_card(workspace, job) if job else ""

    return Live(running, draw, [closed])
