"""Find the classes that a folder holds: methods, kinds of edits, families, refinements, regularizers."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")
PLUGINS = "LIKENESS_PLUGINS"  # a folder of the user's own, laid out as this project: trainers/my_method.py


def find_classes(
    package: ModuleType, base: type[T], broken: dict[str, str] | None = None
) -> Iterator[type[T]]:
    """Yield every concrete subclass of `base` defined in a file of `package`, files in alphabetical order.

    Files whose names begin with "_" and packages inside are left out.

    Args:
        broken: where given, a file that cannot be imported is left out too, and its name and the reason are
            written here; otherwise its error is raised.
    """
    _add_plugins(package)
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


def _add_plugins(package: ModuleType) -> None:
    """Let `package` also be searched in the user's own folder, if there is one."""
    root = os.environ.get(PLUGINS)
    folder = str(Path(root, *package.__name__.split("."))) if root else ""
    if folder and folder not in package.__path__:
        package.__path__.append(folder)
