"""Planted mistakes in concept files, the Library, recipes and grids of recipes."""

from __future__ import annotations

from tests.mutants.mutant import planted

CONCEPTS = ("edits/test_concept.py", "concepts/test_header.py")
LIBRARY = ("workspace/test_workspace.py", "concepts/test_header.py")
GRID = "recipes/test_grid.py"
RECIPES = ("recipes/test_png.py", "ui/test_composing_form.py", "recipes/test_damaged_recipe.py")
HEADER = "studio/concepts/header.py"
SHELF = "studio/concepts/concept_library.py"
PARAMETERS = "studio/recipes/parameters.py"
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
        "        _patiently(lambda: partial.replace(path))",
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
        "write_atomic(Path(path), to_bytes(",
        "Path(path).write_bytes(to_bytes(",
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
        "pictures unlike the photos are called learned",
        "studio/concepts/verdict.py",
        "if self.likeness < (MIN_LIKENESS_OF_ONE",
        "if self.likeness < 0 * (MIN_LIKENESS_OF_ONE",
        "concepts/test_verdict.py",
        severe=True,
    ),
    planted(
        "a changed file keeps its old hash",
        SHELF,
        "_hash(entry.path, entry.path.stat().st_mtime_ns)",
        "_hash(entry.path, 0)",
        *LIBRARY,
        "recipes/test_png.py",
        "concepts/test_concept_library.py",
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
    planted(
        "its folder is not synced",
        "studio/files.py",
        "        _sync_folder(path.parent)\n\n\n@contextmanager",
        "        pass\n\n\n@contextmanager",
        "test_files.py",
        severe=True,
    ),
    planted(
        "a failed write leaves its half",
        "studio/files.py",
        "                partial.unlink(missing_ok=True)",
        "                pass",
        "test_files.py",
    ),
    planted(
        "the oldest concept is listed first",
        SHELF,
        "(file.changed, file.name), reverse=True)",
        "(file.changed, file.name))",
        *LIBRARY,
        "concepts/test_concept_library.py",
    ),
    planted(
        "a name is free in another case",
        SHELF,
        "return handle.lower() in self._contents()",
        "return handle in self._contents()",
        *LIBRARY,
        "concepts/test_concept_library.py",
    ),
    planted(
        "a concept from anywhere does not go before the Library's",
        SHELF,
        "for entry in self.borrowed:\n            if handle",
        "for entry in () if self.has(handle) else self.borrowed:\n            if handle",
        *LIBRARY,
        "commands/test_flags.py",
        "concepts/test_concept_library.py",
    ),
    planted(
        "a deleted concept is gone for good",
        SHELF,
        "        return move_to_trash(entry.path, self.trash)",
        "        entry.path.unlink()\n        return self.trash / entry.path.name",
        *LIBRARY,
        "concepts/test_concept_library.py",
        severe=True,
    ),
    planted(
        "all pictures of a recipe have its seed",
        RECIPE,
        "seed=(self.seed + index) % (MAX_SEED + 1), count=1",
        "seed=self.seed, count=1",
        *RECIPES,
        "generation/test_composing.py::test_a_picture_does_not_depend_on_how_many_are_painted",
        "generation/test_sampled_by_hand.py::test_two_seeds_are_two_pictures",
        severe=True,
    ),
    planted(
        "a seed of another program is not brought into range",
        "studio/recipes/foreign_settings.py",
        "        return seed % (MAX_SEED + 1)\n",
        "        return seed\n",
        *RECIPES,
    ),
    planted(
        "a picture says nothing of its negative prompt to other programs",
        PARAMETERS,
        "    if recipe.negative:\n",
        "    if False:\n",
        *RECIPES,
    ),
    planted(
        "a damaged document of any depth is read",
        "studio/documents.py",
        "if depth > MAX_DEPTH or entries > MAX_ENTRIES:",
        "if entries > MAX_ENTRIES:",
        "test_documents.py",
    ),
    planted(
        "a document may have any size",
        "studio/limits.py",
        "MAX_DOCUMENT_BYTES = 4 * MB",
        "MAX_DOCUMENT_BYTES = 4000 * MB",
        "test_documents.py",
    ),
]
