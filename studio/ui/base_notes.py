"""Whether a concept fits the base that is loaded, and what to know where it was made on another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.concepts.header import Header
from studio.words import tr


def is_of_other_base(header: Header, loaded: Mapping[str, Any]) -> bool:
    """Return whether a concept was made for another base than the one that the worker has loaded."""
    return bool(loaded) and header.fingerprint != loaded.get("fingerprint")


def fits_base(header: Header, loaded: Mapping[str, Any]) -> bool:
    """Return whether a concept can be used on the loaded base, as far as its header tells.

    `Concept.check` decides; it knows the shapes too.
    """
    if not is_of_other_base(header, loaded):
        return True
    return not header.dependencies and header.base_kind in ("", loaded.get("kind"))


def base_note(header: Header, loaded: Mapping[str, Any]) -> str:
    """Return what to know of a concept that was made on another base than the loaded one, else nothing."""
    if not is_of_other_base(header, loaded):
        return ""
    name = loaded.get("name", tr("the loaded base"))
    if fits_base(header, loaded):
        return tr("Made on {base}: with {name} it may look different.", base=header.base, name=name)
    return tr("Made for {base}; it cannot be painted with {name}.", base=header.base, name=name)
