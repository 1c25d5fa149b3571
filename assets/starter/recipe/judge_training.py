"""Train the judge, which sees patches and cleanliness; stages `judge` and `second_judge` of the recipe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from studio.models.patch_judge import PatchJudge

from .drawings import training_drawings
from .judge_backgrounds import Backgrounds
from .judge_captions import CaptionTable
from .judge_drawings import DrawingBank
from .judge_model import configuration, save_judge
from .judge_trainer import JudgeTrainer
from .muon import build_optimizers, set_learning_rate, step_optimizers
from .timed_training import TrainingTimer, load_checkpoint, save_checkpoint
from .vocabulary import write_merges

LEARNING_RATE = 2e-3
BATCH = 512  # drawings per step, each in two views and with an impostor
PATIENCE = 20  # steps in a row without a finite gradient, after which the training gives up
WEIGHTS = {"caption": 1.0, "pooled": 0.7, "drawing": 1.0, "place": 0.5, "object": 0.3, "clean": 1.5}


def train(
    trainer: JudgeTrainer, timer: TrainingTimer, out: Path, file: Path, seed: int, rate: float = LEARNING_RATE
) -> None:
    """Train until the timer's end; write the checkpoint `file` and the judge to `out` every minute.

    A batch without a finite gradient is left out. `rate`: the learning rate at its highest. Raises
    FloatingPointError after PATIENCE of these in a row.
    """
    judge = trainer.judge.train()
    optimizers = build_optimizers(judge, rate)
    step = load_checkpoint(file, timer, judge=judge, **optimizers)
    random = np.random.default_rng([seed, step])
    torch.manual_seed(seed + step)
    drawer = ThreadPoolExecutor(1)  # draws the next batch during this one
    upcoming = drawer.submit(trainer.views, random)
    left_out = 0
    while timer.progress < 1:
        views, contents = upcoming.result()
        upcoming = drawer.submit(trainer.views, random)
        losses = trainer.losses(views, contents)
        sum(WEIGHTS[name] * loss for name, loss in losses.items()).backward()
        left_out = 0 if torch.nn.utils.clip_grad_norm_(judge.parameters(), 1.0).isfinite() else left_out + 1
        if left_out > PATIENCE:
            raise FloatingPointError(f"The judge's gradients are not finite at step {step}.")
        if left_out:
            judge.zero_grad()
            continue
        set_learning_rate(optimizers, rate * timer.learning_rate_factor)
        step_optimizers(optimizers)
        step += 1
        if step % 20 == 0:
            told = ", ".join(f"{name} {loss.item():.3f}" for name, loss in losses.items())
            print(f"{step} {timer.elapsed:.0f} s: {told}", flush=True)
        if timer.checkpoint_due(1):
            save_checkpoint(file, timer, step, judge=judge, **optimizers)
            save_judge(judge, out)
    drawer.shutdown()
    save_checkpoint(file, timer, step, judge=judge, **optimizers)
    save_judge(judge, out)


@dataclass(frozen=True)
class JudgeMaterial:
    """What the judge's pictures are made of: folders of files, and words.

    Args:
        drawings: STYLE/NOUN.png, those of the world.
        every: everything that the sets draw, if there is such a folder.
        backgrounds: sceneries that `judge_backgrounds` drew, if there is such a folder.
        words: the words of captions.
    """

    drawings: Path
    every: Path
    backgrounds: Path
    words: list[str]


def train_judge(
    material: JudgeMaterial,
    out: Path,
    checkpoint: Path,
    minutes: float,
    device: str = "cpu",
    batch: int = BATCH,
    second: bool = False,
    compiled: bool = False,
    start: Path | None = None,
    rate: float = LEARNING_RATE,
) -> None:
    """Train a judge and write it to the folder `out`.

    Args:
        checkpoint: a file to go on from, written every minute.
        minutes: all included, earlier runs too.
        batch: drawings a step.
        second: train the second, smaller judge.
        compiled: compile the vision transformer, if possible.
        start: folder of a judge with the same words to go on from; None begins with random weights.
        rate: the learning rate at its highest.
    """
    timer = TrainingTimer(minutes, decay_share=0.6)
    torch.manual_seed(int(second))
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
    out.mkdir(parents=True, exist_ok=True)
    merges = out / "merges.txt.gz"
    config = configuration(write_merges(material.words, merges), second)
    judge = (PatchJudge.open(start) if start else PatchJudge(config)).to(device)
    every = training_drawings(material.every) if material.every.is_dir() else []
    bank = DrawingBank(training_drawings(material.drawings), every, device)
    folder = material.backgrounds if material.backgrounds.is_dir() else None
    backgrounds = Backgrounds(judge.side, device, folder)
    captions = CaptionTable(bank, backgrounds, merges, seed=int(second))
    print(f"{len(bank.drawings)} drawings, {len(backgrounds.places)} places", flush=True)
    trainer = JudgeTrainer(judge, bank, backgrounds, captions, batch)
    if compiled:
        torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs as it is
        trainer.look = torch.compile(judge)
    train(trainer, timer, out, checkpoint, int(second), rate)
