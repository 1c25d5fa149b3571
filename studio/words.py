"""The visible words in the language of the person who reads them.

English stands in the code, with places for values as in `str.format`; `assets/words/de.json` gives for each
English text the German one. What has no translation, such as a word of a plug-in, stays English.
`assets/words/en.json` lists all of them (`python -m tests.words` writes it).

The language is settled once for a process, so that constants may be translated where they are written. Needs
nothing but the standard library: the launcher speaks before anything is installed, and to older Pythons too,
whose grammar has no `/` for arguments without a name; they begin with two underscores here.
"""

from __future__ import annotations

import ctypes
import json
import locale
import os
import string
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from studio.starter import ASSETS

ENGLISH = "en"
VARIABLE = "LIKENESS_LANGUAGE"  # such as de; it is passed on to the processes of the studio
SYSTEM_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the order of gettext
FOLDER = ASSETS / "words"
NARROW_SPACE = "\u202f"


def languages() -> list[str]:
    """Return the languages that the studio speaks, as codes of two letters."""
    return sorted(path.stem for path in FOLDER.glob("[a-z][a-z].json"))


def system_language() -> str:
    """Return what the system calls the language that it shows, such as "de_DE"; empty if unknown."""
    if sys.platform == "win32":
        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return locale.getlocale()[0] or ""


def wanted_language(environment: Mapping[str, str]) -> str:
    """Return the language of the variables, or else of the system; English where we do not speak it."""
    named = [environment.get(name, "") for name in (VARIABLE, *SYSTEM_VARIABLES)]
    wanted = next(filter(None, named), None) or system_language()
    code = wanted[:2].lower()
    return code if code in languages() else ENGLISH


def read_words(language: str) -> dict[str, str]:
    """Return by English text the text in a language; empty for English, or where the file is unreadable."""
    if language == ENGLISH:
        return {}
    try:
        words = json.loads((FOLDER / f"{language}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return words if isinstance(words, dict) else {}


LANGUAGE = wanted_language(os.environ)
WORDS = read_words(LANGUAGE)


class WordsFormatter(string.Formatter):
    """Formats as `str.format` does, with thousands parted as the language parts them.

    English parts thousands by commas, which elsewhere stand for the decimal point; there a narrow space does.
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as a place with this specification shows it."""
        text = str(super().format_field(value, format_spec))
        return text if LANGUAGE == ENGLISH or "," not in format_spec else text.replace(",", NARROW_SPACE)


FORMATTER = WordsFormatter()


def tr(__text: str, **values: Any) -> str:
    """Return a text in the person's language, with the values in their places.

    Without values nothing is replaced, so that a text which is not ours may hold braces.
    """
    said = WORDS.get(__text) or __text
    return FORMATTER.vformat(said, (), values) if values else said


def marked(text: str) -> str:
    """Return `text` as it is: English that is kept as data, and translated with `tr` where it is shown."""
    return text


def all_of(names: Iterable[str]) -> str:
    """Return names as "a and b and c"."""
    return tr(" and ").join(names)


def one_of(names: Iterable[str]) -> str:
    """Return names as "a or b or c"."""
    return tr(" or ").join(names)


def in_small_letters(title: str) -> str:
    """Return a title as it stands within a sentence, where only English drops its capital letters."""
    return title.lower() if LANGUAGE == ENGLISH else title


def mid_sentence(text: str) -> str:
    """Return a sentence or heading as it goes on after a colon, which only English writes small then."""
    return text[:1].lower() + text[1:] if LANGUAGE == ENGLISH else text


def trn(__one: str, __many: str, __count: int, **values: Any) -> str:
    """Return the first text for a count of 1 and else the second, with `{count}` and the values in place."""
    return tr(__one if __count == 1 else __many, count=__count, **values)
