"""Reading what lies on disk into our dataclasses, strictly: a file may be old, damaged or a stranger's.

A document is JSON. Its form is a frozen dataclass of ours; the types of the fields are the rules, and the
types below narrow them. Every failure is one `DocumentError` with a sentence that names the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Le, MaxLen, Predicate

from studio.errors import StudioError
from studio.handles import HANDLE
from studio.limits import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_ENTRIES,
    MAX_FILE_NAME_LETTERS,
    MAX_SHORT_LETTERS,
    MAX_TEXT_LETTERS,
    MAX_WHOLE,
)
from studio.words import marked, one_of, tr

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
HALF_LETTER = re.compile("[\ud800-\udfff]")  # a lone surrogate, which no file or page can show
ShortText = Annotated[str, MaxLen(MAX_SHORT_LETTERS)]  # titles, names, versions
Values = dict[str, Any]


class DocumentError(StudioError):
    """A document that cannot be used; `reason` is a part of a sentence, such as "its `seed` is missing".

    Its arguments are texts with places for the `values`, as in `tr`.
    """

    def __init__(self, what: str, reason: str, hint: str = "", /, **values: object) -> None:
        self.reason = tr(reason, **values)
        message = tr("{what} cannot be read: {reason}.", what=tr(what), reason=self.reason)
        super().__init__(message, tr(hint, **values))


def is_handle(text: str) -> bool:
    """Return whether this is a handle as we write it, such as "<lily>"."""
    return HANDLE.fullmatch(text) is not None and text == text.lower()


def is_date(text: str) -> bool:
    """Return whether this is a date and time that every system can show; an empty text is allowed."""
    try:
        return not text or 1970 < datetime.fromisoformat(text).year < 9999
    except ValueError:
        return False


def is_file_name(text: str) -> bool:
    """Return whether this names a file in a known folder, and cannot lead out of it."""
    return not {"/", "\\", "\0"} & set(text) and text not in ("", ".", "..")


Handle = Annotated[str, Predicate(is_handle)]
Date = Annotated[str, Predicate(is_date)]
FileName = Annotated[str, MaxLen(MAX_FILE_NAME_LETTERS), Predicate(is_file_name)]
Count = Annotated[int, Ge(0)]
Measured = Annotated[float, Ge(-1e9), Le(1e9)]  # a measured number; an absurd one cannot be shown
Number = int | float  # a whole number stays whole, so that it is written as it was read
Scalar = bool | int | float | str


def read_document(
    kind: type[T],
    source: str | bytes | Values,
    what: str,
    upgrade: Callable[[Values], Values] | None = None,
    max_bytes: int = MAX_DOCUMENT_BYTES,
    hint: str = "",
) -> T:
    """Return a document as an instance of the dataclass `kind`.

    Names that the dataclass does not have are ignored: a newer version may have written them.

    Args:
        source: JSON, or the values of a JSON object.
        what: the document in a sentence, such as "The grid".
        upgrade: renames what earlier versions called otherwise. It gets a new dictionary of unchecked values.

    Raises:
        DocumentError: it is too large, no JSON object, or a field has the wrong type or is out of bounds.
    """
    from pydantic import ValidationError  # a fifth of a second, which the page need not wait for

    try:
        values = source if isinstance(source, dict) else parse_object(source, max_bytes)
        check_limits(values)
        text = json.dumps(upgrade(dict(values)) if upgrade else values, allow_nan=False)
        # in JSON a list stands for a tuple, which pydantic's strict mode refuses in Python's own values
        validator: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type]  # every class can be hashed
        return validator.validate_json(text, strict=True)
    except ValidationError as error:
        raise DocumentError(what, _sentence(error), hint) from error
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error) if isinstance(error, LimitError) else "it is damaged"
        raise DocumentError(what, reason, hint) from error


def read_documents(kind: type[T], text: bytes, what: str) -> list[T]:
    """Return what `write_documents` wrote. Raises DocumentError when one of them cannot be used."""
    from pydantic import ValidationError

    try:
        validator: TypeAdapter[list[T]] = _adapter(list[kind])  # type: ignore[valid-type]
        return validator.validate_json(text, strict=True)
    except (ValidationError, ValueError, RecursionError) as error:
        raise DocumentError(what, "it is damaged") from error


def write_documents(kind: type[T], documents: list[T]) -> bytes:
    """Return many documents of one kind as JSON, far quicker than one by one."""
    validator: TypeAdapter[list[T]] = _adapter(list[kind])  # type: ignore[valid-type]
    return validator.dump_json(documents)


class LimitError(ValueError):
    """A document that is too large or too deep, or no JSON object; the text is a part of a sentence."""


def parse_object(text: str | bytes, max_bytes: int = MAX_DOCUMENT_BYTES) -> Values:
    """Return the values of a JSON object. Raises LimitError, ValueError or RecursionError when it is none."""
    if len(text) > max_bytes:
        raise LimitError(tr("it is larger than {megabytes:g} MB", megabytes=max_bytes / 1e6))
    values = json.loads(text)
    if not isinstance(values, dict):
        raise LimitError(tr("it should be a table of names and values"))
    return values


def check_limits(values: Any) -> None:
    """Raise LimitError for values that are too deep, too many or too long, or that JSON does not have."""
    entries, waiting = 0, [(values, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if len(value) > MAX_TEXT_LETTERS:
                raise LimitError(tr("it holds a text that is too long"))
            if not value.isascii() and HALF_LETTER.search(value):
                raise LimitError(tr("it holds half of a character"))
        elif isinstance(value, int):
            if abs(value) > MAX_WHOLE:
                raise LimitError(tr("it holds a number that is too large"))
        elif isinstance(value, float):
            if value - value != 0:
                raise LimitError(tr("it holds a number that is not finite"))
        elif isinstance(value, dict | list | tuple):
            entries += len(value)
            if depth > MAX_DEPTH or entries > MAX_ENTRIES:
                raise LimitError(
                    tr("it is nested too deeply" if depth > MAX_DEPTH else "it has too many entries")
                )
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(one, depth + 1) for one in inner]
            if isinstance(value, dict):
                waiting += [(name, depth + 1) for name in value]
        elif value is not None:
            raise LimitError(tr("it holds something that is no text, number, list or table"))


def renamed(values: Any, names: Mapping[str, str]) -> Any:
    """Return a table with some of its names changed, old to new; anything else as it is."""
    if not isinstance(values, dict):
        return values
    return {names.get(name, name): value for name, value in values.items()}


@cache
def _adapter(kind: type) -> TypeAdapter:
    """Return the validator of a dataclass. It is built when the first such document is read: 60 ms each."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


SHOULD_BE = {
    "int_type": tr("a whole number"),
    "int_from_float": tr("a whole number"),
    "float_type": tr("a number"),
    "string_type": tr("a text"),
    "bool_type": tr("true or false"),
    "none_required": tr("left out"),
    "tuple_type": tr("a list"),
    "list_type": tr("a list"),
    "dict_type": tr("a table of names and values"),
    "mapping_type": tr("a table of names and values"),
    "dataclass_type": tr("a table of names and values"),
    "bytes_invalid_encoding": tr("base64 text"),
    "bytes_type": tr("base64 text"),
}
PREDICATES = {
    "is_handle": tr("a name such as <lily>"),
    "is_date": tr("a date and time"),
    "is_file_name": tr("the name of a file"),
}
IS = {
    "missing": marked("{subject} is missing"),
    "too_long": marked("{subject} has too many entries"),
    "string_too_long": marked("{subject} is too long"),
    "greater_than_equal": marked("{subject} is too small"),
    "less_than_equal": marked("{subject} is too large"),
}


def _sentence(error: ValidationError) -> str:
    """Return the first complaint in plain words, such as "its `seed` should be a whole number"."""
    complaints = error.errors(include_url=False, include_input=False)
    first = complaints[0]
    place = [part for part in first["loc"] if part != "[key]"]
    alternatives = [one for one in complaints if one["loc"][:-1] == first["loc"][:-1]]
    if len(alternatives) > 1 and place and place[-1] in ("bool", "int", "float", "str", "none"):
        place = place[:-1]  # the last part only says which type of a union was tried
    else:
        alternatives = [first]
    subject = _subject([str(part)[:40] for part in place])
    if first["type"] in IS:
        return tr(IS[first["type"]], subject=subject)
    words = dict.fromkeys(_expected(one) for one in alternatives)
    return tr("{subject} should be {expected}", subject=subject, expected=one_of(words))


def _subject(place: list[str]) -> str:
    """Return what a complaint is about, as the subject of a sentence."""
    if not place:
        return tr("it")
    field, *inner = place
    if not inner:
        return tr("its `{field}`", field=field)
    return tr("its `{field}`, at {place},", field=field, place=", ".join(inner))


def _expected(complaint: Mapping[str, Any]) -> str:
    """Return what one complaint of pydantic's asks for."""
    if complaint["type"] == "predicate_failed":
        return next(
            (words for name, words in PREDICATES.items() if name in complaint["msg"]), tr("another text")
        )
    if complaint["type"] == "literal_error":
        return str(complaint["ctx"]["expected"])
    return SHOULD_BE.get(complaint["type"], tr("of another kind"))
