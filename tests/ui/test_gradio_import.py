"""Gradio is imported without the type stubs that it would write for its own components."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNTED = """
import ast, inspect
parsed, parse, getfile = [], ast.parse, inspect.getfile
ast.parse = lambda *values, **options: parsed.append(values) or parse(*values, **options)
import {first}
import gradio
from importlib import resources
assert inspect.getfile is getfile and inspect.getfile(gradio.Textbox).endswith("textbox.py")
assert resources.files("gradio").joinpath("package.json").is_file()
assert gradio.Textbox(label="Prompt").label == "Prompt" and callable(gradio.Textbox().change)
print(len(parsed))
"""


def parsed_files(first: str) -> int:
    """Return how often source is parsed while gradio is imported after the module `first`."""
    command = [sys.executable, "-c", COUNTED.format(first=first)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
def test_gradio_does_not_parse_its_own_source_when_the_page_imports_it() -> None:
    assert parsed_files("studio.ui") < 10 < parsed_files("json")
