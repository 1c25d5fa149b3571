"""The drawing in the README: which package may import which, and where each library lives."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [*ROOT.glob("*.py"), *(ROOT / "studio").rglob("*.py"), *(ROOT / "trainers").rglob("*.py")]
RECIPE = [*(ROOT / "assets").rglob("*.py")]
TESTS = [*(ROOT / "tests").rglob("*.py")]

# Modules directly in studio/ that every package may import; they import only each other.
LEAVES = {
    "discovery",
    "documents",
    "errors",
    "events",
    "file_index",
    "files",
    "folder_listing",
    "handles",
    "intervals",
    "limits",
    "output",
    "settings",
    "starter",
    "stop_signals",
    "user_folder",
    "words",
}

# What each package may import besides the leaves: the drawing in the README. PAGE never needs torch.
PAGE = {
    "studio.bases": {},
    "studio.concepts": {},
    "studio.photos": {},
    "studio.launcher": {},
    "studio.subject": {},
    "studio.regularizer": {},
    "studio.method_example": {},
    "studio.method_card": {"method_example"},
    "studio.method": {"method_card", "method_example", "subject", "regularizer"},
    "studio.interop": {"concepts", "bases"},
    "studio.recipes": {"concepts"},
    "studio.grids": {"recipes"},
    "studio.workspace": {"bases", "grids", "recipes", "photos", "concepts", "method_card", "subject"},
    "studio.ui": {
        "bases",
        "interop",
        "workspace",
        "grids",
        "recipes",
        "photos",
        "concepts",
        "method_card",
        "subject",
    },
}
EVERYTHING = {
    *("importing", "interop", "workspace", "evaluation", "generation", "edits", "models", "recipes", "grids"),
    *("photos", "method", "method_card", "method_example", "subject", "concepts"),
}
DEVICE = {
    "studio.models": {"bases"},
    "studio.edits": {"models", "concepts", "recipes"},
    "studio.importing": {"interop", "edits", "models", "concepts"},
    "studio.generation": {"edits", "models", "recipes", "grids", "concepts"},
    "studio.evaluation": {"generation", "edits", "models", "recipes", "grids", "photos", "concepts"},
    "studio.worker": EVERYTHING,
    "studio.commands": EVERYTHING,
    "studio.__main__": {"commands", "recipes"},
}
KIT = {
    *("studio.evaluation", "studio.generation", "studio.edits", "studio.models", "studio.recipes"),
    *("studio.photos", "studio.concepts", "studio.method", "studio.method_card"),
    *("studio.method_example", "studio.regularizer", "studio.subject"),
}
TRAINERS = {
    "trainers.kit": KIT,
    "trainers.regularizers": KIT | {"trainers.kit"},
    "trainers": KIT | {"trainers.kit", "trainers.regularizers"},
    "trainers.benchmarks": KIT | {"trainers", "trainers.kit", "studio.workspace", "studio.commands"},
    "trainers.commands": KIT | {"trainers.kit", "studio.workspace", "studio.commands"},
    "trainers.__main__": KIT
    | {"trainers", "trainers.kit", "trainers.benchmarks", "trainers.commands"}
    | {"studio.workspace", "studio.commands", "studio.bases"},
}
PROGRAM_FILE = {
    "launch": {
        *("studio.launcher", "studio.ui", "studio.workspace", "studio.worker", "studio.generation"),
        *("studio.bases", "trainers"),
    }
}
MAY_IMPORT = {name: {f"studio.{other}" for other in others} for name, others in (PAGE | DEVICE).items()}
MAY_IMPORT |= TRAINERS | PROGRAM_FILE

HOMES = {
    "cv2": ("studio/photos/", "assets/starter/recipe/"),
    "gradio": ("studio/ui/",),
    "diffusers": ("studio/models/", "assets/starter/recipe/"),
    "transformers": ("studio/models/", "assets/starter/recipe/"),
    "safetensors": (
        "studio/edits/",
        "studio/concepts/",
        "studio/bases/",
        "studio/interop/",
        "studio/importing/",
        "studio/models/",
        "trainers/kit/step_state.py",
        "assets/starter/recipe/",
    ),
    "huggingface_hub": ("studio/models/",),
    "pydantic": ("studio/documents.py",),
    "annotated_types": ("studio/",),
    "accelerate": ("trainers/kit/optimizing.py", "trainers/kit/processes.py"),
    "ray": ("trainers/benchmarks/cluster.py",),
    "open_clip": ("studio/models/", "assets/starter/recipe/"),
    "timm": ("studio/models/",),
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full names that a file imports when it runs, in any of its lines."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = "." * node.level + (node.module or "")
            yield from (f"{home}.{alias.name}" for alias in node.names)
        yield from imports(node)


def imports_of(path: Path) -> list[str]:
    return list(imports(ast.parse(path.read_text(encoding="utf-8"))))


def package_of(module: str) -> str:
    """Return the package of ours that `module` belongs to, empty for a leaf or another library."""
    top, *rest = module.split(".")
    if top == "studio" and rest and rest[0] not in LEAVES:
        return f"studio.{rest[0]}"
    if top == "trainers":
        return f"trainers.{rest[0]}" if rest and f"trainers.{rest[0]}" in MAY_IMPORT else "trainers"
    return top if top == "launch" else ""


@pytest.mark.parametrize("path", PROGRAM, ids=name_of)
def test_arrows_point_down(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    own = package_of(module)
    for name in imports_of(path):
        top = name.split(".")[0]
        assert top, "imports are written in full"
        assert top not in ("tests", "assets") or own == "launch"
        other = package_of(name)
        if top not in ("studio", "trainers", "launch") or other in ("", own):
            continue
        if own == "":
            assert module == "studio" or other == "", f"{module} is a leaf and may not import {name}"
        assert own in MAY_IMPORT, f"give {own} its place in MAY_IMPORT"
        assert other in MAY_IMPORT[own], f"{own} may not import {name}"


@functools.cache
def names_in(path: Path) -> set[str]:
    """Return every name that a file defines, assigns or imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


@pytest.mark.parametrize("path", [*PROGRAM, *RECIPE, *TESTS], ids=name_of)
def test_every_import_of_ours_is_there(path: Path) -> None:
    """Tools beside the tests are run by hand, so that nothing else would notice."""
    for name in imports_of(path):
        if name.split(".")[0] not in ("studio", "trainers", "tests", "launch"):
            continue
        file = ROOT / name.replace(".", "/")
        home = file.parent / "__init__.py" if file.parent.is_dir() else file.parent.with_suffix(".py")
        is_module = file.is_dir() or file.with_suffix(".py").exists()
        assert is_module or (home.exists() and file.name in names_in(home)), name


@pytest.mark.parametrize("path", sorted((ROOT / "trainers").glob("[!_]*.py")), ids=name_of)
def test_a_method_imports_no_other_method(path: Path) -> None:
    assert all(package_of(name) != "trainers" for name in imports_of(path))


@pytest.mark.parametrize("path", [*PROGRAM, *RECIPE], ids=name_of)
def test_each_library_has_one_home(path: Path) -> None:
    for name in imports_of(path):
        library = name.split(".")[0]
        assert library not in HOMES or name_of(path).startswith(HOMES[library]), library


def first_to_import(libraries: Sequence[str], modules: Sequence[str]) -> dict[str, str]:
    """Import modules one by one in a process of its own; returns the first that brought each library."""
    code = f"""
import importlib, sys
first = {{}}
for module in {list(modules)}:
    importlib.import_module(module)
    first |= {{name: module for name in {list(libraries)} if name in sys.modules and name not in first}}
print(*(f"{{name}}={{module}}" for name, module in first.items()))
"""
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    return dict(pair.split("=") for pair in printed.split())


def test_the_page_side_never_imports_torch() -> None:
    files: list[Path] = []
    for package in PAGE:
        folder = ROOT / package.replace(".", "/")
        files += sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    assert first_to_import(("torch", "diffusers", "transformers"), modules) == {}


def test_what_takes_long_to_import_and_is_seldom_needed_is_imported_later() -> None:
    modules = ("studio.worker.process", "studio.__main__", "trainers.__main__")
    assert first_to_import(("gradio", "open_clip", "timm", "ray"), modules) == {}


@pytest.mark.parametrize("path", [*PROGRAM, *RECIPE, *TESTS], ids=name_of)
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", PROGRAM, ids=name_of)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert ast.get_docstring(tree), "the file itself"
    assert not [node.name for node in public if not ast.get_docstring(node)]
