"""Kinds of edits, one file each: what is learned, and how it is put on a base model."""

from __future__ import annotations

import sys

from studio.discovery import find_classes
from studio.edits.edit import Edit

KINDS: dict[str, type[Edit]] = {kind.kind: kind for kind in find_classes(sys.modules[__name__], Edit)}
