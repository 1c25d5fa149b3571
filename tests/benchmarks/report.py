"""What a benchmark found: tables for the terminal, and everything as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks.spread import Spread

CPU_INFO = Path("/proc/cpuinfo")
MODEL = "model name"


@dataclass
class Table:
    """Rows under a title; a cell is a text, or a Spread of numbers with `digits` after the point."""

    title: str
    columns: tuple[str, ...]
    digits: int = 0
    rows: list[tuple[str | Spread, ...]] = field(default_factory=list)

    def add(self, *cells: str | Spread) -> None:
        """Append a row; the columns that it leaves out at the end are empty."""
        self.rows.append((*cells, *("",) * (len(self.columns) - len(cells))))

    @property
    def lines(self) -> list[str]:
        """Return it as Markdown, in columns of equal width."""
        shown = [self.columns, *([self._shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[number]) for row in shown) for number in range(len(self.columns))]
        lines = [_line(row, widths) for row in shown]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return [f"**{self.title}**", "", lines[0], rule, *lines[1:]]

    def _shown(self, cell: str | Spread) -> str:
        return cell.in_words(self.digits) if isinstance(cell, Spread) else cell


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def processor() -> str:
    """Return what the system calls its processor."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith(MODEL):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Return on what is measured, with which versions, and when."""
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "processor": processor(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{library: version(library) for library in ("torch", "diffusers", "transformers")},
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


class Report:
    """Everything that a command measures. With `file`, the JSON is written anew after every `note`."""

    def __init__(self, command: str, file: Path | None = None) -> None:
        self.command, self.file, self.machine = command, file, machine()
        self.measured: list[dict[str, Any]] = []
        self.tables: list[Table] = []

    def note(self, **values: Any) -> None:
        """Add something measured: names and what JSON can hold, or a Spread."""
        self.measured.append(
            {name: asdict(value) if isinstance(value, Spread) else value for name, value in values.items()}
        )
        if self.file is not None:
            self.file.write_text(json.dumps(self.as_json(), indent=1), encoding="utf-8")

    def table(self, title: str, *columns: str, digits: int = 0) -> Table:
        """Return a new table, which is printed after those before it."""
        self.tables.append(Table(title, columns, digits))
        return self.tables[-1]

    def as_json(self) -> dict[str, Any]:
        """Return all of it: the machine, and what was measured one by one."""
        return {"command": self.command, "machine": self.machine, "measured": self.measured}

    def show(self) -> None:
        """Print the tables that have rows, and below them on what was measured."""
        facts = self.machine
        for table in self.tables:
            if table.rows:
                print("\n".join(table.lines), end="\n\n")
        where = facts["device"] if facts["device"] != "CPU" else facts["processor"]
        versions = ", ".join(f"{name} {facts[name]}" for name in ("torch", "diffusers"))
        print(f"{where}, threads: {facts['threads']}, {versions}, {facts['when'][:10]}.")


def say(sentence: str) -> None:
    """Tell on the terminal how far it is, beside the tables."""
    print(sentence, file=sys.stderr, flush=True)


def add_report_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every command has."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything there")
    parser.add_argument("--threads", type=int, metavar="N", help="of torch (default: as in the studio)")
