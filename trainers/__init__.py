"""The methods: one file each. `ls trainers/*.py` is the list.

`METHODS` holds every method by its id, in the order of publication. A file that cannot be imported is left
out and named in `BROKEN`, so that one bad method never keeps the studio from opening; a clash of ids is an
error for its author.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

from studio.method import Method
from trainers.kit.loop import train

__all__ = ["BROKEN", "METHODS", "train"]

METHODS: dict[str, type[Method]] = {}
BROKEN: dict[str, str] = {}


def published(method: type[Method]) -> str:
    """The number by which arXiv knows a method's paper; its order is that of publication."""
    found = re.search(r"\d{4}\.\d{5}", method.paper)
    return found.group() if found else method.title


def _collect() -> None:
    """Find the one Method class of every file in this folder."""
    methods: dict[str, type[Method]] = {}
    for found in pkgutil.iter_modules(__path__):
        if found.ispkg or found.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"{__name__}.{found.name}")
        except Exception as error:
            BROKEN[found.name] = f"{type(error).__name__}: {error}"
            continue
        for _, method in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(method, Method)
                and method.__module__ == module.__name__
                and not inspect.isabstract(method)
            ):
                if method.id in methods:
                    raise ValueError(f"{found.name}.py and another file both call their method {method.id!r}")
                methods[method.id] = method
    METHODS.update(sorted(methods.items(), key=lambda item: published(item[1])))


_collect()
