"""Refinements: changes of how a picture is painted, one file each.

A refinement's settings become fields of a recipe, controls of the page, flags of the command line and axes of
a grid by themselves.
"""

from __future__ import annotations

import sys

from studio.discovery import find_classes
from studio.generation.refinement import Refinement

REFINEMENTS: dict[str, type[Refinement]] = {
    refinement.id: refinement for refinement in find_classes(sys.modules[__name__], Refinement)
}
