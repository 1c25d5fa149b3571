"""The settings of a picture that another program painted, taken one by one; what nobody takes is listed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from studio.limits import MAX_CLIP_SKIP, MAX_GUIDANCE, MAX_SEED, MAX_SIDE, MAX_STEPS
from studio.recipes.recipe import SAMPLERS, Recipe
from studio.words import tr

MAX_LISTED = 20  # settings that are not used, with their values
HASH_DIGITS = 10  # that other programs write of a file's SHA-256
SHA_256 = re.compile(f"[0-9a-f]{{{HASH_DIGITS},64}}")
MAX_SHOWN = 60  # letters of a value
MAX_SAID = 300  # letters of a whole text that is not understood
SAMPLER_NAMES = {  # as libraries call them, without the sign for k-diffusion in front
    "ddim": "DDIM",
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_ancestral": "Euler a",
    "dpmpp_2m_k": "DPM++ 2M Karras",
    "dpmpp_2m karras": "DPM++ 2M Karras",
    "dpm++ 2m automatic": "DPM++ 2M Karras",  # what A1111's automatic choice of noise levels is for it
}
USUAL_SCHEDULES = ("", "automatic", "normal")  # those that a sampler has where nobody chose any


class ForeignSettings:
    """Settings by name, as another program wrote them.

    Args:
        program: its name and version in a sentence; empty for this program.
        values: of any kind.
    """

    def __init__(self, program: str, values: Mapping[str, Any]) -> None:
        self._left = dict(values)
        self._notes = [tr("It was painted by {program}.", program=shown(program))] if program else []

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, *names: str) -> Any:
        """Return the value of the first of these names that is there, "" where none is; it counts as used."""
        for name in names:
            if name in self._left:
                return self._left.pop(name)
        return ""

    def text(self, *names: str) -> str:
        """Return a value that is a text, "" where there is none; another kind of value is left unused."""
        found = [name for name in names if isinstance(self._left.get(name), str)]
        return self.take(*found)

    def add_note(self, sentence: str) -> None:
        """Add a sentence about what is not the same here."""
        self._notes.append(sentence)

    def notes(self) -> list[str]:
        """Return the sentences: who painted it, what is not the same here, and what was not used."""
        left = [
            f"{name[:MAX_SHOWN]}: {shown(value)}"
            for name, value in self._left.items()
            if value not in ("", None, [], {})
        ]
        if not left:
            return self._notes
        few, many = "Not used here: {settings}.", "Not used here: {settings}; and {count} more."
        others = len(left) - MAX_LISTED
        named = "; ".join(left[:MAX_LISTED])
        return [*self._notes, tr(many if others > 0 else few, settings=named, count=others)]

    def file_hash(self, name: str) -> str:
        """Return the first ten digits of a SHA-256; "" for another kind of hash, which is left unused.

        A1111 wrote eight digits of another one before 2023.
        """
        value = self._left.get(name)
        if not isinstance(value, str) or not SHA_256.fullmatch(value.lower()):
            return ""
        return str(self.take(name)).lower()[:HASH_DIGITS]

    def seed(self, *names: str) -> int:
        """Return a seed of ours. It is another one where other programs allow more, or say none."""
        given = self.take(*names)
        if given in ("", None):
            given = -1
        try:
            seed = int(given)
        except (ValueError, TypeError, OverflowError):
            text = "Its seed {seed!r} is no number; here it begins with 0."
            self.add_note(tr(text, seed=shown(given)))
            return 0
        if seed < 0:  # other programs draw one, and some write down what they were asked for
            self.add_note(tr("It does not say its seed; here it begins with 0."))
            return 0
        if seed > MAX_SEED:
            text = "Its seed {seed} is too large here and becomes {other}."
            self.add_note(tr(text, seed=shown(seed), other=seed % (MAX_SEED + 1)))
        return seed % (MAX_SEED + 1)

    def steps(self, *names: str) -> int:
        """Return the number of sampling steps, in our range."""
        return int(self.number(tr("number of steps"), Recipe.steps, 1, MAX_STEPS, *names))

    def guidance(self, *names: str) -> float:
        """Return the scale of classifier-free guidance, in our range."""
        return self.number(tr("CFG scale"), Recipe.guidance, 0.0, MAX_GUIDANCE, *names)

    def clip_skip(self, *names: str) -> int:
        """Return the layer of the text encoder that is read, from the end, in our range."""
        if not any(name in self for name in names):
            return Recipe.clip_skip
        return int(self.number(tr("clip skip"), Recipe.clip_skip, 1, MAX_CLIP_SKIP, *names))

    def number(self, what: str, usual: float, low: float, high: float, *names: str) -> float:
        """Return a number between `low` and `high`, and note where it is another than what is said.

        Args:
            what: the number in a sentence, translated.
            usual: what it is where nothing is said.
        """
        given = self.take(*names)
        if given in ("", None):
            self.add_note(tr("It does not say its {what}; here it is {usual:g}.", what=what, usual=usual))
            return usual
        try:
            value = as_number(given)
        except ValueError:
            text = "Its {what} {given!r} is no number; here it is {usual:g}."
            self.add_note(tr(text, what=what, given=shown(given), usual=usual))
            return usual
        fitting = min(max(value, low), high)
        if fitting != value:
            text = "Its {what} of {value:g} is beyond what there is here; it becomes {fitting:g}."
            self.add_note(tr(text, what=what, value=value, fitting=fitting))
        return fitting

    def size(self, width: Any, height: Any) -> tuple[int, int]:
        """Return width and height in pixels; 0 for both where they cannot be the same here."""
        if width in ("", None, 0) or height in ("", None, 0):
            return 0, 0
        try:
            wide, high = (int(as_number(side)) for side in (width, height))
        except ValueError:
            wide = high = -1
        if min(wide, high) < 1:
            text = "Its size of {width} x {height} is not understood; here it takes the size of the base."
            self.add_note(tr(text, width=shown(width), height=shown(height)))
        elif max(wide, high) > MAX_SIDE:
            text = "It is {width}x{height} pixels large; here it takes the size of the base."
            self.add_note(tr(text, width=wide, height=high))
        else:
            return wide, high
        return 0, 0

    def sampler(self, name: str, schedule: str) -> str:
        """Return a sampler of ours, the default where it is none; `name` and `schedule` name settings.

        Newer programs write the noise levels apart: "DPM++ 2M" and "Karras".
        """
        said, levels = self.text(name), self.text(schedule)
        plain = said.lower().removeprefix("sample_").removeprefix("k_").removesuffix("_gpu")
        known = {one.lower(): one for one in SAMPLERS} | SAMPLER_NAMES
        if (both := f"{plain} {levels.lower()}") in known:
            return known[both]
        if levels.lower() not in USUAL_SCHEDULES:
            self._left[schedule] = levels
        if plain in known:
            return known[plain]
        if said:
            text = "It was sampled with {sampler}; here it is {other}."
            self.add_note(tr(text, sampler=shown(said), other=Recipe.sampler))
        return Recipe.sampler


def as_number(value: Any) -> float:
    """Return a number that may have a comma for its point, as in "5,5". Raises ValueError for none."""
    try:
        if isinstance(value, str) and "." not in value:
            value = value.replace(",", ".", 1)
        number = float(value)
    except (TypeError, OverflowError) as error:
        raise ValueError("no number") from error
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def is_number(value: Any) -> bool:
    """Return whether `as_number` reads this."""
    try:
        as_number(value)
    except ValueError:
        return False
    return True


def shown(value: Any, letters: int = MAX_SHOWN) -> str:
    """Return a value as a text in one line, of which a long one is cut."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):  # a number of too many digits, a list of too many levels
        text = "…"
    text = " ".join(text[: 4 * letters].split())
    return text if len(text) <= letters else f"{text[:letters].rstrip()}…"
