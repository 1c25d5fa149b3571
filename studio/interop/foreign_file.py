"""What another program's concept file holds, read from names and shapes; no weight is loaded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.bases.base_files import PICKLES
from studio.bases.other_files import kind_of_other_file
from studio.concepts.tensor_table import TableError, read_table
from studio.documents import parse_object
from studio.errors import StudioError
from studio.limits import MAX_DOCUMENT_BYTES, MAX_FOREIGN_BYTES, MAX_SHORT_LETTERS
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
    ".on_input": tr("an IA3"),
    ".a1.weight": tr("a GLoRA"),
}
WORD, PAIR = "emb_params", ("clip_l", "clip_g")
CANNOT_USE = "{file} is {kind}, which Likeness cannot use yet."
INSTEAD = "Import an ordinary LoRA; some programs can turn this into one."
OF_PEFT = "base_model.model."  # before the names of layers in a file that PEFT itself wrote
ADAPTER_CONFIG = "adapter_config.json"  # what PEFT writes beside it


@dataclass(frozen=True)
class ForeignFile:
    """A concept of another program.

    Args:
        words: names of tensors that are vectors of one word: one, or those of two text encoders.
        layers: by the name of a layer, the name of each of its tensors (`DOWN`, `UP`, `ALPHA`, `MID`).
        shapes: of every tensor, by its name.
        unknown: names of tensors that belong to nothing known.
        metadata: that of the file.
        adapter_config: what PEFT wrote beside the file; empty where it did not, or the two were parted.
    """

    path: Path
    words: tuple[str, ...] = ()
    layers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    adapter_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return what it is in words."""
        return tr("an embedding" if self.words else "a LoRA")

    @property
    def trigger(self) -> str:
        """Return the words that the file says it answers to; empty when it does not say.

        Of the tags that it was trained with that is the one of most photos; of several, the one that is in
        the name that kohya's folders have, such as `10_lily dog`. Captions that came once say nothing.
        """
        phrase = self.metadata.get("modelspec.trigger_phrase", "").strip()
        if phrase:
            return phrase[:MAX_SHORT_LETTERS]
        try:
            folders = json.loads(self.metadata.get("ss_tag_frequency", ""))
            tags = Counter[str]()
            for folder in folders.values():
                tags.update({tag.strip(): int(count) for tag, count in folder.items()})
            most = max(tags.values(), default=0)
            first = [tag for tag, count in tags.items() if count == most > 1]
            if len(first) > 1:
                named = {word for folder in folders for word in folder.partition("_")[2].split()}
                first = [tag for tag in first if tag in named]
            return first[0][:MAX_SHORT_LETTERS] if len(first) == 1 else ""
        except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
            return ""

    @property
    def lacks_strength(self) -> bool:
        """Return whether it is PEFT's own and has neither alphas nor the file beside it that says them."""
        has_alphas = any(ALPHA in parts for parts in self.layers.values())
        return _is_of_peft(self.shapes) and not has_alphas and not self.adapter_config

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
            raise StudioError(CANNOT_USE, INSTEAD, file=path.name, kind=kind)
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
        config = _adapter_config(path) if _is_of_peft(shapes) else {}
        return ForeignFile(path, (), whole, shapes, tuple(sorted(unknown)), metadata, config)
    if layers:
        hint = "Download it again."
        raise StudioError("{file} is a LoRA of which no layer is whole.", hint, file=path.name)
    if any(name.endswith((".diff", ".diff_b")) for name in shapes):
        kind = tr("the change of whole weights (LyCORIS Full)")
        raise StudioError(CANNOT_USE, INSTEAD, file=path.name, kind=kind)
    other = kind_of_other_file(shapes, metadata)
    what = other.kind if other else tr("a whole checkpoint")
    hint = "Choose an embedding, a LoRA, or a concept of Likeness."
    raise StudioError("{file} is {kind}, not a concept.", hint, file=path.name, kind=what)


def _table(path: Path) -> tuple[dict[str, tuple[int, ...]], Mapping[str, str]]:
    """Return the shape of every tensor of a file and its metadata. Raises StudioError for a damaged file."""
    try:
        table, _ = read_table(path, MAX_FOREIGN_BYTES)
    except TableError as error:
        if error.is_over:
            hint = "Choose an embedding or a LoRA, of a lower rank if it is one."
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


def _is_of_peft(names: Iterable[str]) -> bool:
    """Return whether PEFT itself wrote a file with tensors of these names."""
    return any(name.startswith(OF_PEFT) for name in names)


def _adapter_config(path: Path) -> Mapping[str, Any]:
    """Return what PEFT wrote beside a file; empty where there is nothing that can be read."""
    try:
        with path.with_name(ADAPTER_CONFIG).open("rb") as file:
            return parse_object(file.read(MAX_DOCUMENT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}


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
            return layer.removeprefix(OF_PEFT), part
    return name, ""
