"""Generators of what strangers send: files and texts that are nearly right, damaged, or absurd."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.concepts.test_header import METADATA_KEY, TENSOR, VALUES

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F")
HANDLES = ("<lily>", "<tom>", "<Lily>", "lily", "<../a>", "<>", "< a >", "<" + "a" * 40 + ">")
RECIPE = {"prompt": "<lily> on blue", "seed": 7, "steps": 2, "guidance": 4.0, "composing": "sum"}
PARTS = (
    *(
        "a dog",
        "\n",
        "Negative prompt: ",
        "Steps: ",
        "\nSteps:",
        "20",
        ", ",
        "Seed: ",
        "-1",
        "CFG scale: ",
        "5,5",
        "Model: ",
    ),
    *('"', "\\", "{", "}", "[", "]", "<lily>", "(a:1.3)", "Refinements: ", "Regions: ", "lily=0,0,1,1"),
)
AXIS = {"name": "guidance", "values": [2.0, 4.0], "note": ""}
GRID = {"base": RECIPE, "x": AXIS, "y": {"name": "", "values": [""]}, "cells": [RECIPE, RECIPE]}

any_text = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(
    [
        "",
        " ",
        "\0",
        "..",
        "../../etc/passwd",
        "C:\\a",
        "a/b",
        "\ud800",
        "nan",
        "1e999",
        "-1",
        "<script>",
        "x" * 3000,
    ]
)
numbers = (
    st.integers(-(10**30), 10**30)
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**63, 10**9, 1e308, 1e-308])
)
scalars = st.none() | st.booleans() | numbers | any_text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return a file as it is, cut short, longer, or with some of its bytes changed."""
    kind = draw(st.sampled_from(["whole", "whole", "cut", "longer", "changed", "changed"]))
    if kind == "cut":
        return content[: draw(st.integers(0, len(content)))]
    if kind == "longer":
        return content + draw(st.binary(max_size=64))
    if kind == "changed":
        changed = bytearray(content)
        for place, value in draw(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8)):
            changed[int(place * len(changed))] = value
        return bytes(changed)
    return content


@st.composite
def changed_values(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Return a table with fields left out, added, or with other values, at any depth."""
    result = dict(whole)
    for name in draw(st.lists(st.sampled_from(sorted(whole)), max_size=2)):
        match draw(st.sampled_from(["other", "out", "inner"])):
            case "out":
                result.pop(name, None)
            case "inner" if isinstance(whole[name], dict) and whole[name]:
                result[name] = draw(changed_values(whole[name]))
            case _:
                result[name] = draw(values)
    if draw(st.booleans()):
        result |= draw(st.dictionaries(any_text | st.sampled_from(HANDLES), values, max_size=2))
    return result


def as_json(value: Any) -> str:
    """Return values as the JSON that Python writes, with NaN and all."""
    return json.dumps(value)


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """Return a picture in any mode and format, perhaps turned, profiled or damaged."""
    width, height = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    mode, format = draw(st.sampled_from(MODES)), draw(st.sampled_from(FORMATS))
    noise = np.random.default_rng(draw(st.integers(0, 99))).integers(
        0, 256, (height, width, 3), dtype=np.uint8
    )
    picture = Image.fromarray(noise // draw(st.sampled_from([1, 1, 2, 64, 255])))
    grey = picture.convert("L")
    picture = (
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        if mode == "I;16"
        else (grey if mode in ("1", "F", "LA") else picture).convert(mode)
    )
    exif = Image.Exif()
    exif[0x0112] = draw(st.integers(0, 9))
    options = {"exif": exif} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        options["icc_profile"] = draw(st.binary(min_size=1, max_size=200))
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format, **options)
    except (OSError, ValueError, KeyError):  # a mode that the format does not have
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "PNG")
    return draw(damaged(buffer.getvalue()))


@st.composite
def concept_files(draw: st.DrawFn) -> bytes:
    """Return a concept file with something wrong in its header, its table or its bytes."""
    header = draw(changed_values(VALUES))
    text = draw(st.just(as_json(header)) | any_text | st.just("[" * 990))
    ((name, entry),) = TENSOR.items()
    table = {
        "__metadata__": {METADATA_KEY: text},
        name: draw(changed_values(entry)) if draw(st.booleans()) else entry,
    }
    absurd = st.sampled_from(["null", "true", "5", "[]", '{"__metadata__": null}']) | values.map(as_json)
    written = draw(st.just(as_json(table)) | absurd)
    head = written.encode("utf-8", "surrogatepass")
    return draw(damaged(struct.pack("<Q", len(head)) + head + bytes(draw(st.sampled_from([8, 8, 0, 9])))))


@st.composite
def parameters(draw: st.DrawFn) -> str:
    """Return a text like those of other programs."""
    parts = st.sampled_from(PARTS)
    texts = draw(st.lists(parts | any_text, max_size=20))
    ends = ["", "\nSteps: 20, Seed: 3", "\nSteps: 20, CFG scale: 7", "\nSteps:20, Seed: 3"]
    return "".join(texts) + draw(st.sampled_from(ends))


@st.composite
def recipe_pictures(draw: st.DrawFn) -> bytes:
    """Return a PNG with a recipe inside, ours or another program's."""
    info = PngInfo()
    if draw(st.booleans()):
        info.add_text("likeness", as_json(draw(changed_values(RECIPE))))
    else:
        info.add_itxt("parameters", draw(parameters()).encode("utf-8", "replace").decode())
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return draw(damaged(buffer.getvalue()))


file_names = st.text(
    st.characters(codec=None, exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in (".", ".."))
names = any_text | st.sampled_from(HANDLES) | file_names
fields = st.sampled_from(["int", "float", "bool", "choice", "text"])
rows = st.dictionaries(
    st.sampled_from(
        ["kind", "title", "task", "status", "stop_request", "error", "outcome", "created", "finished"]
    ),
    st.binary(max_size=20)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | any_text.map(lambda text: text.encode("utf-8", "replace").decode())
    | st.sampled_from(["train", "create", "grid", "queued", "running", "done", "failed"])
    | st.one_of(changed_values(RECIPE), changed_values({"handle": "<a>", "noun": "cat", "photos": 3})).map(
        as_json
    ),
    min_size=1,
    max_size=4,
)
lines = st.one_of(
    any_text,
    changed_values({"event": "step", "time": 0.0, "step": 1, "steps": 2, "values": {"loss": 0.5}}).map(
        as_json
    ),
    changed_values({"event": "preview", "file": "a.png", "step": 1, "prompt": "a"}).map(as_json),
)
grids = changed_values(GRID).map(as_json)
