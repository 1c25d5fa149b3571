"""The Train tab: photos on the left, what to learn on the right, and the running training above both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.handles import to_handle
from studio.method_card import MethodCard
from studio.photos.photo import open_photos
from studio.photos.swap import Naming
from studio.ui.kept_form import afresh_button, by_id
from studio.ui.parts.forms import filled_in
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, html_block, pressed_button
from studio.ui.parts.job_buttons import press_job_button
from studio.ui.parts.job_cards import draw_cards, press_card_button
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.page_files import page_script
from studio.ui.parts.progress_card import training_card
from studio.ui.train.demo_subjects import demo_cards, demo_subjects
from studio.ui.train.effort_choice import effort_changes, effort_choice, work_controls
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.method_choice import (
    CHOICES,
    RECOMMENDED,
    method_choice,
    method_summary,
    methods_for,
    show_methods,
)
from studio.ui.train.photo_strip import refusals_card
from studio.ui.train.photos_box import PhotosBox, drawn_strip, photos_box
from studio.ui.train.preset_panel import preset_panel
from studio.ui.train.refused_methods import check_method, refused_methods
from studio.ui.train.session_photos import SessionPhotos, locked
from studio.ui.train.settings_fold import another_seed, settings_fold
from studio.ui.train.subject_rows import named_subjects, naming_hints, subject_rows, subjects_of
from studio.words import tr
from studio.workspace.workspace import Workspace

SHOW_PROGRESS = """() => {
  if (document.querySelector('#train-notice .error')) return;
  window.scrollTo({top: 0, behavior: 'smooth'});
}"""


@dataclass
class TrainTab:
    """What the page uses.

    Args:
        training: the card of the training, whose buttons other tabs listen to.
        views: what changes while the page is open.
        defaults: returns the changes of all settings to the defaults that suit the base of a workspace.
        photos: the box with the photos.
        kept: by name, the controls whose values outlive a reload.
        choose_method: returns the change of the choice of methods to what a draft holds.
        afresh: the block of the button that empties the form.
    """

    training: gr.HTML
    views: list[LiveView]
    defaults: Callable[[Workspace], dict[Any, Any]]
    photos: PhotosBox
    kept: dict[str, Any]
    choose_method: Callable[[Mapping[str, Any]], dict[Any, Any]]
    afresh: gr.HTML


def train_tab(workspace: Workspace, methods: Sequence[MethodCard], connector: Connector) -> TrainTab:
    """Build the tab. The defaults of the methods are tuned to the base of the workspace."""
    known = {card.id: card for card in methods}
    catalogue = [workspace.tuned(card) for card in methods]
    first = methods_for(RECOMMENDED, catalogue)[0]
    demos = {subject.slug: subject for subject in demo_subjects()}
    opened = gr.State(0)  # the training whose folded card is open
    lightbox = page_script("lightbox")  # for the previews; it is made once
    training = button_block("train-progress", script=lightbox)
    training_notice = html_block(elem_id="train-progress-notice")
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=5, elem_classes="side"):
            html_block(f"<h2>{escape(tr('Photos'))}</h2>")
            notice = html_block(elem_id="train-notice", render=False)
            box = photos_box(connector, notice, workspace.propose_mask, workspace.advise)
            demo_block = button_block("demo-subjects", demo_cards(list(demos.values())))
        with gr.Column(scale=6, elem_classes=["side", "sheet"]):
            html_block(f"<h2>{escape(tr('What is it?'))}</h2>")
            rows = subject_rows(workspace, first)
            choice = method_choice(catalogue)
            method, summary = choice.method, choice.summary
            refused = html_block(elem_id="refused-methods")
            effort = effort_choice(workspace, first)
            preset_place = gr.Column(elem_id="preset-row-place")
            notice.render()
            start = gr.Button(tr("Train"), variant="primary", size="lg", elem_id="train")
            fold = settings_fold(catalogue, first)
            seed, settings = fold.seed, fold.settings
            afresh = button_block("train-afresh", afresh_button())

    def card_of(id: str) -> MethodCard:
        if id not in known:
            raise StudioError("That method is not there.", "Choose one of those shown.")
        return workspace.tuned(known[id])

    def show_names(method_id: str, count: int, names: list[str], nouns: list[str]) -> dict[Any, Any]:
        card = card_of(method_id)
        subjects = subjects_of(count, card, names, nouns)
        hints = naming_hints(workspace, named_subjects(count, card, names, nouns))
        return {rows.hints: hints, box.subjects: subjects, box.subjects_text: repr(subjects)}

    def show_rows(method_id: str, count: int, names: list[str], nouns: list[str]) -> dict[Any, Any]:
        layout = rows.layout(count, card_of(method_id))
        return {**layout, **show_names(method_id, count, names, nouns)}

    def show_method(method_id: str, count: int, names: list[str], nouns: list[str]) -> Changes:
        shown = {group: gr.update(visible=id == method_id) for id, group in fold.groups.items()}
        rows = show_rows(method_id, count, names, nouns)
        card = card_of(method_id)
        return {**rows, **shown, summary: method_summary(card)}

    def show_kind(what: str, method_id: str) -> Changes:
        return {method: show_methods(what, method_id, methods)}

    def row_remover(row: int) -> Callable[..., Changes]:
        @locked
        def remove(session: SessionPhotos, count: int, names: list[str], nouns: list[str]) -> Changes:
            session.remove_subject(row)
            return rows.without_row(row, count, names, nouns)

        return remove

    @locked
    def fill_with_demo(
        session: SessionPhotos, count: int, names: list[str], nouns: list[str], event: gr.EventData
    ) -> Changes:
        slug = pressed_button(event)[1]
        if slug not in demos:
            raise StudioError("That subject is not there.", "Choose one of those shown.")
        photos, refused = open_photos(demos[slug].photos)
        session.swap(photos, Naming(count, names[0], nouns[0]))
        return {
            box.strip: drawn_strip(session, Subjects(), workspace.advise),
            box.refusals: refusals_card(refused),
            rows.count: 1,
            rows.names[0]: workspace.concepts.unused_handle(to_handle(demos[slug].name)).strip("<>"),
            rows.nouns[0]: demos[slug].noun,
        }

    @locked
    def name_as_before(session: SessionPhotos) -> Changes:
        naming, session.restored = session.restored, None
        if naming is None:
            return {}
        return {rows.count: naming.subjects, rows.names[0]: naming.name, rows.nouns[0]: naming.noun}

    def base_defaults(workspace: Workspace) -> dict[Any, Any]:
        return fold.base_defaults(workspace, methods)

    def set_effort(wanted: str) -> Changes:
        return effort_changes(wanted, [workspace.tuned(card) for card in methods], settings)

    def show_effort(method_id: str, values: dict[str, dict[str, Any]]) -> Changes:
        return effort.shown(workspace, card_of(method_id), values[method_id])

    def reset_settings() -> Changes:
        return {seed: 0, **base_defaults(workspace)}

    @locked
    def train(
        session: SessionPhotos,
        method_id: str,
        seed: float | None,
        settings: dict[str, dict[str, Any]],
        samples: str,
        count: int,
        names: list[str],
        nouns: list[str],
    ) -> Changes:
        card = card_of(method_id)
        check_method(workspace, card)
        (name, noun), *beside = named_subjects(count, card, names, nouns)
        values = filled_in(card.fields, settings[card.id])
        lines = (samples or "").splitlines()
        workspace.train(session.photos, card, name, noun, values, int(seed or 0), beside, lines)
        changes = {rows.hints: naming_hints(workspace, [(name, noun), *beside])}
        if session.settle():  # the strip no longer says that there is something to bring back
            subjects = subjects_of(count, card, names, nouns)
            changes[box.strip] = drawn_strip(session, subjects, workspace.advise)
        return changes

    def press_in_training(event: gr.EventData) -> Changes:
        action, id = pressed_button(event)
        if (number := press_card_button(workspace, "train", action, id)) is not None:
            return {opened: number}
        return {} if press_job_button(workspace, action, id) else None

    connect = functools.partial(connector.connect, notice=notice)
    quietly = functools.partial(connect, refresh=False)
    chosen = {"method_id": method, **rows.inputs}
    session = {"session": box.session}
    named = [rows.hints, box.subjects, box.subjects_text]
    shown = [*rows.parts, *named]
    kind = {"what": choice.what, "method_id": method}
    quietly(choice.what.change, show_kind, inputs=kind, outputs=[method])
    quietly(method.change, show_method, inputs=chosen, outputs=[summary, *shown, *fold.groups.values()])
    quietly(rows.count.change, show_rows, inputs=chosen, outputs=shown)
    count = {"count": rows.count}
    quietly(rows.more.click, lambda count: {rows.count: count + 1}, inputs=count, outputs=[rows.count])
    for row, button in enumerate(rows.removes, 1):
        changed = [rows.count, *rows.texts]
        quietly(button.click, row_remover(row), inputs={**session, **rows.inputs}, outputs=changed)
    for text in rows.texts:
        quietly(text.change, show_names, inputs=chosen, outputs=named, trigger_mode="always_last")
    filled = [box.strip, box.refusals, rows.count, rows.names[0], rows.nouns[0]]
    quietly(demo_block.click, fill_with_demo, inputs={**session, **rows.inputs}, outputs=filled)
    quietly(box.pressed.then, name_as_before, inputs=session, outputs=filled[2:])
    quietly(fold.dice.click, lambda: another_seed(seed), outputs=[seed])
    quietly(fold.reset.click, reset_settings, outputs=[seed, *fold.every])
    working = work_controls(catalogue, settings)
    of_effort = [part for form in working.values() for part in form.values()]
    quietly(effort.effort.input, set_effort, inputs={"wanted": effort.effort}, outputs=of_effort)
    quietly(
        functools.partial(gr.on, [method.change, *(part.change for part in of_effort)]),
        show_effort,
        inputs={"method_id": method, "values": working},
        outputs=effort.parts,
        trigger_mode="always_last",
    )
    presets = preset_panel(workspace, methods, connector, notice, choice, fold, preset_place)
    inputs = {**session, "seed": seed, "settings": settings, "samples": fold.samples, **chosen}
    started = connect(start.click, train, inputs=inputs, outputs=[rows.hints, box.strip], trigger_mode="once")
    started.then(None, js=SHOW_PROGRESS)
    connect(training.click, press_in_training, outputs=[opened], notice=training_notice)

    def draw_trainings(opened: int) -> str:
        return draw_cards(workspace, "train", training_card, opened)

    views = [
        LiveView(training, draw_trainings, {"opened": opened}),
        LiveView(refused, lambda: refused_methods(workspace, methods)),
        *presets,
    ]
    kept = by_id(choice.what, method, *rows.texts, seed, fold.samples, *fold.every)
    kept["subject-count"] = rows.count

    def choose_method(form: Mapping[str, Any]) -> dict[Any, Any]:
        what, id = (form.get(part.elem_id, part.value) for part in (choice.what, method))
        return {method: show_methods(what if what in CHOICES else RECOMMENDED, str(id), methods)}

    return TrainTab(training, views, base_defaults, box, kept, choose_method, afresh)
