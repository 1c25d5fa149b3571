"""The planted mistakes fit the source, so that `python -m tests.mutants` can plant every one of them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import chosen, table
from tests.mutants.mutant import AREAS, ROOT, Mutant, MutantError, all_mutants, planted

MUTANTS = [mutant for mutants in all_mutants().values() for mutant in mutants]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{one.file}: {one.what}" for one in MUTANTS])
def test_its_text_is_in_the_source_once_and_its_tests_are_there(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    ast.parse(mutant.applied_to(source))
    assert mutant.old != mutant.new and mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("[")[0].partition("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8") if name else True, test
        assert (ROOT / "tests" / file).is_file(), test


def test_there_are_many_in_every_area_and_each_has_its_own_words() -> None:
    assert len(MUTANTS) >= 100 and all(len(mutants) >= 10 for mutants in all_mutants().values())
    assert len({(one.file, one.what) for one in MUTANTS}) == len(MUTANTS)
    lists = {path.stem for path in (ROOT / "tests" / "mutants" / "lists").glob("*.py")}
    assert lists == set(AREAS)


def test_a_text_that_is_not_there_once_is_an_error() -> None:
    lost = planted("lost", "a.py", "x = 1", "x = 2", "test_a.py")
    assert lost.applied_to("x = 1\n") == "x = 2\n"
    for source in ("y = 1\n", "x = 1\nx = 1\n"):
        with pytest.raises(MutantError, match="not once: 'x = 1'"):
            lost.applied_to(source)


def test_a_pattern_chooses_and_the_table_counts() -> None:
    found = chosen("guidance is reversed")
    assert [one.what for ones in found.values() for one in ones] == ["guidance is reversed"]
    one, other = (planted(what, "a.py", "x", "y", "t.py", severe=what == "a") for what in "ab")
    assert table({"edits": [one], "kit": [other]}, {other}).splitlines()[2:] == [
        "| edits | 0 of 1 (0%) | 0 of 1 |",
        "| trainers/kit | 1 of 1 (100%) |  |",
        "| together | 1 of 2 (50%) | 0 of 1 |",
    ]


RUN = """
import sys
from pathlib import Path
from tests.mutants import runner
from tests.mutants.mutant import planted
runner.HEAVY, runner.SECONDS = (), float(sys.argv[2])
add = planted("adds", "trainers/sums.py", "a + b", "a - b", "test_sums.py")
name = planted("renames", "trainers/sums.py", "total = ", "amount = ", "test_sums.py")
for run in runner.run_all([add, name], Path(sys.argv[1]), jobs=1):
    print(run.mutant.what if run.mutant else "as it is", run.is_noticed)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a fork")
@pytest.mark.parametrize(
    ("limit", "sleep", "is_late"), [(60, 0.0, False), (1, 2.0, True)], ids=["quick", "hanging"]
)
def test_a_mistake_is_planted_in_a_copy_and_taken_out_again(
    tmp_path: Path, limit: int, sleep: float, is_late: bool
) -> None:
    """The second changes nothing, and would be noticed if the first were still there.

    With a mistake, tests that take too long have noticed it; without one they may take longer.
    """
    for folder in ("trainers", "tests"):
        (tmp_path / folder).mkdir()
    source = tmp_path / "trainers" / "sums.py"
    source.write_text("def add(a, b):\n    total = a + b\n    return locals().popitem()[1]\n")
    (tmp_path / "pyproject.toml").write_text("")
    test = "import time\nfrom trainers.sums import add\n\n\n"
    test += f"def test_add():\n    time.sleep({sleep})\n    assert add(2, 3) == 5\n"
    (tmp_path / "tests" / "test_sums.py").write_text(test)
    before = source.read_bytes()
    command = [sys.executable, "-c", RUN, str(tmp_path), str(limit)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.splitlines() == ["as it is False", "adds True", f"renames {is_late}"], said.stderr
    assert source.read_bytes() == before
