"""Keeps Gradio from writing type stubs of its own components whenever it is imported.

Gradio 6 parses its source once more for each of its classes, to keep a .pyi file beside it up to date. That
is half of the time that its import takes (3.1 of 6.3 s on one slow core), it needs a Python environment that
can be written to, and two studios that start together would write the same files.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class GradioFinder(MetaPathFinder):
    """Finds the package gradio as Python does, and lets it be executed without type stubs."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where gradio is, None for every other module, which the next finder looks for."""
        spec = PathFinder.find_spec(name, path, target) if name == "gradio" else None
        if spec is not None and spec.loader is not None:
            spec.loader = StublessLoader(spec.loader)
        return spec


class StublessLoader(Loader):
    """Executes a module while `inspect` finds no source file for the classes of Gradio.

    Gradio takes them for classes made at run time then, and writes no stub for those.
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return the module as the loader of Python makes it."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module; afterwards `inspect` is as it was."""
        getfile = inspect.getfile

        def getfile_or_none(object: Any) -> str:  # the name that it has in inspect
            if isinstance(object, type) and object.__module__.startswith("gradio."):
                raise OSError("no type stubs are wanted")
            return getfile(object)

        inspect.getfile = getfile_or_none
        try:
            self.loader.exec_module(module)
        finally:
            inspect.getfile = getfile

    def __getattr__(self, name: str) -> Any:
        """Return what else a loader can do, such as reading a file of the package."""
        return getattr(self.loader, name)


def install() -> None:
    """Have gradio imported without type stubs, by whichever module imports it first."""
    if not any(isinstance(finder, GradioFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, GradioFinder())
