"""Quick, balanced or thorough: the one choice above the button, and what it means in steps and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.events import rough_time
from studio.method_card import MethodCard
from studio.ui.parts.html_blocks import html_block
from studio.words import tr, trn
from studio.workspace.effort import (
    BALANCED,
    OWN,
    effort_of,
    is_work,
    training_steps,
    with_effort,
)
from studio.workspace.training_time import expected_seconds
from studio.workspace.workspace import Workspace

CHOICES = [(tr("Quick"), "quick"), (tr("Balanced"), BALANCED), (tr("Thorough"), "thorough")]
AS_SET = [(tr("As set below"), OWN)]
NOT_KNOWN = tr("How long that takes is said once the first steps are done.")
Controls = Mapping[str, Mapping[str, Any]]  # by the id of a method, its controls by name


@dataclass
class EffortChoice:
    """The choice, and the line under it that says what it comes to."""

    effort: gr.Radio
    words: gr.HTML

    @property
    def parts(self) -> list[Any]:
        """The components that `shown` changes."""
        return [self.effort, self.words]

    def shown(self, workspace: Workspace, card: MethodCard, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Return the changes that show what the settings of a method are."""
        effort = effort_of(card, values)
        choices = CHOICES + (AS_SET if effort == OWN else [])
        return {
            self.effort: gr.update(choices=choices, value=effort),
            self.words: effort_words(workspace, card, values),
        }


def effort_choice(workspace: Workspace, card: MethodCard) -> EffortChoice:
    """Build the choice, with what the recipe of a method comes to."""
    effort = gr.Radio(CHOICES, value=BALANCED, label=tr("How thorough?"), elem_id="effort")
    return EffortChoice(effort, html_block(effort_words(workspace, card, {}), elem_id="effort-words"))


def effort_words(workspace: Workspace, card: MethodCard, values: Mapping[str, Any]) -> str:
    """Return how many steps a training with these settings has, and how long it may take."""
    fingerprint = str(workspace.worker_state().base.get("fingerprint", ""))
    seconds = expected_seconds(workspace.jobs, workspace.concepts, card, values, fingerprint)
    sentences = [trn("{count} step.", "{count:,} steps.", training_steps(card, values)), NOT_KNOWN]
    if seconds is not None:
        sentences[-1] = tr("About {time}, going by the last one.", time=rough_time(seconds))
    if effort_of(card, values) == BALANCED:
        sentences.append(tr("Balanced is the recipe as published or tuned."))
    return f'<p class="faint">{escape(" ".join(sentences))}</p>'


def work_controls(methods: list[MethodCard], settings: Controls) -> dict[str, dict[str, Any]]:
    """Return by the id of a method those of its controls that say how much there is to do."""
    return {
        card.id: {field.name: settings[card.id][field.name] for field in card.fields if is_work(field)}
        for card in methods
    }


def effort_changes(effort: str, methods: list[MethodCard], settings: Controls) -> dict[Any, Any]:
    """Return the changes that set the controls of all methods to an effort; none for `OWN`."""
    if effort == OWN:
        return {}
    return {
        settings[card.id][name]: value
        for card in methods
        for name, value in with_effort(card, effort).items()
    }
