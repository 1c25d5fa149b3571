"""One command for each stage of making the starter, and `all`: python -m assets.starter.recipe painter."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTokenizer

from studio.models.clip import Clip

from . import apart, autoencoder, captioned, crew, demo, judge, measure, mistakes, painter, words
from .drawings import (
    STARTER,
    Drawing,
    every_drawing,
    fetch_packages,
    from_folder,
    from_packages,
    is_left_out,
    save,
    sheet,
)
from .drawings import world as known
from .scenes import TWO_OBJECTS

STAGES = ("data", "autoencoder", "painter", "decoder", "judge", "measure", "demo", "apart")
EXTRAS = ("second_judge", "rank")
# What the last training of the shipped starter had, on two cores.
MINUTES = {"autoencoder": 30.0, "painter": 84.0, "decoder": 55.0, "judge": 27.0, "second_judge": 18.0}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assets.starter.recipe", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, *EXTRAS, "all"])
    parser.add_argument("--work", type=Path, default=Path(".cache/starter"), help="drawings and checkpoints")
    parser.add_argument("--out", type=Path, default=STARTER, help="where the finished starter goes")
    parser.add_argument(
        "--packages", type=Path, help="a folder of unpacked npm packages to use instead of npm"
    )
    parser.add_argument(
        "--drawings", type=Path, help="your own cut-outs, STYLE/NOUN.png, instead of packages"
    )
    parser.add_argument(
        "--captioned",
        type=Path,
        help="your own captioned pictures, cat.png beside cat.txt, instead of scenes",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        help="a finished starter, to begin with its weights",
    )
    parser.add_argument("--minutes", type=float, help="time to train; a stage resumes where it was stopped")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--scenes", type=int, default=30_000, help="cached scenes that the painter learns from"
    )
    gentle = "share of the usual learning rate that a painter trains at; a finished one wants less"
    parser.add_argument("--rate", type=float, default=1.0, help=gentle)
    parser.add_argument("--pairs", type=float, default=TWO_OBJECTS, help="share of them with two objects")
    parser.add_argument("--batch", type=int, default=48, help="pictures in a painter's step")
    parser.add_argument("--pictures", type=int, default=200, help="pictures painted to be measured")
    parser.add_argument("--checkpoints", type=Path, nargs="+", help="finished starters to rank")
    parser.add_argument("--tiny", action="store_true", help="run everything for seconds, to see that it runs")
    return parser.parse_args()


class Recipe:
    """The stages, each a method of its name, reading and writing the work folder."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.work: Path = asked.work
        self.out: Path = asked.out
        self.device: str = asked.device
        self.cache = asked.drawings or self.work / "drawings"
        if asked.tiny:
            asked.scenes, asked.pictures, asked.batch = 64, 4, 8

    def minutes(self, stage: str) -> float:
        return 0.03 if self.asked.tiny else self.asked.minutes or MINUTES[stage]

    def modules(self) -> Path:
        return self.asked.packages or fetch_packages(self.work)

    def trained(self) -> list[Drawing]:
        return [drawing for drawing in from_folder(self.cache) if not is_left_out(drawing)]

    def vocabulary(self) -> list[str]:
        return json.loads((self.work / "words.json").read_text())

    def data(self) -> None:
        """Drawings and vocabulary, and a contact sheet of the drawings to be checked by eye."""
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / ".gitignore").write_text("*\n")
        vocabulary = words.world_words()
        if self.asked.captioned:
            vocabulary = sorted({*vocabulary, *captioned.words_of(self.own_pictures())})
        elif not self.asked.drawings:
            modules = self.modules()
            drawings = from_packages(modules)
            save(drawings, self.cache)
            save(every_drawing(modules), self.work / "every")
            sheet(drawings, list(known()["styles"])).save(self.work / "drawings.png")
            vocabulary = sorted({*vocabulary, *words.emoji_words(modules)})
        (self.work / "words.json").write_text(json.dumps(vocabulary))

    def own_pictures(self) -> list[captioned.Captioned]:
        return captioned.from_folder(self.asked.captioned)

    def pools(self) -> tuple[Tensor, Tensor]:
        """Pictures for an autoencoder to learn from, and typical ones to scale its latents by."""
        count, few = (64, 16) if self.asked.tiny else (12_000, 1_000)
        if self.asked.captioned:
            found = self.own_pictures()
            return captioned.pictures(found, count, autoencoder.LEAVES), captioned.pictures(found, few)
        trained = self.trained()
        every = from_folder(self.work / "every") or trained
        return autoencoder.mixed_pictures(every, count), autoencoder.pictures(trained, few)

    def autoencoder(self) -> None:
        file = self.work / "autoencoder.pt"
        given = self.asked.start_from
        start = given and AutoencoderKL.from_pretrained(given / "vae", torch_dtype=torch.float32)
        model = autoencoder.train(*self.pools(), file, self.minutes("autoencoder"), self.device, start=start)
        model.save_pretrained(self.work / "vae")

    def decoder(self) -> None:
        """Sharper pictures from the same latents, in the finished starter."""
        shipped = AutoencoderKL.from_pretrained(self.out / "vae", torch_dtype=torch.float32)
        model = autoencoder.train(
            *self.pools(),
            self.work / "decoder.pt",
            self.minutes("decoder"),
            self.device,
            start=shipped,
            decoder_only=True,
        )
        model.to("cpu", torch.float16).save_pretrained(self.out / "vae")
        forget_places(self.out)

    def painter(self) -> None:
        tokenizer = words.build(self.vocabulary())
        encoder = AutoencoderKL.from_pretrained(self.work / "vae").to(self.device)
        data: painter.LatentScenes | captioned.CaptionedLatents
        if self.asked.captioned:
            data = captioned.CaptionedLatents(self.own_pictures(), encoder, self.device)
        else:
            data = painter.LatentScenes.cached(
                self.work / "latents.pt",
                self.trained(),
                encoder,
                self.asked.scenes,
                self.device,
                self.asked.pairs,
            )
        used = painter.words_of(data, tokenizer)
        mean = painter.train(
            data,
            tokenizer,
            used,
            self.work / "painter.pt",
            self.minutes("painter"),
            self.device,
            self.asked.batch,
            rate=painter.RATE * self.asked.rate,
            compiled=not self.asked.tiny,
            start=self.asked.start_from and painter.Painter.of(self.asked.start_from),
        )
        if crew.rank() == 0:
            self.ship(mean, tokenizer, encoder)

    def ship(self, mean: painter.Painter, tokenizer: CLIPTokenizer, encoder: AutoencoderKL) -> None:
        """Write the starter in half precision, and see that it opens again the same."""
        pipeline = painter.as_pipeline(mean, tokenizer, encoder).to("cpu", torch.float16)
        pipeline.tokenizer = words.build(self.vocabulary())  # one that no batch has set to pad
        pipeline.save_pretrained(self.out)
        forget_places(self.out)
        again = type(pipeline).from_pretrained(
            self.out, safety_checker=None, local_files_only=True, dtype=torch.float16
        )
        assert len(again.tokenizer) == len(tokenizer)
        for part in ("unet", "text_encoder", "vae"):
            before, after = (getattr(p, part).state_dict() for p in (pipeline, again))
            assert all(torch.equal(before[name], after[name]) for name in before), f"{part} changed"

    def judge(self) -> None:
        judge.train(
            self.trained(),
            self.vocabulary(),
            self.out / "judge",
            self.work / "judge.pt",
            self.minutes("judge"),
            start=self.asked.start_from and self.asked.start_from / "judge",
        )

    def second_judge(self) -> None:
        """An independent judge, kept in the work folder: does it rank painters as the first one does?"""
        judge.train(
            self.trained(),
            self.vocabulary(),
            self.work / "second-judge",
            self.work / "second-judge.pt",
            self.minutes("second_judge"),
            second=True,
        )

    def rank(self) -> None:
        """The share of right first guesses of each of --checkpoints, by both judges."""
        judges = [Clip.open(place) for place in (self.out / "judge", self.work / "second-judge")]
        for place in self.asked.checkpoints or [self.out]:
            shares = measure.shares(place, judges, self.asked.pictures, self.device)
            print(f"{place}: {', '.join(f'{share:.3f}' for share in shares)}", flush=True)

    def measure(self) -> None:
        groups = {"trained": self.trained()}
        if not self.asked.drawings:
            groups["left_out"] = [drawing for drawing in from_folder(self.cache) if is_left_out(drawing)]
            groups["openmoji"] = from_packages(self.modules(), ["openmoji"])
        figures, page = measure.measure(self.out, groups, self.asked.pictures, self.device)
        (self.work / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
        page.save(self.work / "contact-sheet.png", optimize=True)
        found = mistakes.mistakes(Clip.open(self.out / "judge"), groups)
        mistakes.mistakes_sheet(found, groups["trained"]).save(self.work / "mistakes.png", optimize=True)
        print(json.dumps(figures, indent=2))

    def demo(self) -> None:
        demo.make(self.modules(), self.out.parent / "demo")

    def apart(self) -> None:
        """Held-out scenes with masks."""
        apart.make(from_folder(self.cache), self.out.parent / "demo" / "scenes")


def forget_places(starter: Path) -> None:
    """Take the folders of this machine out of a starter's configurations."""
    for file in starter.glob("*/config.json"):
        config = json.loads(file.read_text())
        if config.pop("_name_or_path", None):
            file.write_text(json.dumps(config, indent=2) + "\n")


def main() -> None:
    asked = arguments()
    torch.set_flush_denormal(True)
    if torch.distributed.is_torchelastic_launched():
        torch.set_num_threads(1)
        crew.join()
    recipe = Recipe(asked)
    stages = STAGES if asked.stage == "all" else (asked.stage,)
    without = ("demo", "apart") if asked.captioned or asked.drawings else ()
    without += ("judge", "measure") if asked.captioned else ()
    stages = tuple(stage for stage in stages if stage not in without)
    for stage in stages:
        print(f"== {stage}", flush=True)
        getattr(recipe, stage)()
    crew.leave()


if __name__ == "__main__":
    main()
