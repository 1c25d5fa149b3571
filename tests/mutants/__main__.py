"""Plant mistakes in a copy of the source, and count how many the tests notice.

    python -m tests.mutants [--only PATTERN] [--list] [--jobs N]

Run it after tests were written or changed; it is no part of them.
`tests/test_mutants.py` keeps the lists true.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time

from tests.mutants.mutant import AREAS, ROOT, Mutant, MutantError, all_mutants
from tests.mutants.runner import Run, run_all


def chosen(only: str) -> dict[str, list[Mutant]]:
    """Return the mistakes by area whose area, file or description `only` matches, a regular expression."""
    found = {
        area: [one for one in mutants if re.search(only, f"{area} {one.file} {one.what}", re.IGNORECASE)]
        for area, mutants in all_mutants().items()
    }
    return {area: mutants for area, mutants in found.items() if mutants}


def table(mutants: dict[str, list[Mutant]], noticed: set[Mutant]) -> str:
    """Return Markdown: how many mistakes of each area were noticed, and of those that are severe."""
    lines = ["| | noticed | severe ones |", "|---|---|---|"]
    rows = {AREAS[area]: ones for area, ones in mutants.items()}
    rows["together"] = [one for ones in mutants.values() for one in ones]
    for title, ones in rows.items():
        severe = [one for one in ones if one.severe]
        count = sum(one in noticed for one in ones)
        lines.append(
            f"| {title} | {count} of {len(ones)} ({count / len(ones):.0%}) "
            f"| {f'{sum(one in noticed for one in severe)} of {len(severe)}' if severe else ''} |"
        )
    return "\n".join(lines)


def check_list(mutants: dict[str, list[Mutant]]) -> None:
    """Raise MutantError for the first mistake whose text is no longer in its file."""
    for ones in mutants.values():
        for one in ones:
            one.applied_to((ROOT / one.file).read_text(encoding="utf-8"))


def plant(mutants: dict[str, list[Mutant]], jobs: int) -> int:
    """Run the tests on every mistake and print what came of it; returns the exit status."""
    began, noticed = time.monotonic(), set()
    runs = run_all([one for ones in mutants.values() for one in ones], ROOT, jobs)
    first = next(runs)
    if first.is_noticed:
        print(f"{first.output}\nThe tests fail without a mistake. Mend that first.", file=sys.stderr)
        return 2
    print(f"All tests pass without a mistake ({first.seconds:.0f} s).", flush=True)
    for run in runs:
        assert run.mutant is not None
        if run.is_noticed:
            noticed.add(run.mutant)
        print(line_of(run), flush=True)
    print(f"\n{table(mutants, noticed)}\n\n{time.monotonic() - began:.0f} s")
    return 0 if len(noticed) == sum(map(len, mutants.values())) else 1


def line_of(run: Run) -> str:
    """Return a line about a finished run."""
    mutant = run.mutant
    assert mutant is not None
    word = "noticed" if run.is_noticed else "UNSEEN "
    severe = ", severe" if mutant.severe else ""
    return f"{word} {run.seconds:5.1f} s  {mutant.file}: {mutant.what}{severe}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0 when every mistake was noticed, 1 when not, 2 when it could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", metavar="PATTERN", help="of area, file or description")
    parser.add_argument("--list", action="store_true", help="only list the mistakes")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), metavar="N")
    given = parser.parse_args(arguments)
    mutants = chosen(given.only)
    if not mutants:
        print(f"No planted mistake matches {given.only!r}.", file=sys.stderr)
        return 2
    if given.list:
        for area, ones in mutants.items():
            print(f"{AREAS[area]} ({len(ones)})")
            print("".join(f"  {one.file}: {one.what}{' [severe]' * one.severe}\n" for one in ones))
        return 0
    if not hasattr(os, "fork"):
        print("This needs Linux or macOS.", file=sys.stderr)
        return 2
    try:
        check_list(mutants)
    except MutantError as error:
        print(error, file=sys.stderr)
        return 2
    return plant(mutants, max(1, given.jobs))


if __name__ == "__main__":
    sys.exit(main())
