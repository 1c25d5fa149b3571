"""The methods, one file each: `ls trainers/*.py` is the list.

`METHODS` holds every method by its id, in the order of publication. A file that cannot be imported is left
out and named in `BROKEN`, so that one bad method never keeps the studio from opening; two methods with one id
are an error of their author.
"""

from __future__ import annotations

import re
import sys

from studio.discovery import find_classes
from studio.method import Method
from trainers.kit.loop import train
from trainers.regularizers import REGULARIZERS

__all__ = ["BROKEN", "METHODS", "train"]

METHODS: dict[str, type[Method]] = {}
BROKEN: dict[str, str] = {}


def published(method: type[Method]) -> str:
    """Return the number by which arXiv knows a method's paper; its order is that of publication."""
    found = re.search(r"\d{4}\.\d{5}", method.paper)
    return found.group() if found else method.title


def collect() -> None:
    """Find the methods in this folder and give each the regularizers that apply to it."""
    methods: dict[str, type[Method]] = {}
    for method in find_classes(sys.modules[__name__], Method, BROKEN):
        if method.id in methods:
            raise ValueError(f"{method.__module__} and another file both call their method {method.id!r}")
        method.regularizers = tuple(one for one in REGULARIZERS.values() if one.tunes & method.tunes)
        methods[method.id] = method
    METHODS.clear()
    METHODS.update(sorted(methods.items(), key=lambda item: published(item[1])))


collect()
