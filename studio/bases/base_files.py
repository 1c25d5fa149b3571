"""What lies at the path of a base model, read from names and shapes; no weight is loaded.

Whether a base can be used is decided here and in the families, before anything large is read: what cannot be
used is refused by what it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from studio.bases.other_files import kind_of_other_file
from studio.bases.weight_files import HALF, whole_variants
from studio.errors import StudioError

CONFIGS = Path(__file__).resolve().parents[2] / "assets" / "bases"  # of models that come as a single file
INDEX = "model_index.json"
SAFE = ".safetensors"
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
STABLE_DIFFUSION_2 = 1024  # the width of its text; it predicts noise at 512 pixels and v at 768
MARKS = ("v_pred", "ztsnr")  # tensors that only say something by being there
NO_NETWORKS = ("tokenizer", "scheduler", "feature_extractor", "safety_checker", "image_encoder")
HALF_BYTES = 2  # of a number in half precision
LATENT_CHANNELS = 4  # that the first layer of an ordinary U-Net in a checkpoint file reads
BITS = {"F16": 16, "BF16": 16, "F32": 32}  # of the precisions that weights are stored in; wider ones are rare
PREDICTIONS = {"epsilon": "epsilon", "eps": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}
SPELLED = {"xl": "XL", "zimage": "Z-Image", "flux2": "FLUX.2", "klein": "klein"}
FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
DOWNLOAD = "Download it again."
NAME_A_FOLDER = "Give --base a diffusers folder, a checkpoint in one .safetensors file, or a name on the hub."


@dataclass(frozen=True)
class BaseFiles:
    """A base model on disk: a diffusers folder, or a checkpoint in a single .safetensors file.

    Args:
        path: the folder or the file.
        name: what the base is called.
        index: the folder's `model_index.json`; empty for a file.
        shapes: by name, the shape of every tensor of a file; empty for a folder.
        precisions: by part of a folder, or "" for a file, the widest in which its weights are stored, such as
            "F16".
        bytes: how large the weights are.
        card_bytes: how large they are in half precision, as a card has them.
        variant: "fp16" for a folder whose files are called so, else empty.
        prediction: what the base predicts, where its files or the user say so.
        is_zero_snr: whether its noise ends at zero terminal SNR (Lin et al. 2023, arXiv 2305.08891), where
            its file says so.
    """

    path: Path
    name: str
    index: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    precisions: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0
    card_bytes: int = 0
    variant: str = ""
    prediction: str = ""
    is_zero_snr: bool = False

    @property
    def pipeline(self) -> str:
        """Return the class that a folder's index names, empty for a file."""
        return str(self.index.get("_class_name", ""))

    def schedule(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a scheduler's config with what the files, or the user, say of the noise."""
        values = dict(config)
        if self.prediction:
            values["prediction_type"] = self.prediction
        if self.is_zero_snr:
            values |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
        return values

    @property
    def is_stable_diffusion_2(self) -> bool:
        """Return whether it is a single file of Stable Diffusion 2."""
        return self.text_width == STABLE_DIFFUSION_2

    @property
    def needs_prediction(self) -> bool:
        """Return whether a person has to say what it predicts: a file of Stable Diffusion 2 may not."""
        return self.is_stable_diffusion_2 and not self.prediction

    @property
    def is_distilled(self) -> bool:
        """Return whether it was distilled to few steps."""
        return is_distilled(self.index, self.name)

    @property
    def kind(self) -> str:
        """Return what it is in words: "stable diffusion xl", or the name of a pipeline."""
        if self.pipeline:
            words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", self.pipeline.removesuffix("Pipeline"))
            return " ".join(words.replace("XL", " XL ").split()).lower()
        return next((name for name, width in widths_of_files().items() if width == self.text_width), "")

    @property
    def title(self) -> str:
        """Return the kind as its makers write it: "Stable Diffusion XL"."""
        return " ".join(SPELLED.get(word, word.capitalize()) for word in self.kind.split())

    @property
    def text_width(self) -> int:
        """Return how wide the encoded tokens are that the U-Net of a file reads; 0 for anything else."""
        reading = (shape for name, shape in self.shapes.items() if name.endswith("attn2.to_k.weight"))
        return next((shape[1] for shape in reading if len(shape) == 2), 0)


@cache
def widths_of_files() -> dict[str, int]:
    """Return, by kind, the width of the text that the U-Net of a checkpoint in a single file reads."""
    configs = sorted(CONFIGS.glob("*/unet/config.json"))
    texts = {config.parents[1].name: json.loads(config.read_text(encoding="utf-8")) for config in configs}
    return {name.replace("_", " "): int(text["cross_attention_dim"]) for name, text in texts.items()}


def is_distilled(index: Mapping[str, Any], name: str) -> bool:
    """Return whether a base was distilled to few steps: its index says so, or its name, as Turbo's does."""
    return index.get("is_distilled") is True or "turbo" in name.lower()


def look_at(path: Path, prediction: str = "", name: str = "") -> BaseFiles:
    """Return what lies at `path`. Raises StudioError with the kind for everything that is no base model.

    Args:
        prediction: "epsilon" or "v_prediction" where the user says so; it overrules the files.
        name: what the base is called, if not by its path.
    """
    look = _look_at_folder if path.is_dir() else _look_at_file
    try:
        return look(path, prediction, name or path.name)
    except OSError as error:
        raise StudioError(
            "{name} cannot be read.", "See whether you may read it.", name=name or path.name
        ) from error


def _look_at_folder(folder: Path, prediction: str, name: str) -> BaseFiles:
    """Return what a folder holds. Raises StudioError if it is no whole diffusers folder."""
    if not (folder / INDEX).is_file():
        files = sorted(file.name for file in folder.glob("*.safetensors"))
        message = "There is no {index} in {name}."
        if not files:
            raise StudioError(message, NAME_A_FOLDER, index=INDEX, name=name)
        hint = "Give --base one of its files, such as {file}."
        raise StudioError(message, hint, index=INDEX, name=name, file=folder / files[0])
    index = json_object(folder / INDEX)
    if index is None:
        raise StudioError("The {index} of {name} cannot be read.", DOWNLOAD, index=INDEX, name=name)
    parts = [name for name, kind in index.items() if _holds_weights(name, kind)]
    stored = {part: _weights_of(folder, part) for part in parts}
    common = set.intersection(*map(set, stored.values())) if stored else {""}
    variants = {variant for names in stored.values() for variant in names}
    variant = HALF if "" not in (common or variants) else ""
    if any(variant not in names for names in stored.values()):
        lacking = ", ".join(sorted(part for part, names in stored.items() if variant not in names))
        raise StudioError(
            "{name} is incomplete: the weights of {parts} are missing.",
            DOWNLOAD,
            name=name,
            parts=lacking,
        )
    read, made = (json_object(folder / part / "config.json") or {} for part in ("unet", "vae"))
    _check_channels(name, read.get("in_channels"), made.get("latent_channels"))
    chosen = {part: names[variant] for part, names in stored.items()}
    precisions = {part: _precision_of(files[0]) for part, files in chosen.items()}
    return BaseFiles(
        folder,
        name,
        index,
        precisions=precisions,
        bytes=sum(file.stat().st_size for files in chosen.values() for file in files),
        card_bytes=sum(HALF_BYTES * _numbers_in(file) for files in chosen.values() for file in files),
        variant=variant,
        prediction=prediction,
    )


def json_object(file: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, None where there is none that can be read."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _check_channels(name: str, read: object, made: object) -> None:
    """Raise StudioError for a U-Net that reads more than the latents of one picture."""
    if not isinstance(read, int) or not isinstance(made, int) or read == made:
        return
    changes = (
        "{name} is a model that changes given pictures: it reads {count} channels where others read {usual}."
    )
    inpaints = "{name} is an inpainting model: it reads {count} channels where others read {usual}."
    hint = "Choose the model that it was made from: concepts are learned on one that paints from noise."
    message = inpaints if read == 2 * made + 1 else changes
    raise StudioError(message, hint, name=name, count=read, usual=made)


def _holds_weights(name: str, kind: object) -> bool:
    """Return whether an entry of an index names a network that painting needs.

    An entry is a pair of a library and a class.
    """
    if not (isinstance(kind, list) and len(kind) == 2 and isinstance(kind[1], str)):
        return False
    return not name.startswith(NO_NETWORKS)


def _weights_of(folder: Path, part: str) -> dict[str, list[Path]]:
    """Return the files of weights for every variant in which a part is stored whole.

    Raises StudioError when there are none, or none but pickles.
    """
    if found := whole_variants(folder / part):
        return found
    files = list((folder / part).glob("*"))
    if any(file.suffix in PICKLES for file in files) and not any(file.suffix == SAFE for file in files):
        raise _is_pickle(f"{folder.name}/{part}")
    raise StudioError(
        "{name} is incomplete: the weights of {part} are missing.", DOWNLOAD, name=folder.name, part=part
    )


def _precision_of(file: Path) -> str:
    """Return the precision in which a file of weights is stored."""
    with _opened(file) as tensors:
        return _widest({tensors.get_slice(key).get_dtype() for key in tensors.keys()})  # noqa: SIM118


def _numbers_in(file: Path) -> int:
    """Return how many numbers a file of weights has."""
    with _opened(file) as tensors:
        return sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118


def _look_at_file(path: Path, prediction: str, name: str) -> BaseFiles:
    """Return what a single file holds. Raises StudioError if it is no checkpoint of a whole base model."""
    with path.open("rb") as file:
        start = file.read(2)
    if path.suffix in PICKLES or start == b"PK" or start[:1] == b"\x80":
        raise _is_pickle(path.name)
    with _opened(path) as tensors:
        slices = {key: tensors.get_slice(key) for key in tensors.keys()}  # noqa: SIM118
        shapes = {key: tuple(one.get_shape()) for key, one in slices.items()}
        stored = {one.get_dtype() for key, one in slices.items() if key not in MARKS}
        metadata = tensors.metadata() or {}
    other = kind_of_other_file(shapes, metadata)
    if other is not None:
        raise StudioError("{file} is {kind}, not a base model.", other.hint, file=path.name, kind=other.kind)
    first = shapes.get(FIRST_LAYER, ())
    _check_channels(name, first[1] if len(first) == 4 else None, LATENT_CHANNELS)
    said = str(metadata.get("modelspec.prediction_type", "")).lower()
    marked = "v_prediction" if "v_pred" in shapes else PREDICTIONS.get(said, "")
    return BaseFiles(
        path,
        name,
        shapes=shapes,
        precisions={"": _widest(stored)},
        bytes=path.stat().st_size,
        card_bytes=HALF_BYTES * sum(map(math.prod, shapes.values())),
        prediction=prediction or marked,
        is_zero_snr="ztsnr" in shapes,
    )


def _widest(stored: set[str]) -> str:
    """Return the widest precision of those that a file stores; whole numbers and the like do not count."""
    return max((name for name in stored if name in BITS), key=BITS.__getitem__, default="F32")


def _opened(path: Path) -> Any:
    """Open a safetensors file to read its names. Raises StudioError when it is damaged."""
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError, ValueError) as error:
        raise StudioError(
            "{file} is damaged, was cut short, or is no safetensors file.", DOWNLOAD, file=path.name
        ) from error


def _is_pickle(name: str) -> StudioError:
    """Return the error for weights in a format that can run code."""
    hint = "Look for the same model as safetensors, or convert it with a program that you trust."
    return StudioError(
        "{name} holds pickled weights, which could run code and are never opened.", hint, name=name
    )
