"""The recipe that Fooocus writes into its pictures in a scheme of its own: one JSON object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from studio.recipes.foreign_settings import ForeignSettings
from studio.recipes.recipe import Recipe
from studio.words import tr

RESOLUTION = re.compile(r"\s*[(\[]?\s*(\d{1,6})\s*[,x×]\s*(\d{1,6})\s*[)\]]?\s*")


def from_fooocus(values: Mapping[str, Any]) -> tuple[Recipe, list[str]]:
    """Return the recipe in a JSON object of Fooocus, and sentences about it: see `from_parameters`.

    Its prompt is the one that was typed; what the program added by its styles is listed. An object that only
    has some of the same names is read in the same way, and called one of a program that is not known.
    """
    values = dict(values)
    program = tr("a program that is not known")
    if is_of_fooocus(values):
        version = values.pop("version", "")
        program = version if _is_fooocus(version) else "Fooocus"
        values.pop("metadata_scheme", None)
    settings = ForeignSettings(program, values)
    width, height = settings.size(*_sides(settings.take("resolution")))
    recipe = Recipe(
        prompt=settings.text("prompt"),
        negative=settings.text("negative_prompt"),
        seed=settings.seed("seed"),
        steps=settings.steps("steps"),
        guidance=settings.guidance("guidance_scale"),
        width=width,
        height=height,
        sampler=settings.sampler("sampler", "scheduler"),
        clip_skip=settings.clip_skip("clip_skip"),
        composing="sum",
        base=settings.text("base_model"),
        base_hash=settings.file_hash("base_model_hash"),
    )
    return recipe, settings.notes()


def is_of_fooocus(values: Mapping[str, Any]) -> bool:
    """Return whether Fooocus wrote this JSON object: it says so in two places."""
    return values.get("metadata_scheme") == "fooocus" or _is_fooocus(values.get("version"))


def _is_fooocus(version: Any) -> bool:
    return isinstance(version, str) and version.startswith("Fooocus")


def _sides(resolution: Any) -> tuple[Any, Any]:
    """Return width and height of "(896, 1152)" or [896, 1152]; empty where nothing is said."""
    if isinstance(resolution, list) and len(resolution) == 2:
        return resolution[0], resolution[1]
    match = RESOLUTION.fullmatch(resolution[:40]) if isinstance(resolution, str) else None
    if match:
        return match[1], match[2]
    return (resolution, "?") if resolution else ("", "")
