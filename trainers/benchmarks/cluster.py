"""Do the tasks of a trial on the machines of a Ray cluster (`pip install .[cluster]`).

Every machine has Likeness installed, and the base at the same path or by its name. A task is sent with the
photos it needs and with what was made for it before; its files come back, and are saved as if it had been
done here. When a machine is lost, its tasks run again elsewhere, and no others.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.evaluation.encoders import open_encoders
from studio.events import Event, Note, Result, Step
from studio.files import write_atomic
from studio.models import opening
from studio.starter import STARTER
from trainers.benchmarks.saved_scores import SCORE
from trainers.benchmarks.trial_task import Tools, TrialTask, in_turn

LOCAL = "local"
TRIES_AGAIN = 5  # of a task whose machine was lost
STAGE = "tasks"
ROOT = Path(__file__).resolve().parents[2]

Files = dict[str, bytes]  # by their paths below the folder of a trial


@dataclass(frozen=True)
class Opening:
    """How a machine opens the tools of a trial; the starter is that of each machine.

    Args:
        base, prediction, memory, is_plain: of `open_backbone`.
        clip, dino: of `open_encoders`.
    """

    base: str
    prediction: str = ""
    memory: str = "auto"
    clip: str | None = None
    dino: str | None = None
    is_plain: bool = False

    def tools(self) -> Tools:
        """Open the base and what measures. Raises StudioError when this machine does not have it."""
        base = STARTER if self.base == "" else self.base
        backbone = opening.open_backbone(
            base, prediction=self.prediction, memory=self.memory, is_plain=self.is_plain
        )
        return Tools(backbone, open_encoders(backbone, self.clip, self.dino))


@dataclass(frozen=True)
class Outcome:
    """What tasks gave: their scores in order, and all files of their folders; or an error for the user."""

    scores: list[Any]
    files: Files
    error: tuple[str, str] | None = None


def on_cluster(
    address: str, opening: Opening, tasks: Sequence[TrialTask], tools: Tools, folder: Path
) -> Iterator[Event]:
    """Do tasks on a cluster; the last event is a Result with the list of scores, in the order of the tasks.

    A score that was measured before is not measured again. Tasks that share a concept stay together.

    Args:
        address: "local" for a cluster of this machine alone, or "ray://HOST:PORT".
        tools: of this machine, which tell which scores were measured in the same way.

    Raises StudioError when there is no such cluster, or a task cannot be done.
    """
    scores = [task.saved(tools, folder) for task in tasks]
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, task in enumerate(tasks):
        if scores[number] is None:
            groups.setdefault(task.folders[:1], []).append(number)
    if groups:
        with _connected(address) as ray:
            for numbers, outcome in _outcomes(ray, opening, tasks, list(groups.values()), folder):
                _save(outcome.files, folder)
                for number, score in zip(numbers, outcome.scores, strict=True):
                    scores[number] = score
                    yield Note(f"{tasks[number].heading}: {tasks[number].summary(score)}")
                missing = sum(score is None for score in scores)
                yield Step(len(tasks) - missing, len(tasks), stage=STAGE)
    yield Result(scores)


def _outcomes(
    ray: Any, opening: Opening, tasks: Sequence[TrialTask], groups: Sequence[list[int]], folder: Path
) -> Iterator[tuple[list[int], Outcome]]:
    """Send groups of tasks, by number, to the cluster; yields what each gave as soon as it is done."""
    options: dict[str, Any] = {"num_cpus": 1, "max_retries": TRIES_AGAIN}
    if ray.cluster_resources().get("GPU"):
        options["num_gpus"] = 1
    remote, waiting = ray.remote(**options)(work), {}
    for numbers in groups:
        own = [tasks[number] for number in numbers]
        waiting[remote.remote(opening, own, _files_of(own, folder))] = numbers
    while waiting:
        (finished, *_), _ = ray.wait(list(waiting))
        yield waiting.pop(finished), _result(ray, finished)


def work(opening: Opening, tasks: Sequence[TrialTask], files: Files) -> Outcome:
    """Do tasks on the machine that this runs on, with files that were made before."""
    folder = _scratch()
    try:
        _save(files, folder)
        *_, last = in_turn(tasks, _tools(opening), folder)
        assert isinstance(last, Result)
        return Outcome(last.value, _files_of(tasks, folder))
    except StudioError as error:
        return Outcome([], {}, (error.message, error.hint))
    finally:
        for path in _paths_of(tasks, folder):
            path.unlink()


@functools.cache
def _tools(opening: Opening) -> Tools:
    return opening.tools()


@functools.cache
def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="likeness-tasks-")


def _scratch() -> Path:
    """Return this process's folder, in which class pictures stay for its next tasks."""
    return Path(_scratch_folder().name)


def _paths_of(tasks: Sequence[TrialTask], folder: Path) -> list[Path]:
    """Return all files in the folders of some tasks; scores come last."""
    names = dict.fromkeys(name for task in tasks for name in task.folders)
    paths = [path for name in names for path in sorted((folder / name).rglob("*")) if path.is_file()]
    return sorted(paths, key=lambda path: path.name == SCORE)


def _files_of(tasks: Sequence[TrialTask], folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _paths_of(tasks, folder)}


def _save(files: Files, folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)


def _result(ray: Any, finished: Any) -> Outcome:
    """Return what a task gave. Raises StudioError for one that could not be done."""
    try:
        outcome: Outcome = ray.get(finished)
    except ray.exceptions.RayTaskError:
        raise  # a fault of ours
    except ray.exceptions.RayError as error:
        what = "A task was lost with its machine {count} times."
        raise StudioError(
            what,
            "See whether the machines have enough memory, then start it again.",
            count=1 + TRIES_AGAIN,
        ) from error
    if outcome.error is not None:
        raise StudioError(*outcome.error)
    return outcome


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Context manager: yield the module of Ray, connected; one that is connected already stays so.

    Raises StudioError when Ray is not installed or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        hint = "Install it with pip install .[cluster], or leave --on out."
        raise StudioError("--on needs Ray, which is not installed.", hint) from error
    if ray.is_initialized():
        yield ray
        return
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # for the processes of a local cluster
    quiet = {"include_dashboard": False} if address == LOCAL else {"address": address}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        hint = "Start one with ray start --head, and name its address: --on ray://HOST:10001."
        raise StudioError("There is no cluster at {address}.", hint, address=address) from error
    try:
        yield ray
    finally:
        ray.shutdown()
        sys.stdout.flush()
