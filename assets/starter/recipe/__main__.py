"""Train the starter: one command per stage, or `all`. Example: python -m assets.starter.recipe painter."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTokenizer

from studio.errors import StudioError
from studio.models.clip import Clip

from . import (
    autoencoder,
    brought_backgrounds,
    captioned_folder,
    demo_photos,
    diffusion_model,
    evaluation,
    held_out_scenes,
    judge_mistakes,
    judge_training,
    latent_dataset,
    vocabulary,
    worker_processes,
)
from .backdrops import Backdrops
from .drawings import (
    DRAWING_SIDE,
    STARTER,
    WORLD,
    Drawing,
    all_package_drawings,
    drawings_from_packages,
    drawings_sheet,
    fetch_packages,
    is_held_out,
    read_drawings,
    save_drawings,
    training_drawings,
    world,
)
from .judge_backgrounds import draw_sceneries
from .scene_files import SCENES_PER_FILE, read_scene_files, scene_file_names, write_scene_files
from .sceneries import props_from_packages
from .sceneries.props import icon_picture

STAGES = ("data", "scenes", "autoencoder", "painter", "decoder", "judge", "measure", "demo", "apart")
EXTRA_STAGES = ("unseen", "second_judge", "rank")  # not part of `all`
DEFAULT_MINUTES = {  # those of the shipped starter, on one H200; a CPU takes days
    "autoencoder": 2.2,
    "painter": 13.9,  # 5.5, then 8.4 with `--start-from`
    "decoder": 2.0,
    "judge": 2.0,
    "second_judge": 2.0,
}


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m assets.starter.recipe", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, *EXTRA_STAGES, "all"])
    parser.add_argument(
        "--work", type=Path, default=Path(".cache/starter"), help="folder for drawings and checkpoints"
    )
    parser.add_argument("--out", type=Path, default=STARTER, help="folder for the trained starter")
    parser.add_argument(
        "--packages", type=Path, help="folder of unpacked npm packages, instead of downloading them"
    )
    parser.add_argument(
        "--drawings", type=Path, help="folder of your own cut-outs, STYLE/NOUN.png, instead of packages"
    )
    parser.add_argument(
        "--captioned",
        type=Path,
        help="folder of your own captioned pictures, cat.png beside cat.txt, instead of scenes",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        help="folder of a trained starter whose weights to continue from",
    )
    parser.add_argument(
        "--minutes", type=float, help="training time of the stage; it resumes where it was stopped"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--scenes", type=int, default=160_000, help="scenes in the training set")
    rate_help = "factor on the learning rate of diffusion model and judge; below 1 to continue trained ones"
    parser.add_argument("--rate", type=float, default=1.0, help=rate_help)
    parser.add_argument("--batch", type=int, default=48, help="batch size of the diffusion model")
    parser.add_argument("--crops", type=int, default=32, help="batch size of the autoencoder")
    parser.add_argument("--processes", type=int, default=0, help="that compose scenes; 0: one per core")
    parser.add_argument("--pictures", type=int, default=200, help="pictures generated for the evaluation")
    parser.add_argument("--checkpoints", type=Path, nargs="+", help="trained starters to rank")
    parser.add_argument("--eager", action="store_true", help="do not compile the models")
    parser.add_argument("--tiny", action="store_true", help="test run: a few seconds per stage")
    return parser.parse_args()


class Recipe:
    """The stages of the training. Each method named like a stage runs it.

    They read and write the work folder, and write the trained starter to the out folder.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.work
        self.out: Path = options.out
        self.device: str = options.device
        self.drawings_folder = options.drawings or self.work / "drawings"
        if options.tiny:
            options.scenes, options.pictures, options.batch = 64, 4, 8

    def minutes(self, stage: str) -> float:
        """Return how long to train in a stage."""
        return 0.03 if self.options.tiny else self.options.minutes or DEFAULT_MINUTES[stage]

    def modules(self) -> Path:
        """Return the node_modules folder with the packages, downloading them if needed."""
        return self.options.packages or fetch_packages(self.work)

    def training_drawings(self) -> list[Drawing]:
        """Read the drawings of the training split."""
        return training_drawings(self.drawings_folder)

    @property
    def compiles_on_gpu(self) -> bool:
        """Return whether a GPU trains and may compile, which pays there at once."""
        return torch.device(self.device).type == "cuda" and not (self.options.tiny or self.options.eager)

    def words(self) -> list[str]:
        """Read the vocabulary that stage `data` wrote."""
        return json.loads((self.work / "words.json").read_text())

    def data(self) -> None:
        """Write the drawings, a contact sheet of them, and the vocabulary."""
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / ".gitignore").write_text("*\n")
        words = vocabulary.world_words()
        if self.options.captioned:
            words = sorted({*words, *captioned_folder.caption_words(self.captioned_pictures())})
        elif not self.options.drawings:
            modules = self.modules()
            drawings = drawings_from_packages(modules)
            save_drawings(drawings, self.drawings_folder)
            save_drawings(all_package_drawings(modules), self.work / "every")
            save_drawings(hats_from_packages(modules), self.work / "hats")
            props_from_packages(modules, self.work / "props")
            drawings_sheet(drawings, list(world()["styles"])).save(self.work / "drawings.png")
            words = sorted({*words, *vocabulary.emoji_words(modules)})
        (self.work / "words.json").write_text(json.dumps(words))

    def captioned_pictures(self) -> list[captioned_folder.CaptionedPicture]:
        """Read the pictures of --captioned."""
        return captioned_folder.read_captioned_folder(self.options.captioned)

    def scenes(self) -> None:
        """Compose the scenes of the training set, in several processes."""
        if self.options.captioned:
            return
        per_file = 32 if self.options.tiny else SCENES_PER_FILE
        files = max(1, self.options.scenes // per_file)
        varied = max(1, files // 6)
        processes = 1 if self.options.tiny else self.options.processes
        write_scene_files(self.work, self.words(), files, varied, processes, per_file, self.options.drawings)

    def scene_parts(self, kind: str, files: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the composed pictures (n, 3, 128, 128), bytes, and their captions' token ids, file by file.

        `kind`: "scenes", or "varied" for those without captions. `files`: how many; None for all.
        """
        for content in read_scene_files(scene_file_names(self.work, kind)[:files]):
            pictures = torch.from_numpy(content["pictures"]).permute(0, 3, 1, 2)
            yield pictures, torch.from_numpy(content.get("ids", np.zeros(0, np.int16)))

    def autoencoder_pictures(self) -> tuple[Tensor, Tensor]:
        """Return the autoencoder's training set, and pictures to compute its scaling factor from.

        Both (n, 3, 128, 128) bytes; the first on the device that trains.
        """
        count, scale_count = (64, 16) if self.options.tiny else (12_000, 1_000)
        if self.options.captioned:
            dataset = self.captioned_pictures()
            return (
                captioned_folder.picture_tensor(dataset, count, captioned_folder.DEAD_LEAVES_SHARE),
                captioned_folder.picture_tensor(dataset, scale_count),
            )
        varied = [pictures for pictures, _ in self.scene_parts("varied")]
        scenes = [pictures for pictures, _ in self.scene_parts("scenes", len(varied))]
        return torch.cat(varied + scenes).to(self.device), scenes[0][:scale_count]

    def autoencoder(self) -> None:
        """Train the autoencoder."""
        file = self.work / "autoencoder.pt"
        starter = self.options.start_from
        start = starter and AutoencoderKL.from_pretrained(starter / "vae", torch_dtype=torch.float32)
        model = autoencoder.train(
            *self.autoencoder_pictures(),
            file,
            self.minutes("autoencoder"),
            self.device,
            batch=self.options.crops,
            start=start,
            compiled=self.compiles_on_gpu,
        )
        model.to(memory_format=torch.contiguous_format).save_pretrained(self.work / "vae")

    def decoder(self) -> None:
        """Train the decoder of the trained starter further; its latents stay the same."""
        start = AutoencoderKL.from_pretrained(self.out / "vae", torch_dtype=torch.float32)
        model = autoencoder.train(
            *self.autoencoder_pictures(),
            self.work / "decoder.pt",
            self.minutes("decoder"),
            self.device,
            start=start,
            batch=self.options.crops,
            decoder_only=True,
            compiled=self.compiles_on_gpu,
        )
        model.to("cpu", torch.float16).save_pretrained(self.out / "vae")
        remove_local_paths(self.out)

    def painter(self) -> None:
        """Train the diffusion model (text encoder and U-Net) and write the starter."""
        tokenizer = vocabulary.build_tokenizer(self.words())
        vae = AutoencoderKL.from_pretrained(self.work / "vae").to(self.device)
        file = self.work / "latents.pt"
        if file.exists():
            dataset = latent_dataset.LatentDataset.load(file, self.device)
        elif self.options.captioned:
            dataset = captioned_folder.captioned_latents(
                self.captioned_pictures(), tokenizer, vae, self.device
            )
        else:
            parts = self.scene_parts("scenes")
            dataset = latent_dataset.LatentDataset.encode(parts, vae, self.device)
            dataset.save(file)
        starter = self.options.start_from
        model = diffusion_model.train(
            dataset,
            tokenizer,
            self.work / "painter.pt",
            self.minutes("painter"),
            self.device,
            self.options.batch,
            learning_rate=diffusion_model.LEARNING_RATE * self.options.rate,
            compiled=not (self.options.tiny or self.options.eager),
            start=starter and diffusion_model.DiffusionModel.from_starter(starter),
        )
        if worker_processes.rank() == 0:
            self.write_starter(model, tokenizer, vae)

    def write_starter(
        self, model: diffusion_model.DiffusionModel, tokenizer: CLIPTokenizer, vae: AutoencoderKL
    ) -> None:
        """Write the starter in half precision, and check that it loads with equal weights."""
        pipeline = diffusion_model.as_pipeline(model, tokenizer, vae).to("cpu", torch.float16)
        # `tokenizer` has stored the padding of its last batch; a new one has not.
        pipeline.tokenizer = vocabulary.build_tokenizer(self.words())
        pipeline.save_pretrained(self.out)
        remove_local_paths(self.out)
        if not (self.options.captioned or self.options.drawings or self.out == STARTER):
            shutil.copyfile(WORLD, self.out / "world.json")
        loaded = type(pipeline).from_pretrained(
            self.out, safety_checker=None, local_files_only=True, dtype=torch.float16
        )
        assert len(loaded.tokenizer) == len(tokenizer)
        for part in ("unet", "text_encoder", "vae"):
            before, after = (getattr(p, part).state_dict() for p in (pipeline, loaded))
            assert all(torch.equal(before[name], after[name]) for name in before), f"{part} changed"

    def judge(self) -> None:
        """Train the judge."""
        self.train_judge("judge", self.out / "judge")

    def second_judge(self) -> None:
        """Train a second, independent judge in the work folder, to compare its ranking with the first's."""
        self.train_judge("second_judge", self.work / "second-judge")

    def train_judge(self, stage: str, out: Path) -> None:
        """Train one of the two judges and write it to `out`."""
        backgrounds = self.work / "backgrounds"
        if not (self.options.drawings or backgrounds.is_dir()):
            draw_sceneries(self.modules(), backgrounds)
        starter = self.options.start_from
        judge_training.train_judge(
            judge_training.JudgeMaterial(
                self.drawings_folder, self.work / "every", backgrounds, self.words()
            ),
            out,
            self.work / f"{stage}.pt",
            self.minutes(stage),
            self.device,
            4 if self.options.tiny else judge_training.BATCH,
            second=stage == "second_judge",
            compiled=self.compiles_on_gpu,
            start=starter / "judge" if starter and stage == "judge" else None,
            rate=judge_training.LEARNING_RATE * self.options.rate,
        )

    def rank(self) -> None:
        """Print the accuracy of both judges on pictures of each of --checkpoints."""
        judges = [Clip.open(folder) for folder in (self.out / "judge", self.work / "second-judge")]
        for folder in self.options.checkpoints or [self.out]:
            shares = evaluation.accuracy_by_judge(folder, judges, self.options.pictures, self.device)
            print(f"{folder}: {', '.join(f'{share:.3f}' for share in shares)}", flush=True)

    def measure(self) -> None:
        """Evaluate the starter; write the figures, a contact sheet and the judge's mistakes."""
        splits = {"trained": self.training_drawings()}
        if not self.options.drawings:
            drawings = read_drawings(self.drawings_folder)
            splits["left_out"] = [drawing for drawing in drawings if is_held_out(drawing)]
            splits["openmoji"] = drawings_from_packages(self.modules(), ["openmoji"])
        backdrops = Backdrops({}, self.work / "backdrops")
        few = {"steps": 2} if self.options.tiny else {}
        figures, page = evaluation.evaluate(
            self.out, splits, backdrops, self.options.pictures, self.device, **few
        )
        (self.work / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
        page.save(self.work / "contact-sheet.png", optimize=True)
        mistakes = judge_mistakes.find_mistakes(Clip.open(self.out / "judge"), splits)
        sheet = judge_mistakes.mistakes_sheet(mistakes, splits["trained"])
        sheet.save(self.work / "mistakes.png", optimize=True)
        print(json.dumps(figures, indent=2))

    def demo(self) -> None:
        """Write the demo photos, and the backgrounds that subjects are put in front of."""
        demo_photos.write_demo_photos(self.modules(), self.out.parent / "demo")
        brought_backgrounds.write_backgrounds(self.modules(), self.out / "backgrounds", DRAWING_SIDE)

    def unseen(self) -> None:
        """Write photos of OpenMoji drawings, to try what was never seen."""
        demo_photos.write_unseen_photos(self.modules(), self.work / "unseen")

    def apart(self) -> None:
        """Write the scenes of several held-out drawings, with their masks."""
        held_out_scenes.write_held_out_scenes(
            read_drawings(self.drawings_folder), self.out.parent / "demo" / "scenes"
        )


def hats_from_packages(modules: Path) -> list[Drawing]:
    """Read the hats of `world.json` from the npm packages."""
    drawings = []
    for name, entry in world()["hats"].items():
        for source in world()["styles"]:
            picture = icon_picture(modules, source, entry, DRAWING_SIDE)
            if picture is not None:
                drawings.append(Drawing(name, source, picture))
    return drawings


def remove_local_paths(starter: Path) -> None:
    """Remove the local path that diffusers stores in each `config.json` of a starter."""
    for file in starter.glob("*/config.json"):
        config = json.loads(file.read_text())
        if config.pop("_name_or_path", None):
            file.write_text(json.dumps(config, indent=2) + "\n")


def main() -> int:
    """Run the stage that the command line names, or all of them; returns 2 after what the user can mend."""
    try:
        run_stages()
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def run_stages() -> None:
    """Run the stage that the command line names, or all of them. Raises StudioError."""
    options = parse_arguments()
    torch.set_flush_denormal(True)
    if torch.distributed.is_torchelastic_launched():
        torch.set_num_threads(1)
        worker_processes.join_group()
    recipe = Recipe(options)
    stages = STAGES if options.stage == "all" else (options.stage,)
    skipped = ("demo", "apart") if options.captioned or options.drawings else ()
    skipped += ("judge", "measure") if options.captioned else ()
    for stage in (stage for stage in stages if stage not in skipped):
        print(f"== {stage}", flush=True)
        getattr(recipe, stage)()
    worker_processes.leave_group()


if __name__ == "__main__":
    sys.exit(main())
