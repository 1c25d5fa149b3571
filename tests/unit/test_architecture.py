"""The drawing in the README, held up: who may import whom, and where each library lives."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [*ROOT.glob("*.py"), *(ROOT / "studio").rglob("*.py"), *(ROOT / "trainers").rglob("*.py")]
RECIPE = [*(ROOT / "assets").rglob("*.py")]
TESTS = [*(ROOT / "tests").rglob("*.py")]

# From the bottom up: each part of studio may import those before it. The page's parts never need torch.
NOUNS = (
    "errors",
    "installation",
    "base",
    "places",
    "options",
    "events",
    "settings",
    "recipe",
    "picture_file",
    "verdict",
    "header",
    "worker_state",
    "progress",
    "photos",
    "photo_set",
    "masks",
    "method",
    "naming",
    "jobs",
    "shelf",
    "axis",
    "grid",
    "sheet",
    "sheet_picture",
    "figure",
    "votes",
    "marks",
    "frontier",
)
PAGE = (*NOUNS, "workspace", "supervisor")
DEVICE = (
    "fingerprint",
    "text",
    "backbone",
    "attention",
    "context",
    "edits",
    "regions",
    "composing",
    "concept",
    "exchange",
    "obey",
    "sampling",
    "generate",
    "fuse",
    "eye",
    "measures",
    "cp_clip",
    "score",
    "segmenter",
    "dino",
    "base_eye",
    "eyes",
    "shots",
    "scorecard",
    "fill",
    "worker",
    "console",
    "scoring",
    "__main__",
)
ORDER = (*PAGE, *DEVICE)
MAY_IMPORT = {part: set(ORDER[: ORDER.index(part)]) for part in ORDER}
MAY_IMPORT["ui"] = set(PAGE)

HOMES = {
    "cv2": ("studio/masks.py",),
    "gradio": ("studio/ui/",),
    "diffusers": ("studio/backbone.py", "assets/starter/recipe/"),
    "transformers": ("studio/backbone.py", "studio/segmenter.py", "assets/starter/recipe/"),
    "safetensors": ("studio/concept.py", "studio/exchange.py", "assets/starter/recipe/"),
    "accelerate": ("trainers/kit/loop.py",),
    "open_clip": ("studio/score.py", "assets/starter/recipe/"),
    "timm": ("studio/dino.py",),
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of what a file imports when it runs, in any of its lines."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = "." * node.level + (node.module or "")
            yield from (f"{home}.{alias.name}" for alias in node.names)
        yield from imports(node)


def imports_of(path: Path) -> list[list[str]]:
    return [name.split(".") for name in imports(ast.parse(path.read_text(encoding="utf-8")))]


@pytest.mark.parametrize("path", PROGRAM, ids=name_of)
def test_the_arrows_point_down(path):
    package, *rest = path.relative_to(ROOT).with_suffix("").parts
    for top, *names in imports_of(path):
        assert top, "imports are written in full"
        if package in ("studio", "trainers"):
            assert top not in ("launch", "tests", "assets")
        if package == "studio":
            assert top != "trainers", "studio never imports trainers"
            if top == "studio" and rest[0] != "__init__":
                assert rest[0] in MAY_IMPORT, f"give {rest[0]} its place in ORDER"
                assert names[0] in {rest[0], *MAY_IMPORT[rest[0]]}, f"{rest[0]} may not import {names[0]}"
        if package == "trainers" and rest[0] not in ("__init__", "__main__"):
            assert top != "trainers" or names[0] == "kit", "a method imports no other method"


@pytest.mark.parametrize("path", [*PROGRAM, *RECIPE], ids=name_of)
def test_each_library_has_one_home(path):
    for library, *_ in imports_of(path):
        assert library not in HOMES or name_of(path).startswith(HOMES[library]), library


@pytest.mark.parametrize("module", ["studio.workspace", "studio.supervisor", "studio.ui.app"])
def test_the_page_never_imports_torch(module):
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert not {"torch", "diffusers", "transformers"} & set(loaded)


@pytest.mark.parametrize("path", [*PROGRAM, *RECIPE, *TESTS], ids=name_of)
def test_a_file_is_short_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", PROGRAM, ids=name_of)
def test_everything_public_says_what_it_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert ast.get_docstring(tree), "the file itself"
    assert not [node.name for node in public if not ast.get_docstring(node)]
