"""Regularizers: loss terms on top of any method's, one file each."""

from __future__ import annotations

import sys

from studio.discovery import find_classes
from studio.regularizer import Regularizer

REGULARIZERS: dict[str, type[Regularizer]] = {
    regularizer.id: regularizer for regularizer in find_classes(sys.modules[__name__], Regularizer)
}
