"""Flags for settings: their help and bounds are those of the setting."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from studio.settings import Field


class Flags(Protocol):
    """A parser, or a group of its flags."""

    def add_argument(self, *names: str, **options: Any) -> Any:
        """Add a flag, as `argparse.ArgumentParser.add_argument`."""


def add_setting_flags(
    parser: Flags, fields: Iterable[Field], defaults: Mapping[str, str] | None = None
) -> None:
    """Add a flag such as --learning-rate for each setting. Where it is left out, its value is None.

    Args:
        defaults: by the name of a setting, what happens without the flag, if that is not its own default.
    """
    for field in fields:
        default = (defaults or {}).get(field.name, field.default)
        bounds = f" ({field.bounds})" if field.bounds else ""
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            metavar="|".join(field.choices) or "VALUE",
            help=f"{field.help}{bounds} Default: {default}.".replace("%", "%%"),
        )


def given_settings(given: argparse.Namespace, fields: Iterable[Field]) -> dict[str, Any]:
    """Return the settings whose flags were given, by name. Raises StudioError for a value out of range."""
    values = {field: getattr(given, field.name, None) for field in fields}
    return {field.name: field.parse(value) for field, value in values.items() if value is not None}
