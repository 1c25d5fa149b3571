"""What another program's concept file holds, read from names and shapes; no weight is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studio.bases.base_files import PICKLES
from studio.bases.other_files import kind_of_other_file
from studio.concepts.tensor_table import TableError, read_table
from studio.errors import StudioError
from studio.limits import MAX_SHORT_LETTERS
from studio.words import tr

DOWN, UP, ALPHA, MID = "down", "up", "alpha", "mid"
ENDINGS = {  # of tensor names, the longer first: what the tensor is for its layer
    ".lora_linear_layer.down.weight": DOWN,
    ".lora_linear_layer.up.weight": UP,
    ".lora_A.default.weight": DOWN,
    ".lora_B.default.weight": UP,
    ".lora_down.weight": DOWN,
    ".lora_up.weight": UP,
    ".lora_mid.weight": MID,
    ".lora.down.weight": DOWN,
    ".lora.up.weight": UP,
    ".lora_A.weight": DOWN,
    ".lora_B.weight": UP,
    ".down.weight": DOWN,
    ".up.weight": UP,
    ".alpha": ALPHA,
}
OTHER_KINDS = {  # a part of a tensor's name, with the kind of file that it belongs to
    "dora_scale": tr("a DoRA"),
    "lora_magnitude_vector": tr("a DoRA"),
    ".hada_": tr("a LoHa"),
    ".lokr_": tr("a LoKr"),
    ".oft_": tr("an OFT adapter"),
    ".boft_": tr("a BOFT adapter"),
    "glora_": tr("a GLoRA"),
}
WORD, PAIR = "emb_params", ("clip_l", "clip_g")
INSTEAD = "Import an ordinary LoRA; some programs can turn this into one."
PREFIXES = ("base_model.model.",)  # before names that a library wrote without removing its own


@dataclass(frozen=True)
class ForeignFile:
    """A concept of another program.

    Args:
        words: names of tensors that are vectors of one word: one, or those of two text encoders.
        layers: by the name of a layer, the name of each of its tensors (`DOWN`, `UP`, `ALPHA`, `MID`).
        shapes: of every tensor, by its name.
        unknown: names of tensors that belong to nothing known.
        metadata: that of the file.
    """

    path: Path
    words: tuple[str, ...] = ()
    layers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return what it is in words."""
        return tr("an embedding" if self.words else "a LoRA")

    @property
    def trigger(self) -> str:
        """Return the words that the file says it answers to; empty when it does not say."""
        phrase = self.metadata.get("modelspec.trigger_phrase", "")
        if phrase:
            return phrase[:MAX_SHORT_LETTERS]
        try:
            folders = json.loads(self.metadata.get("ss_tag_frequency", ""))
            tags = [(count, tag) for folder in folders.values() for tag, count in folder.items()]
            return str(max(tags)[1]).strip()[:MAX_SHORT_LETTERS]
        except (ValueError, AttributeError, TypeError, RecursionError):
            return ""

    @property
    def base(self) -> str:
        """Return what the file calls the checkpoint that it was made on; empty when it does not say."""
        named = self.metadata.get("ss_sd_model_name") or self.metadata.get("base") or ""
        return Path(named.replace("\\", "/")).name[:MAX_SHORT_LETTERS]


def look_at(path: Path) -> ForeignFile:
    """Return what a file of another program holds. Raises StudioError, with what it is, for anything else."""
    shapes, metadata = _table(path)
    if "likeness" in metadata:
        raise StudioError("{file} is a concept of Likeness.", "Import it as such.", file=path.name)
    for part, kind in OTHER_KINDS.items():
        if any(part in name for name in shapes):
            raise StudioError(
                "{file} is {kind}, which Likeness cannot use yet.", INSTEAD, file=path.name, kind=kind
            )
    words = _words(shapes)
    if any(len(shapes[name]) not in (1, 2) or 0 in shapes[name] for name in words):
        raise StudioError("{file} holds no vectors of a word.", "Choose another file.", file=path.name)
    if words:
        return ForeignFile(path, words, shapes=shapes, metadata=metadata)
    layers: dict[str, dict[str, str]] = {}
    unknown: list[str] = []
    for name in shapes:
        layer, part = _split(name)
        if part:
            layers.setdefault(layer, {})[part] = name
        else:
            unknown.append(name)
    whole = {layer: parts for layer, parts in layers.items() if {DOWN, UP} <= set(parts)}
    for layer in layers.keys() - whole.keys():
        unknown += layers[layer].values()
    if whole:
        return ForeignFile(path, (), whole, shapes, tuple(sorted(unknown)), metadata)
    other = kind_of_other_file(shapes, metadata)
    what = other.kind if other else tr("a whole checkpoint")
    hint = "Choose an embedding, a LoRA, or a concept of Likeness."
    raise StudioError("{file} is {kind}, not a concept.", hint, file=path.name, kind=what)


def _table(path: Path) -> tuple[dict[str, tuple[int, ...]], Mapping[str, str]]:
    """Return the shape of every tensor of a file and its metadata. Raises StudioError for a damaged file."""
    try:
        table, _ = read_table(path)
    except TableError as error:
        if error.is_over:
            hint = "Choose an embedding or a LoRA."
            message = "{file} is not imported: {reason}."
            raise StudioError(message, hint, file=path.name, reason=error.reason) from error
        if error.is_pickle or path.suffix.lower() in PICKLES:
            hint = "Such files can run code. Ask for it as .safetensors."
            raise StudioError("{file} is a pickle, which is not opened.", hint, file=path.name) from error
        hint = "Download it again, or choose a .safetensors file."
        message = "{file} is damaged, cut short, or no safetensors file."
        raise StudioError(message, hint, file=path.name) from error
    metadata = table.pop("__metadata__", {})
    return {name: tuple(entry["shape"]) for name, entry in table.items()}, metadata


def _words(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Return the names of the tensors of a word if the file is nothing else."""
    if set(shapes) == set(PAIR):
        return PAIR
    is_word = len(shapes) == 1 and all(len(shape) in (1, 2) for shape in shapes.values())
    return tuple(shapes) if is_word and not _split(next(iter(shapes)))[1] else ()


def _split(name: str) -> tuple[str, str]:
    """Return the layer that a tensor belongs to and what it is for it; empty for an unknown name."""
    for ending, part in ENDINGS.items():
        if name.endswith(ending):
            layer = name.removesuffix(ending)
            for prefix in PREFIXES:
                layer = layer.removeprefix(prefix)
            return layer, part
    return name, ""
