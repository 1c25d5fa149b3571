"""The `parameters` text that AUTOMATIC1111 and its kin write into their pictures.

    a dog on a red background
    Negative prompt: blurry
    Steps: 12, Sampler: Euler a, CFG scale: 5.5, Seed: 77

Prompts may have several lines, and extensions add lines below the settings. Forge, SD.Next and Fooocus write
it too, each with settings of its own. Reading takes time in proportion to the length of the text.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from studio.documents import DocumentError
from studio.limits import MAX_PARAMETERS_LETTERS
from studio.recipes.foreign_settings import ForeignSettings, is_number, shown
from studio.recipes.recipe import (
    OLD_REFINEMENTS,
    Recipe,
    read_regions,
    write_regions,
)
from studio.recipes.settings_line import NAME, as_value, settings_and_rest
from studio.recipes.settings_text import read_refinements, write_refinements
from studio.words import tr

NEGATIVE = "Negative prompt:"
SETTINGS = re.compile("Steps:(?: |$)")  # the line of settings begins so, as `NAME` reads it
OURS = "Likeness"
SIZE = re.compile(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*")
FORGE_VERSION = re.compile(r"f\d")
FORGE_ONLY = ("Distilled CFG Scale", "Diffusion in Low Bits", "Module 1")  # names of its settings


def parameters(recipe: Recipe) -> str:
    """Return the `parameters` text of a recipe.

    `Model hash` is there for a checkpoint in one file. `TI hashes` and `Lora hashes` are left out: by them
    A1111 looks for the very files of its own folders, and a concept's file is none of them. What `export`
    writes of one for A1111 is another file each time, with the date inside, so that no hash of it is true.
    """
    lines = [recipe.prompt]
    if recipe.negative:
        lines.append(f"{NEGATIVE} {recipe.negative}")
    rest = {
        "Steps": recipe.steps,
        "Sampler": recipe.sampler,
        "CFG scale": recipe.guidance,
        "Seed": recipe.seed,
    }
    if recipe.width and recipe.height:
        rest["Size"] = f"{recipe.width}x{recipe.height}"
    if recipe.base_hash:
        rest["Model hash"] = recipe.base_hash
    rest["Model"] = as_value(recipe.base)
    if recipe.clip_skip != Recipe.clip_skip:
        rest["Clip skip"] = recipe.clip_skip
    if recipe.guidance_rescale:
        rest["CFG rescale"] = recipe.guidance_rescale
    if recipe.refinements:
        rest["Refinements"] = json.dumps(write_refinements(recipe.refinements))
    if recipe.mode != "sum":
        rest["Composing"] = recipe.composing
    if recipe.mode == "regions" and recipe.regions:
        rest["Regions"] = json.dumps(write_regions(recipe.regions))
    rest["Version"] = _our_version()
    return "\n".join([*lines, ", ".join(f"{name}: {value}" for name, value in rest.items())])


def from_parameters(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in a `parameters` text, and sentences about it.

    They say which program painted it, what cannot be the same here, and what was not used.

    Raises DocumentError when the text is none, StudioError for regions or refinements that cannot be read.
    """
    if len(text) > MAX_PARAMETERS_LETTERS:
        raise DocumentError(
            "The recipe",
            "it has more than {most} letters",
            most=MAX_PARAMETERS_LETTERS,
        )
    lines = text.replace("\r\n", "\n").strip().split("\n")
    starts = [number for number, line in enumerate(lines) if SETTINGS.match(line)]
    if not starts:
        raise DocumentError("The recipe", "it has no line of settings")
    last = max(starts, key=lambda number: (NAME.search(lines[number], len("Steps:")) is not None, number))
    values, rest = settings_and_rest("\n".join(lines[last:]))
    prompt, negative = _prompts(lines[:last])
    if not prompt and not negative:
        raise DocumentError("The recipe", "it has no prompt")
    if not is_number(values["Steps"]):
        raise DocumentError("The recipe", "its steps, {given!r}, are no number", given=shown(values["Steps"]))
    again = {
        tr("{name} (again)", name=name) if name in values else name: value for name, value in rest.items()
    }
    settings = ForeignSettings(_program(values), values | again)
    settings.take("Version")
    if _are_called(values.get("Lora hashes", ""), prompt + negative):
        settings.take("Lora hashes")
    width, height = _size(settings)
    recipe = Recipe(
        prompt=prompt,
        negative=negative,
        seed=settings.seed("Seed"),
        steps=settings.steps("Steps"),
        guidance=settings.guidance("CFG scale"),
        width=width,
        height=height,
        sampler=settings.sampler("Sampler", "Schedule type"),
        clip_skip=settings.clip_skip("Clip skip"),
        guidance_rescale=settings.number(tr("rescale"), 0.0, 0.0, 1.0, "CFG rescale")
        if "CFG rescale" in settings
        else 0.0,
        refinements=_refinements(settings),
        composing=settings.take("Composing") or "sum",
        regions=read_regions(settings.take("Regions")),
        base=settings.take("Model", "Base model"),
        base_hash=settings.file_hash("Model hash"),
    )
    return recipe, settings.notes()


@functools.cache
def _our_version() -> str:
    """Return the name of this program, with its version where it is installed."""
    try:
        return f"{OURS} {version(OURS.lower())}"
    except PackageNotFoundError:
        return OURS


def _program(values: Mapping[str, str]) -> str:
    """Return the program that wrote these settings, with its version; empty for ours."""
    said, app = values.get("Version", ""), values.get("App", "")
    if said.startswith(OURS):
        return ""
    if "SD.Next" in app or "Parser" in values:
        name = "SD.Next"
    elif said.startswith(("Fooocus", "ComfyUI")):
        return said
    elif FORGE_VERSION.match(said) or any(one in values for one in FORGE_ONLY):
        name = "Forge"
    elif said.startswith("v"):
        name = "AUTOMATIC1111"
    else:
        name = tr("AUTOMATIC1111 or a program of its kind")
    return f"{name} {said}".strip()


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Return the prompt and the negative prompt that stand above the settings."""
    for number, line in enumerate(lines):
        if line.startswith(NEGATIVE):
            negative = [line[len(NEGATIVE) :], *lines[number + 1 :]]
            return "\n".join(lines[:number]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _size(settings: ForeignSettings) -> tuple[int, int]:
    """Return the width and height of "512x768", 0 where they are not said or not possible here."""
    said = settings.take("Size")
    match = SIZE.fullmatch(said)
    return settings.size(match[1], match[2]) if match else settings.size(said, "?" if said else "")


def _are_called(hashes: str, prompts: str) -> bool:
    """Return whether the prompts call every LoRA of "ink: 3a5f, fog: 77b0"; what calls mean is said there."""
    names = [pair.rpartition(":")[0].strip() for pair in hashes.split(",")]
    return all(f"<lora:{name}:" in prompts for name in names)


def _refinements(settings: ForeignSettings) -> dict[str, Any]:
    """Return the refinements that `parameters` wrote, also under the names of earlier versions."""
    old = {
        name: settings.take(name.capitalize()) for name in OLD_REFINEMENTS if name.capitalize() in settings
    }
    values = {OLD_REFINEMENTS[name]: int(value) for name, value in old.items()}
    return values | read_refinements(settings.take("Refinements"))
