"""Find the classes that a folder holds: methods, kinds of edits, model families, refinements, regularizers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def find_classes(
    package: ModuleType, base: type[T], broken: dict[str, str] | None = None
) -> Iterator[type[T]]:
    """Yield every concrete subclass of `base` defined in a file of `package`, files in alphabetical order.

    Files whose names begin with "_" and packages inside are left out.

    Args:
        broken: where given, a file that cannot be imported is left out too, and its name and the reason are
            written here; otherwise its error is raised.
    """
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        if found.ispkg or found.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"{package.__name__}.{found.name}")
        except Exception as error:
            if broken is None:
                raise
            broken[found.name] = f"{type(error).__name__}: {error}"
            continue
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, base) and kind.__module__ == module.__name__ and not inspect.isabstract(kind):
                yield kind
