"""The fold with every setting of the chosen method, in groups that the settings themselves name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.method_card import MethodCard
from studio.recipes.recipe import random_seed
from studio.recipes.sample_prompts import MAX_SAMPLES
from studio.settings import GROUPS, Field
from studio.ui.parts.arguments import MAX_LETTERS
from studio.ui.parts.forms import controls, explanation
from studio.words import tr
from studio.workspace.workspace import Workspace

OPEN = "learning"  # the group that is not folded


@dataclass
class SettingsFold:
    """The components.

    Args:
        groups: by the id of a method, what holds its controls.
        settings: by the id of a method, its controls by name.
        presets: an empty place for one's own presets.
        samples: prompts that are painted beside every preview, one a line.
    """

    groups: dict[str, gr.Group]
    settings: dict[str, dict[str, gr.components.Component]]
    presets: gr.Column
    samples: gr.Textbox
    seed: gr.Number
    dice: gr.Button
    reset: gr.Button

    @property
    def every(self) -> list[gr.components.Component]:
        """The controls of all methods."""
        return [part for form in self.settings.values() for part in form.values()]

    def base_defaults(self, workspace: Workspace, methods: Sequence[MethodCard]) -> dict[Any, Any]:
        """Return the changes of all settings to the defaults that suit the base of a workspace."""
        changes: dict[Any, Any] = {}
        for card in map(workspace.tuned, methods):
            for field in card.fields:
                update = gr.update(value=field.default, info=explanation(field))
                changes[self.settings[card.id][field.name]] = update
        return changes

    def values_of(self, card: MethodCard, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Return the changes that set the controls of a method."""
        return {self.settings[card.id][name]: value for name, value in values.items()}


def in_groups(fields: Sequence[Field]) -> dict[str, list[Field]]:
    """Return the settings of a method by group, groups without any left out."""
    return {group: found for group in GROUPS if (found := [one for one in fields if one.group == group])}


def settings_fold(catalogue: Sequence[MethodCard], first: MethodCard) -> SettingsFold:
    """Build the fold; the settings of the method `first` are shown."""
    groups: dict[str, gr.Group] = {}
    settings: dict[str, dict[str, gr.components.Component]] = {}
    with gr.Accordion(tr("Every setting, and presets of your own"), open=False, elem_id="train-settings"):
        for card in catalogue:
            settings[card.id] = {}
            with gr.Group(visible=card is first, elem_classes="settings") as groups[card.id]:
                for group, fields in in_groups(card.fields).items():
                    with gr.Accordion(
                        GROUPS[group],
                        open=group == OPEN,
                        elem_id=f"settings-{card.id}-{group}".replace("_", "-"),
                        elem_classes="setting-group",
                    ):
                        settings[card.id] |= controls(fields, f"setting-{card.id}")
        samples = gr.Textbox(
            "",
            label=tr("Sample prompts"),
            info=tr(
                "Painted beside every preview, one a line, up to {count}; {{}} is its name.",
                count=MAX_SAMPLES,
            ),
            placeholder="{} in the forest",
            lines=2,
            max_lines=MAX_SAMPLES,
            max_length=MAX_LETTERS,
            elem_id="train-samples",
        )
        with gr.Row(elem_classes="bottom"):
            seed = gr.Number(0, precision=0, label=tr("Seed"), elem_id="train-seed", min_width=120)
            dice = gr.Button(tr("Another seed"), size="sm", elem_id="train-dice", min_width=120)
            reset = gr.Button(tr("Reset to the recipe"), size="sm", elem_id="train-reset", min_width=120)
        presets = gr.Column(elem_id="preset-place")
    return SettingsFold(groups, settings, presets, samples, seed, dice, reset)


def another_seed(seed: gr.Number) -> dict[Any, Any]:
    """Return the change to a seed that nobody chose."""
    return {seed: random_seed()}
