"""Measure something in a process of its own, so that its peak of memory and its caches are its own.

    python -m tests.benchmarks.alone MODULE ARGUMENTS RESULT

calls `measure(**ARGUMENTS)` of a module of this folder and writes what it returns to the file RESULT; both
are JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
FAILURE = "failure"  # the key of why there is no result
GB = 1e9
SPARE_GB = 0.5  # of the free memory, for everything else that runs
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc")
LAST_LETTERS = 300


def free_gb() -> float:
    """Return how much memory a case may take, in GB."""
    return max(0.1, psutil.virtual_memory().available / GB - SPARE_GB)


def run_alone(module: str, arguments: Mapping[str, Any], memory_gb: float | None = None) -> dict[str, Any]:
    """Run `measure` of a module of this folder in a process of its own.

    Args:
        arguments: of `measure`; what JSON can hold.
        memory_gb: the most of the computer's memory that it may take; None for what is free now.

    Returns what it returned, or a dict with the reason under "failure", for one that does not fit too.
    """
    limit = free_gb() if memory_gb is None else memory_gb
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "tests.benchmarks.alone", module, json.dumps(dict(arguments))]
        done = subprocess.run(
            [*command, str(result), str(limit)], cwd=ROOT, capture_output=True, text=True, errors="replace"
        )
        if result.exists():
            return json.loads(result.read_text(encoding="utf-8"))
    if done.returncode == -signal.SIGKILL or any(words in done.stderr for words in OUT_OF_MEMORY):
        return {FAILURE: does_not_fit(limit)}
    return {FAILURE: " ".join(done.stderr.split())[-LAST_LETTERS:] or f"ended with {done.returncode}"}


def does_not_fit(limit: float) -> str:
    """Return what stands in the row of a case that needs more memory."""
    return f"does not fit: {limit:.1f} GB are free"


def limit_memory(gigabytes: float) -> None:
    """Let allocations of this process beyond so much more than now fail, before the system is in trouble.

    Only Linux can; elsewhere the system's own limit counts.
    """
    if sys.platform != "linux":
        return
    import resource

    most = psutil.Process().memory_info().data + int(gigabytes * GB)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is short; on a CPU torch raises a plain RuntimeError."""
    is_kind = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return is_kind or any(words in str(error) for words in OUT_OF_MEMORY)


def main(module: str, arguments: str, result: str, limit: str) -> None:
    """Measure and write the result."""
    measure = importlib.import_module(f"tests.benchmarks.{module}").measure
    limit_memory(float(limit))
    try:
        measured = measure(**json.loads(arguments))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        measured = {FAILURE: does_not_fit(float(limit))}
    Path(result).write_text(json.dumps(measured), encoding="utf-8")
    os._exit(0)  # at once: what is large need not be freed in order


if __name__ == "__main__":
    main(*sys.argv[1:])
