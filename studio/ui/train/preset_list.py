"""One's own presets: a row of them above the button to train, and the list in the fold that changes them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.method_card import MethodCard
from studio.ui.parts.forms import setting_text
from studio.ui.parts.markup import button, unreadable_card
from studio.words import in_small_letters, tr
from studio.workspace.effort import effort_of
from studio.workspace.presets import Preset
from studio.workspace.workspace import Workspace

APPLY, KEEP, RENAME, DELETE, BACK, DISCARD = "apply", "keep", "rename", "delete", "back", "discard"
MAX_ROW = 8  # presets that stand in the row
MAX_NAMED = 3  # settings that a line names


def preset_row(workspace: Workspace) -> str:
    """Return the presets as buttons that apply them; empty where there are none."""
    presets = workspace.presets.all()
    if not presets:
        return ""
    buttons = "".join(
        f'<button type="button" class="round-button plain" data-action="{APPLY}"'
        f' data-id="{escape(preset.name)}">{escape(preset.name)}</button>'
        for preset in presets[:MAX_ROW]
    )
    below = tr("{count} more below", count=len(presets) - MAX_ROW)
    more = f'<span class="faint">{escape(below)}</span>' if len(presets) > MAX_ROW else ""
    title = escape(tr("Your presets"))
    return (
        f'<div class="round-buttons presets" role="group" aria-label="{title}">'
        f'<span class="faint">{title}</span>{buttons}{more}</div>'
    )


def preset_list(workspace: Workspace, methods: Sequence[MethodCard]) -> str:
    """Return the presets with their buttons, the files that are none, and a button to keep one."""
    known = {card.id: card for card in methods}
    rows = "".join(_line(preset, known.get(preset.method)) for preset in workspace.presets.all())
    unreadable = unreadable_card(tr("Files that are no presets"), DISCARD, workspace.presets.unreadable())
    keep = button(KEEP, tr("Keep these settings as a preset"), write=tr("A name for these settings"))
    listed = f'<ul class="job-lines preset-list">{rows}</ul>' if rows else ""
    return f'{listed}{unreadable}<div class="actions">{keep}</div>'


def _line(preset: Preset, card: MethodCard | None) -> str:
    name = preset.name
    setting = tr("Set the settings to {name}", name=name)
    buttons = button(APPLY, tr("Use"), name, title=setting) if card else ""
    buttons += button(RENAME, tr("Rename"), name, write=tr("A new name for {name}", name=name), value=name)
    buttons += button(DELETE, tr("Delete"), name)
    return (
        f'<li class="job-line"><span><b>{escape(name)}</b>'
        f"<small>{escape(_about(preset, card))}</small></span>"
        f'<span class="actions">{buttons}</span></li>'
    )


def _about(preset: Preset, card: MethodCard | None) -> str:
    """Return the method of a preset, and the settings in which it differs from the recipe."""
    if card is None:
        return tr("{method}, which this studio does not have", method=preset.method)
    others = [
        f"{in_small_letters(tr(field.title))} {setting_text(field, preset.settings[field.name])}"
        for field in card.fields
        if preset.settings.get(field.name, field.default) != field.default
    ]
    if not others:
        return tr("{method}, the recipe", method=tr(card.title))
    named, more = ", ".join(others[:MAX_NAMED]), len(others) - MAX_NAMED
    settings = tr("{settings} and {count} more", settings=named, count=more) if more > 0 else named
    return f"{_start(preset, card)}: {settings}"


def _start(preset: Preset, card: MethodCard) -> str:
    """Return the method of a preset, and its effort where that is none of the settings' own."""
    match effort_of(card, preset.settings):
        case "quick":
            return tr("{method}, quick", method=tr(card.title))
        case "thorough":
            return tr("{method}, thorough", method=tr(card.title))
    return tr(card.title)
