"""What the README points at is there: files and folders, and the names that it finds in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
HALVES = ("studio", "trainers", "tests", "assets")
PATHS = sorted(set(re.findall(rf"`((?:{'|'.join(HALVES)})/[\w./]*)`", TEXT)))
FILES = sorted(set(re.findall(r"`(\w+\.py)`", TEXT)))
NAMES = sorted(set(re.findall(r"`([\w.]+)` in `([\w./]+\.py)`", TEXT)))
LINKS = sorted({link.partition("#")[0] for link in re.findall(r'(?:\]\(|src=")([^)"]+)', TEXT)})


@pytest.mark.parametrize("path", [*PATHS, *(link for link in LINKS if "//" not in link)])
def test_what_it_names_by_its_path_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_its_folder_is_somewhere_in_it(name: str) -> None:
    assert (ROOT / name).exists() or any(list((ROOT / half).rglob(name)) for half in HALVES)


@pytest.mark.parametrize(("name", "file"), NAMES, ids=[" in ".join(pair) for pair in NAMES])
def test_a_name_is_in_the_file_beside_it(name: str, file: str) -> None:
    paths = [ROOT / file] if "/" in file else list((ROOT / "studio").rglob(file))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    defined = rf"^\s*(?:def|class) {name.rpartition('.')[2]}\b"
    assert any(re.search(defined, text, re.MULTILINE) for text in texts)
