"""The line of settings at the end of a `parameters` text: "Steps: 12, CFG scale: 5.5, Seed: 77".

A value may be quoted, or JSON, or hold commas. Reading takes time in proportion to the length of the text.
"""

from __future__ import annotations

import json
import re

NAME = re.compile(r"[ \t]{0,4}([A-Za-z][A-Za-z0-9 _/()-]{0,40}):(?: |$)", re.MULTILINE)
MARKS = re.compile(r'["\[\]{}\\\n,]')  # the letters at which the end of a value is decided


def read_settings(text: str) -> dict[str, str]:
    """Return the values by name of a line of settings; of two values with one name the first counts.

    The line ends at the end of a line that is outside of quotes and JSON.
    """
    return settings_and_rest(text)[0]


def settings_and_rest(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values of a line of settings, and by name what else the text says.

    That is the second value of a name, and the lines below, such as "Template: a {red|blue} dog".
    """
    settings: dict[str, str] = {}
    rest: dict[str, str] = {}
    position = 0
    while match := NAME.match(text, position):
        end = _end_of_value(text, match.end())
        name, value = match.group(1).strip(), _unquoted(text[match.end() : end].strip())
        if name in settings:
            _add(rest, name, value)
        settings.setdefault(name, value)
        position = end + 1
        if end >= len(text) or text[end] == "\n":
            break
    for line in filter(None, map(str.strip, text[position:].split("\n"))):
        found = NAME.match(line)
        _add(rest, found.group(1), line[found.end() :]) if found else _add(rest, "Line", line)
    return settings, rest


def as_value(text: str) -> str:
    """Return a text as a value of such a line: in quotes where it would not be read again without them."""
    is_plain = read_settings(f"A: {text}") == {"A": text} and not text.startswith(('"', "[", "{"))
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _add(rest: dict[str, str], name: str, value: str) -> None:
    """Add what was said under a name; what is said again is joined, so that no line is lost."""
    rest[name] = (
        f"{rest[name]} / {value}" if name in rest and len(rest[name]) < 200 else rest.get(name, value)
    )


def _end_of_value(text: str, start: int) -> int:
    """Return where a value ends: at a comma before another name, the end of a line, or of the text.

    Commas inside of quotes and brackets, and those before no name, belong to the value.
    """
    position, depth, quoted = start, 0, False
    if text[start : start + 1] not in ('"', "[", "{"):  # only these begin what can hold names and lines
        while mark := MARKS.search(text, position):
            position = mark.end()
            if mark.group() == "\n" or (mark.group() == "," and NAME.match(text, position)):
                return mark.start()
        return len(text)
    while mark := MARKS.search(text, position):
        position, sign = mark.end(), mark.group()
        if sign == "\\" and quoted:
            position += 1
        elif sign == '"':
            quoted = not quoted
        elif not quoted and sign in "[{":
            depth += 1
        elif not quoted and sign in "]}":
            depth -= 1
        elif not quoted and depth <= 0 and (sign == "\n" or (sign == "," and NAME.match(text, position))):
            return mark.start()
    return len(text)


def _unquoted(value: str) -> str:
    """Return a value without the quotes around it."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        return value[1:-1]
