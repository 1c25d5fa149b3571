"""Two large packages say in their docstring what each of their files is for; none is left out or invented."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^    ([a-z_0-9, ]+): ", re.MULTILINE)


@pytest.mark.parametrize("package", ["trainers/kit", "studio/workspace"])
def test_the_map_names_every_file_once(package: str) -> None:
    folder = ROOT / package
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")), clean=False)
    named = [name.strip() for line in LINE.findall(text or "") for name in line.split(",")]
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
