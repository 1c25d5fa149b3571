"""The controls whose values outlive a reload, and how a draft holds them: by name, without the defaults.

Defaults are left out so that another base brings its own. The sliders of concepts are held under the concept
and its knob, since the same slider moves another one tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.documents import Scalar
from studio.errors import StudioError
from studio.ui.create.knob_sliders import Knob, knob_name
from studio.ui.parts.arguments import checked_argument, is_number
from studio.ui.parts.markup import button
from studio.words import tr

Values = Mapping[str, Any]


@dataclass
class KeptForm:
    """Controls of several tabs.

    Args:
        tabs: by the id of a tab, its controls by name.
        knobs: State of the knobs that the first of the `sliders` move.
        defaults: returns the present default of controls whose default depends on the base.
        more: by the id of a tab, returns the changes that its plain values alone do not make.
    """

    tabs: Mapping[str, Mapping[str, Any]]
    knobs: gr.State
    sliders: Sequence[gr.Slider]
    defaults: Callable[[], Mapping[Any, Any]]
    more: Mapping[str, Callable[[Mapping[str, Scalar]], Mapping[Any, Any]]]

    @property
    def controls(self) -> dict[str, Any]:
        """The controls of all tabs by name."""
        return {name: control for controls in self.tabs.values() for name, control in controls.items()}

    @property
    def inputs(self) -> dict[str, Any]:
        """What `written` reads."""
        return {"values": self.controls, "knobs": self.knobs, "positions": list(self.sliders)}

    @property
    def outputs(self) -> list[Any]:
        """The components that `changes` changes."""
        return [*self.controls.values(), self.knobs, *self.sliders]

    def written(self, values: Values, knobs: Sequence[Knob], positions: Sequence[float]) -> dict[str, Scalar]:
        """Return what a draft holds of these values."""
        default = self._default_values()
        form: dict[str, Scalar] = {
            name: value
            for name, value in values.items()
            if isinstance(value, bool | int | float | str) and value != default[name]
        }
        moved = zip(knobs, positions, strict=False)
        return form | {knob_name(knob): at for knob, at in moved if is_number(at) and at != knob.default}

    def changes(self, form: Mapping[str, Scalar], tabs: Sequence[str] = ()) -> dict[Any, Any]:
        """Return the changes that fill the controls of these tabs, of all when none is named.

        What the draft does not hold gets its default; what a control would not take is left out.
        """
        changes: dict[Any, Any] = {}
        default = self._default_values()
        for tab in tabs or self.tabs:
            for name, control in self.tabs[tab].items():
                value = form.get(name, default[name])
                changes[control] = value if fits(control, value) else default[name]
            if tab in self.more:
                changes |= self.more[tab](form)
        return changes

    def _default_values(self) -> dict[str, Any]:
        of_base = self.defaults()
        return {name: _value(of_base.get(control, control.value)) for name, control in self.controls.items()}


def _value(change: Any) -> Any:
    """Return the value that a change of a control gives it."""
    return change.get("value") if isinstance(change, dict) else change


def fits(control: Any, value: Any) -> bool:
    """Return whether a control can show a kept value: of its type, in its range, among its choices."""
    try:
        checked_argument(control, value)
    except StudioError:
        return False
    if isinstance(control, gr.Radio | gr.Dropdown):
        return value in [key for _, key in control.choices]
    if isinstance(control, gr.Slider):
        return control.minimum <= value <= control.maximum
    return True


def by_id(*controls: Any) -> dict[str, Any]:
    """Return controls by their element ids."""
    return {str(control.elem_id): control for control in controls}


def afresh_button() -> str:
    """Return the button that empties a form."""
    help = tr("Empties this form. What was learned and painted stays")
    return f'<p class="afresh">{button("afresh", tr("Start afresh"), kind="link", title=help)}</p>'
