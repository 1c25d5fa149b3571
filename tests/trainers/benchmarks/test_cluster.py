"""Trials on a Ray cluster of two nodes on this machine, one of which is killed in the middle."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trainers.__main__ as command
from studio.errors import StudioError
from studio.events import Result
from studio.photos.photo import Photo
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.benchmarks.cluster_tasks import NoTools, SlowTask, TinyOpening, tools
from trainers import METHODS
from trainers.benchmarks.cluster import LOCAL, ROOT, Opening, on_cluster, work
from trainers.benchmarks.method_scores import method_table
from trainers.benchmarks.method_trial import Case, MethodTask
from trainers.benchmarks.trial_task import in_turn
from trainers.benchmarks.variants import Variant

PROMPTS = ("{} on blue", "{} on dog")
SECONDS = 2.0  # of a task that a node dies under
STORE = {"num_cpus": 1, "object_store_memory": 100_000_000}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and another node, with a processor each, to which this process is connected."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install .[cluster]")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(initialize_head=True, head_node_args={**STORE, "include_dashboard": False})
        made.other = made.add_node(**STORE)
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
        yield made
        ray.shutdown()
        made.shutdown()


def last_of(events: Iterator[Any]) -> Any:
    *_, last = events
    assert isinstance(last, Result)
    return last.value


def tasks() -> list[MethodTask]:
    """Two subjects, each as the plain noun and by two variants that share a concept."""
    cards = {name: method.card() for name, method in METHODS.items()}
    word = Variant.parse("textual_inversion steps=2 batch=1", METHODS, cards)
    variants = (None, word, dataclasses.replace(word, text=f"{word.text} +shown_again=1"))
    sampling = Sampling(steps=1, guidance=1.0)
    photos = tuple(Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos(3).squares))
    cases = [Case(Subject(handle, "cat"), photos[:2], photos[2:]) for handle in ("<lily>", "<tom>")]
    return [MethodTask(case, variant, sampling, 1, PROMPTS) for case in cases for variant in variants]


def files_in(folder: Path) -> dict[str, bytes]:
    names = ("seconds.json", "score.json", "concept.safetensors")  # these hold how long it took
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in names]
    named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in named.items() if not name.startswith("cache/")}


pytestmark = pytest.mark.usefixtures("short_verdict")  # `tools` shortens it, and this undoes that


@pytest.fixture(scope="module")
def alone(short_verdict: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """The folder and the scores of the tasks when this process does them."""
    folder = tmp_path_factory.mktemp("alone")
    return folder, last_of(in_turn(tasks(), tools(), folder))


def without_time(scores: list[Any]) -> list[Any]:
    return [dataclasses.replace(score, seconds=0.0) for score in scores]


def test_what_is_sent_gives_the_same_files_and_scores(
    alone: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a machine does with tasks, and what comes back, without a cluster."""
    monkeypatch.setattr("trainers.benchmarks.cluster._scratch", lambda: tmp_path / "there")
    outcome = work(TinyOpening(), tasks(), {})
    assert without_time(outcome.scores) == without_time(alone[1])
    assert {name for name in outcome.files if name.endswith("concept.safetensors")} == {
        f"{name}/textual_inversion-steps=2-batch=1/concept.safetensors" for name in ("lily", "tom")
    }
    assert files_in(alone[0]).items() <= outcome.files.items()
    are_scores = [name.endswith("score.json") for name in outcome.files]
    assert are_scores == sorted(are_scores) and sum(are_scores) == 6, "a score comes before its files"
    assert not [path for path in (tmp_path / "there" / "lily").rglob("*") if path.is_file()]

    class Refusing(TinyOpening):
        def tools(self) -> Any:
            raise StudioError("There is no base here.", "Copy it.")

    assert work(Refusing("other"), tasks(), {}).error == ("There is no base here.", "Copy it.")


def test_a_cluster_gives_the_same_table_and_measures_nothing_twice(
    cluster: Any, alone: tuple[Path, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = last_of(on_cluster(LOCAL, TinyOpening(), tasks(), tools(), tmp_path))
    assert method_table(without_time(scores)) == method_table(without_time(alone[1]))
    assert files_in(tmp_path) == files_in(alone[0])
    monkeypatch.setattr("trainers.benchmarks.cluster._outcomes", None)
    assert last_of(on_cluster(LOCAL, TinyOpening(), tasks(), tools(), tmp_path)) == scores


def test_a_node_that_is_killed_loses_its_own_task_alone(cluster: Any, tmp_path: Path) -> None:
    starts, folder = tmp_path / "starts", tmp_path / "out"
    starts.mkdir()
    slow = [SlowTask(f"task{number}", SECONDS, starts) for number in range(4)]
    other = cluster.other.node_id

    def kill() -> None:
        give_up = time.monotonic() + 120
        while not any(other in path.name for path in starts.iterdir()) and time.monotonic() < give_up:
            time.sleep(0.05)
        cluster.remove_node(cluster.other, allow_graceful=False)

    killing = threading.Thread(target=kill)
    killing.start()
    scores = last_of(on_cluster(LOCAL, NoTools(), slow, None, folder))
    killing.join()
    assert scores == [f"score of {task.name}" for task in slow]
    assert all((folder / task.name / "picture.png").read_bytes() == task.name.encode() for task in slow)
    nodes: dict[str, list[str]] = {}
    for path in sorted(starts.iterdir(), key=lambda path: path.name.split()[2]):
        name, node, _ = path.name.split()
        nodes.setdefault(name, []).append(node)
    twice = {name: ran for name, ran in nodes.items() if len(ran) > 1}
    assert [ran[0] == other and other not in ran[1:] for ran in twice.values()] == [True]
    assert sum(map(len, nodes.values())) == len(slow) + 1


def test_without_ray_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(StudioError, match=r"needs Ray, which is not installed.*pip install \.\[cluster\]"):
        list(on_cluster(LOCAL, Opening(""), tasks()[:1], tools(), tmp_path))


def test_a_cluster_that_is_not_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Nowhere:
        @staticmethod
        def is_initialized() -> bool:
            return False

        @staticmethod
        def init(**options: Any) -> None:
            raise ConnectionError(options["address"])

    monkeypatch.setitem(sys.modules, "ray", Nowhere)
    with pytest.raises(StudioError, match="There is no cluster at ray://nowhere:10001.*ray start --head"):
        list(on_cluster("ray://nowhere:10001", Opening(""), tasks()[:1], tools(), tmp_path))
    with pytest.raises(SystemExit):
        command.main(["trial", "assets/demo", "--on", "nowhere"])
    assert "'nowhere' is no cluster: write local or ray://HOST:PORT" in capsys.readouterr().err
