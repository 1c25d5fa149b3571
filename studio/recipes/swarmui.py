"""The recipe that SwarmUI writes into its pictures: a JSON object with a table of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.recipes.foreign_settings import ForeignSettings, as_number, is_number
from studio.recipes.recipe import Recipe

PARAMS = "sui_image_params"  # the table, whose names are those of the page in small letters without spaces
EXTRA = "sui_extra_data"  # what else is known of the picture, such as its prompt before wildcards were drawn


def from_swarmui(said: Mapping[str, Any]) -> tuple[Recipe, list[str]]:
    """Return the recipe in a JSON object of SwarmUI, and sentences about it: see `from_parameters`."""
    rest = dict(said)
    params, extra = (_table(rest.pop(name, None)) for name in (PARAMS, EXTRA))
    values = {**params, **{name: value for name, value in (extra | rest).items() if name not in params}}
    version = values.pop("swarm_version", "")
    if "width" in values and "height" in values:
        values.pop("aspectratio", None)  # which says the same
    if is_number(layer := values.get("clipstopatlayer")):  # -1 is the last
        values["clipstopatlayer"] = abs(as_number(layer))
    settings = ForeignSettings(f"SwarmUI {version}" if isinstance(version, str) else "SwarmUI", values)
    # early versions say in the name which program they sampled with
    names = [name if name in settings else f"comfyui{name}" for name in ("sampler", "scheduler")]
    width, height = settings.size(settings.take("width"), settings.take("height"))
    recipe = Recipe(
        prompt=settings.text("prompt"),
        negative=settings.text("negativeprompt"),
        seed=settings.seed("seed"),
        steps=settings.steps("steps"),
        guidance=settings.guidance("cfgscale"),
        width=width,
        height=height,
        sampler=settings.sampler(*names),
        clip_skip=settings.clip_skip("clipstopatlayer"),
        composing="sum",
        base=settings.text("model"),
    )
    return recipe, settings.notes()


def _table(values: Any) -> dict[str, Any]:
    """Return a table of names and values, an empty one for anything else."""
    return values if isinstance(values, dict) else {}
