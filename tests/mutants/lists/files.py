"""Planted mistakes in concept files, the Library, recipes and grids of recipes."""

from __future__ import annotations

from tests.mutants.mutant import planted

CONCEPTS = ("edits/test_concept.py", "library/test_header.py")
LIBRARY = ("workspace/test_workspace.py", "library/test_header.py")
GRID = "recipes/test_grid.py"
RECIPES = ("recipes/test_png.py", "ui/test_composing_form.py", "recipes/test_damaged_recipe.py")
HEADER = "studio/library/header.py"
SHELF = "studio/library/library.py"
RECIPE = "studio/recipes/recipe.py"

MUTANTS = [
    planted(
        "a file is not synced",
        "studio/files.py",
        "            os.fsync(file.fileno())",
        "            pass",
        "test_files.py",
        severe=True,
    ),
    planted(
        "a file is written in place",
        "studio/files.py",
        "        partial.replace(path)",
        "        path.write_bytes(content)",
        "test_files.py",
        severe=True,
    ),
    planted(
        "a picture is written in place",
        "studio/recipes/png.py",
        "write_atomic(path, png_bytes(picture, pnginfo=text))",
        "path.write_bytes(png_bytes(picture, pnginfo=text))",
        *RECIPES,
        severe=True,
    ),
    planted(
        "a concept is written in place",
        "studio/edits/concept.py",
        "write_atomic(path, to_bytes(tensors, metadata={METADATA_KEY: self.header.to_text()}))",
        "path.write_bytes(to_bytes(tensors, metadata={METADATA_KEY: self.header.to_text()}))",
        *CONCEPTS,
        severe=True,
    ),
    planted(
        "renaming leaves the tensors under the old name",
        HEADER,
        'name.replace(f"/{old}/", f"/{new}/"): entry',
        "name: entry",
        *CONCEPTS,
        severe=True,
    ),
    planted(
        "a renamed concept loses its verdict",
        HEADER,
        "verdicts = {names.get(handle, handle): verdict",
        "verdicts = {handle: verdict",
        *CONCEPTS,
    ),
    planted(
        "files of a later version are read as this one's",
        HEADER,
        "if header.format != FORMAT:",
        "if header.format < FORMAT:",
        *CONCEPTS,
    ),
    planted(
        "tensors of any numbers are taken", HEADER, 'if entry["dtype"] not in DTYPES:', "if False:", *CONCEPTS
    ),
    planted(
        "a knob's default may lie out of its range",
        HEADER,
        "if not knob.low <= knob.default <= knob.high:",
        "if knob.low > knob.high:",
        *CONCEPTS,
    ),
    planted(
        "noise is called learned at half the threshold",
        "studio/library/verdict.py",
        "return self.progress > self.noise",
        "return self.progress > self.noise / 2",
        "library/test_verdict.py",
        "trainers/test_verdict.py::test_learned_means_further_towards_the_photos_than_the_noise",
        severe=True,
    ),
    planted(
        "a changed file keeps its old hash",
        SHELF,
        "_hash(entry.path, entry.path.stat().st_mtime_ns)",
        "_hash(entry.path, 0)",
        *LIBRARY,
        "recipes/test_png.py",
        "library/test_library.py",
        severe=True,
    ),
    planted(
        "a concept at strength 0 counts as active",
        RECIPE,
        "self.strength(handle) > 0]",
        "self.strength(handle) >= 0]",
        *RECIPES,
        GRID,
    ),
    planted(
        "a strength has no upper bound",
        RECIPE,
        "if not 0 <= strength <= MAX_STRENGTH:",
        "if not 0 <= strength:",
        *RECIPES,
        "workspace/test_workspace.py",
    ),
    planted(
        "old recipes are composed in regions",
        RECIPE,
        'values = {"composing": "sum", **values}',
        "values = dict(values)",
        *RECIPES,
    ),
    planted(
        "values from high to low run upwards",
        "studio/recipes/axis.py",
        "abs(step) if end >= start else -abs(step)",
        "abs(step)",
        GRID,
    ),
    planted(
        "the last value of a range is left out",
        "studio/recipes/axis.py",
        "int(abs(end - start) / abs(step)) + 1",
        "int(abs(end - start) / abs(step))",
        GRID,
    ),
    planted(
        "columns and rows are exchanged",
        "studio/recipes/grid.py",
        "x if axis is self.x else y",
        "y if axis is self.x else x",
        GRID,
    ),
    planted(
        "the plain noun forgets the other strengths",
        "studio/recipes/grid.py",
        "strengths={**recipe.strengths, replaced: 0.0}",
        "strengths={replaced: 0.0}",
        GRID,
    ),
    planted(
        "an exchanged concept stays in the negative prompt",
        "studio/recipes/grid.py",
        "negative=pattern.sub(new, recipe.negative)",
        "negative=recipe.negative",
        GRID,
    ),
]
