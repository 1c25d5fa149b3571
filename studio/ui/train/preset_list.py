"""One's own presets: a row of them above the button to train, and the list in the fold that changes them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.method_card import MethodCard
from studio.ui.parts.forms import value_text
from studio.ui.parts.markup import button, unreadable_card
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
    more = f'<span class="faint">{len(presets) - MAX_ROW} more below</span>' if len(presets) > MAX_ROW else ""
    return (
        f'<div class="round-buttons presets" role="group" aria-label="Your presets">'
        f'<span class="faint">Your presets</span>{buttons}{more}</div>'
    )


def preset_list(workspace: Workspace, methods: Sequence[MethodCard]) -> str:
    """Return the presets with their buttons, the files that are none, and a button to keep one."""
    known = {card.id: card for card in methods}
    rows = "".join(_line(preset, known.get(preset.method)) for preset in workspace.presets.all())
    unreadable = unreadable_card("Files that are no presets", DISCARD, workspace.presets.unreadable())
    keep = button(KEEP, "Keep these settings as a preset", write="A name for these settings")
    listed = f'<ul class="job-lines preset-list">{rows}</ul>' if rows else ""
    return f'{listed}{unreadable}<div class="actions">{keep}</div>'


def _line(preset: Preset, card: MethodCard | None) -> str:
    name = preset.name
    buttons = button(APPLY, "Use", name, title=f"Set the settings to {name}") if card else ""
    buttons += button(RENAME, "Rename", name, write=f"A new name for {name}", value=name)
    buttons += button(DELETE, "Delete", name)
    return (
        f'<li class="job-line"><span><b>{escape(name)}</b>'
        f"<small>{escape(_about(preset, card))}</small></span>"
        f'<span class="actions">{buttons}</span></li>'
    )


def _about(preset: Preset, card: MethodCard | None) -> str:
    """Return the method of a preset, and the settings in which it differs from the recipe."""
    if card is None:
        return f"{preset.method}, which this studio does not have"
    others = [
        f"{field.title.lower()} {value_text(preset.settings[field.name])}"
        for field in card.fields
        if preset.settings.get(field.name, field.default) != field.default
    ]
    if not others:
        return f"{card.title}, the recipe"
    more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
    effort = effort_of(card, preset.settings)
    start = f"{card.title}, {effort}" if effort in ("quick", "thorough") else card.title
    return f"{start}: {', '.join(others[:MAX_NAMED])}{more}"
