"""The user and password that visitors are asked for, from a flag, a file or the environment.

Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from studio.errors import StudioError
from studio.words import tr

VARIABLE = "LIKENESS_AUTH"
MAX_BYTES = 4096


def read_credentials(options: argparse.Namespace) -> tuple[str, str] | None:
    """Return the user and password, None when none are to be asked for.

    A flag comes before the environment. Raises StudioError when they cannot be read, or one of them is empty.
    """
    if options.auth is not None and options.auth_file is not None:
        raise StudioError("There are two passwords: --auth and --auth-file.", "Leave one of them out.")
    if options.auth is not None:
        return split_credentials(options.auth, "--auth", tr("Write --auth USER:PASSWORD."))
    if options.auth_file is not None:
        hint = tr("Write USER:PASSWORD on the first line of {file}.", file=options.auth_file)
        return split_credentials(first_line(options.auth_file), "--auth-file", hint)
    if VARIABLE in os.environ:
        hint = tr("Set {variable} to USER:PASSWORD.", variable=VARIABLE)
        return split_credentials(os.environ[VARIABLE], VARIABLE, hint)
    return None


def split_credentials(text: str, source: str, hint: str) -> tuple[str, str]:
    """Return the parts of "USER:PASSWORD". Raises StudioError, with this hint, when one is missing."""
    user, _, password = text.partition(":")
    if not (user.strip() and password):
        raise StudioError(tr("{source} needs a user and a password.", source=source), hint)
    return user.strip(), password


def first_line(path: Path) -> str:
    """Return the first line of a small text file. Raises StudioError when it cannot be read."""
    try:
        with path.expanduser().open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or tr("it is no text")
        raise StudioError(
            "The password file {file} cannot be read: {reason}.",
            "Name another with --auth-file.",
            file=path,
            reason=reason,
        ) from None
    return (text.splitlines() or [""])[0]


def forget_variable() -> None:
    """Take the password out of the environment, so that other processes of the studio do not inherit it."""
    os.environ.pop(VARIABLE, None)
