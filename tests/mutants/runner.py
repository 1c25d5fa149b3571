"""Runs tests on copies of the source, each with one planted mistake. The working tree is never changed.

The heavy libraries are imported once, in this process. Every run is a fork of it that imports only our own
code, from its copy; so a run takes as long as its tests, not as long as importing torch.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant

COPIED = ("studio", "trainers", "tests", "assets", "launch.py", "pyproject.toml", "README.md")
OURS = ("studio", "trainers", "tests", "launch", "assets")
HEAVY = (
    *("torch", "torchvision", "safetensors.torch", "pydantic", "pillow_heif", "cv2", "gradio", "open_clip"),
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
    "accelerate",
)
SECONDS = 300.0  # a run with a mistake that takes longer hangs, and that is noticed
MAX_SECONDS = 7200.0  # for the tests of all mistakes together, without any
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # exit codes of pytest; a test file that cannot be imported interrupts
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Run:
    """One finished run of tests.

    Args:
        code: the exit code of pytest, below 0 when it was ended by a signal.
        output: what pytest printed.
    """

    mutant: Mutant | None
    code: int
    seconds: float
    output: str

    @property
    def is_noticed(self) -> bool:
        """Return whether a test failed. Raises RuntimeError when pytest could not run any."""
        if self.code > INTERRUPTED:
            what = self.mutant.what if self.mutant else "the source as it is"
            raise RuntimeError(f"pytest could not run the tests of: {what}\n{self.output[-2000:]}")
        return self.code != PASSED


def copy_tree(root: Path, target: Path) -> Path:
    """Copy what the tests need from `root` to the new folder `target`; returns it."""
    target.mkdir(parents=True)
    for name in COPIED:
        place = root / name
        if place.is_dir():
            shutil.copytree(place, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif place.exists():
            shutil.copy2(place, target / name)
    return target


def preload() -> None:
    """Import the heavy libraries that are installed, with one thread and no network, as all tests do."""
    import tests.conftest  # noqa: F401  sets the environment for them

    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


class Slot:
    """A copy of the source in which one run after the other takes place."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log
        self.mutant: Mutant | None = None
        self.pid = 0
        self._before = ""
        self._began = 0.0

    def start(self, mutant: Mutant | None, tests: Sequence[str]) -> None:
        """Apply a mistake, if one is given, and begin to run the tests."""
        self.mutant, self._began = mutant, time.monotonic()
        if mutant is not None:
            self._before = (self.folder / mutant.file).read_text(encoding="utf-8")
            self._write(mutant.applied_to(self._before))
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _run_tests(self.folder, tests, self.log)

    def poll(self) -> Run | None:
        """Return the run if it has ended, with the source as it was; one that hangs is killed."""
        seconds = time.monotonic() - self._began
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended and seconds < (SECONDS if self.mutant else MAX_SECONDS):
            return None
        if not ended:
            os.killpg(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
        if self.mutant is not None:
            self._write(self._before)
        code = os.waitstatus_to_exitcode(status)
        return Run(self.mutant, code, seconds, self.log.read_text(encoding="utf-8", errors="replace"))

    def _write(self, source: str) -> None:
        """Write the source file of the mistake, and forget what was compiled of it."""
        assert self.mutant is not None
        path = self.folder / self.mutant.file
        path.write_text(source, encoding="utf-8")
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def _run_tests(folder: Path, tests: Sequence[str], log: Path) -> None:
    """Run pytest in the copy and end this process with its exit code. Called in the fork."""
    code = INTERRUPTED
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        sys.path[0] = str(folder)
        os.environ["PYTHONPATH"] = str(folder)
        for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
            del sys.modules[name]
        import pytest

        flags = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(folder)]
        code = int(pytest.main([*flags, *(f"tests/{name}" for name in tests)]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def run_all(mutants: Sequence[Mutant], root: Path, jobs: int) -> Iterator[Run]:
    """Yield a run for each mistake as it ends, `jobs` side by side, after one of the source as it is.

    The first run is of all their tests without a mistake: what fails there notices nothing.
    """
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        slots = [
            Slot(copy_tree(root, Path(home) / str(n) / "tree"), Path(home) / f"{n}.log") for n in range(jobs)
        ]
        tests = sorted({name for mutant in mutants for name in mutant.tests})
        yield from _runs([(None, tests)], slots[:1])
        yield from _runs([(mutant, mutant.tests) for mutant in mutants], slots)


def _runs(tasks: Sequence[tuple[Mutant | None, Sequence[str]]], slots: list[Slot]) -> Iterator[Run]:
    """Yield the runs of all tasks as they end, one at a time in each slot."""
    waiting, free, busy = list(reversed(tasks)), list(slots), []
    while waiting or busy:
        while waiting and free:
            busy.append(free.pop())
            busy[-1].start(*waiting.pop())
        time.sleep(0.05)
        for slot in list(busy):
            run = slot.poll()
            if run is not None:
                busy.remove(slot)
                free.append(slot)
                yield run
