"""The Train tab: photos on the left, what to learn on the right, and what is being learned above both."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.method import MethodCard
from studio.photos import Photo, open_photos
from studio.recipe import normal_handle, random_seed
from studio.ui.demo import demo_cards, demos
from studio.ui.forms import controls, recipe_values, settings_of
from studio.ui.photos_box import photos_box, refusals_of, strip_of
from studio.ui.progress_card import current_job, training_card
from studio.ui.wire import Live, Wire, act_of, board, drawing, whole
from studio.workspace import Workspace

REMEMBERED_SECONDS = 3600.0
SHOW_PROGRESS = """() => {
  if (document.querySelector('#train-notice .error')) return;
  window.scrollTo({top: 0, behavior: 'smooth'});
}"""


def naming(workspace: Workspace, name: str, noun: str) -> str:
    """What a name and a noun will become, and what speaks against them."""
    lines = []
    if name.strip():
        try:
            handle = normal_handle(name)
            taken = " · there is one already" if workspace.library.has(handle) else ""
            lines.append(f"Prompts will say <code>{escape(handle)}</code>{taken}")
        except StudioError as error:
            lines.append(escape(str(error)))
    nouns = workspace.base_defaults().nouns
    if noun.strip() and nouns and noun.strip().lower() not in nouns:
        lines.append(
            f"This base was not taught the word “{escape(noun.strip())}”; a similar one works better"
        )
    return "".join(f'<p class="faint naming">{line}</p>' for line in lines)


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
            box = photos_box(wire, notice)
            demo_board = board("demo-subjects", demo_cards(list(subjects.values())))
        with gr.Column(scale=6, elem_classes=["side", "sheet"]):
            drawing("<h2>What is it?</h2>")
            with gr.Row():
                name = gr.Textbox(
                    "", label="Name", placeholder="lily", max_length=40, max_lines=1, elem_id="concept-name"
                )
                noun = gr.Textbox(
                    "", label="Noun", placeholder="cat", max_length=60, max_lines=1, elem_id="concept-noun"
                )
            named = drawing(elem_id="naming")
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

    def describe(id: str) -> tuple:
        return method_words(card_of(id)), *[gr.update(visible=card.id == id) for card in catalogue]

    def fill(event: gr.EventData) -> tuple:
        slug = act_of(event)[1]
        if slug not in subjects:
            raise StudioError("That subject is not there.", "Choose one of those shown.")
        subject = subjects[slug]
        photos, refused = open_photos(subject.photos)
        handle = workspace.library.free(normal_handle(subject.name))
        shut = gr.update(visible=False)
        return photos, -1, strip_of(photos), refusals_of(refused), shut, handle.strip("<>"), subject.noun

    def train(photos: list[Photo], name: str, noun: str, id: str, seed: float | None, *values: object) -> str:
        card = card_of(id)
        before = sum(len(other.fields) for other in catalogue[: list(cards).index(id)])
        settings = settings_of(card, values[before : before + len(card.fields)])
        workspace.train(photos, card, name, noun, settings, int(seed or 0))
        return ""

    def press(closed: int, event: gr.EventData) -> int | None:
        act, id = act_of(event)
        match act:
            case "keep" | "discard":
                workspace.jobs.ask(whole(id), "keep" if act == "keep" else "discard")
                return closed
            case "retry":
                workspace.retry(whole(id))
                return closed
            case "close":
                return whole(id)
        return None

    def show(name: str, noun: str) -> str:
        return naming(workspace, name, noun)

    quiet = {"looks_again": False}
    wire(method.change, describe, [method], [words, *groups], notice, **quiet)
    parts = [box.photos, box.chosen, box.strip, box.refusals, box.editor, name, noun]
    wire(demo_board.click, fill, [], parts, notice, **quiet)
    for text in (name, noun):
        wire(text.change, show, [name, noun], [named], notice, trigger_mode="always_last", **quiet)
    wire(dice.click, random_seed, [], [seed], notice, **quiet)
    wire(
        reset.click,
        lambda: [value for card in catalogue for value in recipe_values(card)] + [0],
        [],
        [*everything, seed],
        notice,
        **quiet,
    )
    inputs = [box.photos, name, noun, method, seed, *everything]
    wire(start.click, train, inputs, [named], notice, trigger_mode="once").then(None, js=SHOW_PROGRESS)
    wire(running.click, press, [closed], [closed], running_notice)

    def draw(closed: int) -> str:
        job = current_job(workspace, "train", closed, REMEMBERED_SECONDS)
        return training_card(workspace, job) if job else ""

    return Live(running, draw, [closed])
