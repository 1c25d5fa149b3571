"""Families of base models, one file each: how a base of the family is loaded, read and sampled."""

from __future__ import annotations

import sys

from studio.discovery import find_classes
from studio.models.backbone import Backbone

FAMILIES: dict[str, type[Backbone]] = {
    family.family: family for family in find_classes(sys.modules[__name__], Backbone)
}
