"""Train the judge that sees patches. Example:

python -m assets.starter.recipe.judge_training --drawings .cache/starter/drawings \\
    --every .cache/starter/every --backgrounds .cache/starter/backgrounds \\
    --words .cache/starter/words.json --out .cache/starter/judge --minutes 8 --device cuda

It keeps a checkpoint and the judge so far in --out, every minute, and resumes from there.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from .drawings import training_drawings
from .judge_backgrounds import Backgrounds
from .judge_captions import CaptionTable
from .judge_drawings import DrawingBank
from .judge_model import PatchJudge, configuration
from .judge_trainer import JudgeTrainer
from .muon import build_optimizers, step_optimizers
from .timed_training import TrainingTimer, load_checkpoint, save_checkpoint
from .vocabulary import write_merges

LEARNING_RATE = 2e-3
BATCH = 512  # drawings per step, each in two views and with an impostor
WEIGHTS = {"caption": 1.0, "pooled": 0.7, "drawing": 1.0, "place": 0.5, "object": 0.3, "clean": 1.5}


def train(trainer: JudgeTrainer, timer: TrainingTimer, out: Path, seed: int) -> None:
    """Train until the timer's end; write a checkpoint and the judge to `out` every minute."""
    judge = trainer.judge.train()
    optimizers = build_optimizers(judge, LEARNING_RATE)
    file = out / "training.pt"
    step = load_checkpoint(file, timer, judge=judge, **optimizers)
    random = np.random.default_rng([seed, step])
    torch.manual_seed(seed + step)
    drawer = ThreadPoolExecutor(1)  # draws the next batch during this one
    upcoming = drawer.submit(trainer.views, random)
    while timer.progress < 1:
        views, contents = upcoming.result()
        upcoming = drawer.submit(trainer.views, random)
        losses = trainer.losses(views, contents)
        sum(WEIGHTS[name] * loss for name, loss in losses.items()).backward()
        torch.nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        step_optimizers(optimizers, LEARNING_RATE * timer.learning_rate_factor)
        step += 1
        if step % 20 == 0:
            told = ", ".join(f"{name} {loss.item():.3f}" for name, loss in losses.items())
            print(f"{step} {timer.elapsed:.0f} s: {told}", flush=True)
        if timer.checkpoint_due(1):
            save_checkpoint(file, timer, step, judge=judge, **optimizers)
            judge.save(out)
    drawer.shutdown()
    save_checkpoint(file, timer, step, judge=judge, **optimizers)
    judge.save(out)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--drawings", type=Path, required=True, help="folder of STYLE/NOUN.png of the world")
    parser.add_argument("--every", type=Path, help="folder of everything that the sets draw")
    parser.add_argument("--backgrounds", type=Path, help="folder of sceneries that judge_backgrounds drew")
    parser.add_argument("--words", type=Path, required=True, help="JSON list of the words of captions")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8.0, help="all included, earlier runs too")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--second", action="store_true", help="train the second, smaller judge")
    parser.add_argument("--compile", action="store_true", help="compile the vision transformer, if possible")
    return parser.parse_args()


def main() -> None:
    """Read the drawings and train a judge."""
    options = parse_arguments()
    timer = TrainingTimer(options.minutes, decay_share=0.6)
    torch.manual_seed(int(options.second))
    if options.device == "cuda":
        torch.set_float32_matmul_precision("high")
    options.out.mkdir(parents=True, exist_ok=True)
    merges = options.out / "merges.txt.gz"
    words = write_merges(json.loads(options.words.read_text()), merges)
    judge = PatchJudge(configuration(words, options.second)).to(options.device)
    every = training_drawings(options.every) if options.every else []
    bank = DrawingBank(training_drawings(options.drawings), every, options.device)
    backgrounds = Backgrounds(judge.side, options.device, options.backgrounds)
    captions = CaptionTable(bank, backgrounds, merges, seed=int(options.second))
    print(
        f"{len(bank.drawings)} drawings, {len(backgrounds.places)} places, {timer.elapsed:.0f} s", flush=True
    )
    trainer = JudgeTrainer(judge, bank, backgrounds, captions, options.batch)
    if options.compile:
        torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs as it is
        trainer.look = torch.compile(judge)
    train(trainer, timer, options.out, seed=int(options.second))


if __name__ == "__main__":
    main()
