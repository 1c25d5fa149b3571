"""Tasks and tools for the tests of a cluster, which its processes import by name."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from studio.evaluation.encoders import Encoders
from studio.events import Event
from tests import tiny
from trainers.benchmarks.cluster import Opening
from trainers.benchmarks.saved_scores import SCORE, read_scores, write_json
from trainers.benchmarks.trial_task import Tools, TrialTask
from trainers.kit import verdict


class Colour:
    """An encoder that sees the mean colour of a picture, and reads no difference in prompts."""

    name = "colour"

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        pixels = [picture.convert("RGB").resize((1, 1), Image.Resampling.BOX) for picture in pictures]
        means = torch.tensor([each.getpixel((0, 0)) for each in pixels]).float()
        return torch.nn.functional.normalize(means + 1, dim=1)

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        return torch.eye(3)[torch.arange(len(prompts)) % 3]


def tools() -> Tools:
    """Return a tiny base and an encoder, with verdicts on hardly painted pictures."""
    verdict.STEPS, verdict.SEEDS = 1, 2
    return Tools(tiny.backbone(), Encoders(Colour(), Colour(), Colour()))


@dataclass(frozen=True)
class TinyOpening(Opening):
    """Opens the tiny base."""

    base: str = "tiny"

    def tools(self) -> Tools:
        return tools()


@dataclass(frozen=True)
class NoTools(Opening):
    """Opens nothing: the tasks of a test need none."""

    base: str = "none"

    def tools(self) -> Any:
        return None


@dataclass(frozen=True)
class SlowTask(TrialTask):
    """Takes some seconds; each start leaves a file in the folder `starts`."""

    name: str
    seconds: float
    starts: Path

    @property
    def heading(self) -> str:
        return self.name

    @property
    def folders(self) -> tuple[str, ...]:
        return (self.name,)

    def saved(self, tools: Any, folder: Path) -> Any | None:
        return read_scores(folder / self.name / SCORE, lambda score: score)

    def run(self, tools: Any, folder: Path) -> Generator[Event, None, Any]:
        import ray

        yield from ()
        node, moment = ray.get_runtime_context().get_node_id(), time.monotonic_ns()
        (self.starts / f"{self.name} {node} {moment}").touch()
        time.sleep(self.seconds)
        (folder / self.name).mkdir(parents=True, exist_ok=True)
        (folder / self.name / "picture.png").write_bytes(self.name.encode())
        write_json(folder / self.name / SCORE, f"score of {self.name}")
        return f"score of {self.name}"
