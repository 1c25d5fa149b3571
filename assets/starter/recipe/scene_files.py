"""Compose the training scenes in several processes and keep them as files, pictures beside token ids.

A file holds some two thousand scenes. Files are written whole or not at all, so that a training can read
those that are there while the others are still being composed.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPTokenizer

from .backdrops import Backdrops
from .captions import caption
from .dead_leaves import dead_leaves_picture
from .drawings import Drawing, read_drawings, training_drawings
from .latent_dataset import token_ids
from .layouts import Composer, Material, random_scenes
from .sceneries import read_props
from .scenes import PIXELS, by_source
from .vocabulary import MAX_TOKENS, build_tokenizer

SCENES_PER_FILE = 2000
CAPTIONS_PER_SCENE = 4
DEAD_LEAVES_SHARE = 0.3  # of the pictures for the autoencoder, so that it learns edges in general


def read_material(work: Path, drawings_folder: Path | None = None) -> Material:
    """Read drawings, hats and props from a work folder; held-out drawings are left out.

    `drawings_folder`: where the drawings are instead, for example a user's own.
    """
    drawings = training_drawings(drawings_folder or work / "drawings")
    backdrops = (
        Backdrops(read_props(work / "props"), work / "backdrops") if (work / "props").is_dir() else None
    )
    return Material(by_source(drawings), by_source(read_drawings(work / "hats")), backdrops)


def scenes_of_file(composer: Composer, tokenizer: CLIPTokenizer, count: int) -> dict[str, np.ndarray]:
    """Compose `count` scenes.

    Returns pictures (count, PIXELS, PIXELS, 3) bytes and ids (count, CAPTIONS_PER_SCENE, MAX_TOKENS).
    """
    pictures, captions = [], []
    for scene, content in composer.scenes(count):
        pictures.append(np.asarray(scene.compose(PIXELS)))
        captions += [caption(content, composer.random) for _ in range(CAPTIONS_PER_SCENE)]
    ids = token_ids(tokenizer, captions).reshape(count, CAPTIONS_PER_SCENE, MAX_TOKENS)
    return {"pictures": np.stack(pictures), "ids": ids}


def pictures_of_file(every: Composer, count: int) -> dict[str, np.ndarray]:
    """Compose `count` scenes of any drawings, or dead leaves, for the autoencoder; without captions."""
    pictures = []
    for scene, _ in every.scenes(count):
        picture = scene.compose(PIXELS)
        if every.random.random() < DEAD_LEAVES_SHARE:
            over = picture if every.random.random() < 0.5 else None
            picture = dead_leaves_picture(PIXELS, every.random, over)
        pictures.append(np.asarray(picture))
    return {"pictures": np.stack(pictures)}


def write_files(
    process: int,
    processes: int,
    work: Path,
    drawings_folder: Path | None,
    words: list[str],
    files: int,
    varied_files: int,
    scenes: int,
) -> None:
    """Write every `processes`-th file, beginning with number `process`; files that exist are kept.

    Of each run of files the `varied_files` for the autoencoder come first.
    """
    torch.set_num_threads(1)
    material = read_material(work, drawings_folder)
    drawings: list[Drawing] = read_drawings(work / "every") if varied_files else []
    every = Material(by_source(drawings) if drawings else material.drawings, {}, material.backdrops)
    tokenizer = build_tokenizer(words)
    names = [f"varied-{number:04d}" for number in range(varied_files)]
    names += [f"scenes-{number:04d}" for number in range(files)]
    # Both kinds are written from the beginning, in turn.
    order = sorted(names, key=lambda name: (int(name[-4:]), name))
    for number, name in list(enumerate(order))[process::processes]:
        file = work / "scenes" / f"{name}.npz"
        if file.exists():
            continue
        random = np.random.default_rng(1000 + number)
        if name.startswith("varied"):
            content = pictures_of_file(Composer(every, random), scenes)
        else:
            content = scenes_of_file(Composer(material, random), tokenizer, scenes)
        part = file.with_name(f".{name}.npz")
        np.savez(part, **content)
        part.replace(file)


def write_backdrops(process: int, processes: int, work: Path) -> None:
    """Draw every `processes`-th scenery, beginning with number `process`, and write it to the work folder."""
    Backdrops(read_props(work / "props"), work / "backdrops").write(PIXELS, process, processes)


def write_scene_files(
    work: Path,
    words: list[str],
    files: int,
    varied_files: int,
    processes: int = 0,
    scenes: int = SCENES_PER_FILE,
    drawings_folder: Path | None = None,
) -> None:
    """Write `files` files of scenes and `varied_files` for the autoencoder to `work/scenes`.

    `drawings_folder`: of a user's own drawings, in place of those of the work folder.
    `processes`: how many compose at once; 0 for one per core. `scenes`: per file.
    """
    (work / "scenes").mkdir(parents=True, exist_ok=True)
    processes = processes or os.cpu_count() or 1
    started = time.monotonic()
    write = partial(
        write_files,
        processes=processes,
        work=work,
        drawings_folder=drawings_folder,
        words=words,
        files=files,
        varied_files=varied_files,
        scenes=scenes,
    )
    if processes == 1:
        write(0)
    else:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            if (work / "props").is_dir():
                pool.map(partial(write_backdrops, processes=processes, work=work), range(processes))
                print(f"sceneries drawn in {time.monotonic() - started:.0f} s", flush=True)
            pool.map(write, range(processes))
    print(f"scenes composed in {time.monotonic() - started:.0f} s", flush=True)


def scene_file_names(work: Path, kind: str) -> list[Path]:
    """Return the finished files of a kind, "scenes" or "varied", in order."""
    return sorted((work / "scenes").glob(f"{kind}-*.npz"))


def read_scene_files(files: list[Path]) -> Iterator[dict[str, np.ndarray]]:
    """Yield the contents of files: "pictures" and, of scenes, "ids"."""
    for file in files:
        with np.load(file) as stored:
            yield {name: stored[name] for name in stored.files}


def scene_pictures(drawings: list[Drawing], count: int, seed: int = 0) -> torch.Tensor:
    """Compose random scenes of drawings on coloured backgrounds. Returns (count, 3, PIXELS, PIXELS) bytes."""
    arrays = [np.asarray(scene.compose()) for scene in random_scenes(drawings, count, seed)]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
