"""The recipes that InvokeAI wrote into its pictures, in the three ways that it had over the years."""

from __future__ import annotations

import shlex
from typing import Any

from studio.documents import DocumentError, parse_object
from studio.limits import MAX_PARAMETERS_LETTERS
from studio.recipes.foreign_settings import ForeignSettings, is_number
from studio.recipes.recipe import Recipe

DREAM_FLAGS = {  # of the command line that the first versions wrote
    "-s": "steps",
    "-S": "seed",
    "-W": "width",
    "-H": "height",
    "-C": "cfg_scale",
    "-A": "sampler",
}


def from_metadata(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in `invokeai_metadata`, of version 3 and later: see `from_fooocus`."""
    values = parse_object(text)
    return _recipe(values, values.get("positive_prompt"), values.get("negative_prompt"))


def from_sd_metadata(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in `sd-metadata`, of version 2: see `from_fooocus`."""
    values = parse_object(text)
    image = values.pop("image", None)
    values |= image if isinstance(image, dict) else {}
    prompt = values.pop("prompt", "")
    if isinstance(prompt, list):  # of parts with weights
        parts = [part.get("prompt", "") for part in prompt if isinstance(part, dict)]
        prompt = ", ".join(part for part in parts if isinstance(part, str))
    return _recipe(values, *_without_brackets(prompt))


def from_dream(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in `dream`, the command line of the first versions: see `from_fooocus`.

    Raises DocumentError when it is none.
    """
    if len(text) > MAX_PARAMETERS_LETTERS:
        raise DocumentError(
            "The recipe",
            "it has more than {most} letters",
            most=MAX_PARAMETERS_LETTERS,
        )
    try:
        prompt, *words = shlex.split(text)
    except ValueError as error:
        raise DocumentError("The recipe", "its command line is not complete") from error
    values: dict[str, Any] = {}
    flag = ""
    for word in words:
        if word[:1] == "-" and not is_number(word):
            # "-s50" and "-s 50" are one thing
            flag, value = (word[:2], word[2:]) if word[:2] in DREAM_FLAGS else (word, "")
            values[DREAM_FLAGS.get(flag, flag)] = value
        else:
            values[DREAM_FLAGS.get(flag, flag or "words")] = word
    return _recipe(values, *_without_brackets(prompt))


def _recipe(values: dict[str, Any], prompt: Any, negative: Any) -> tuple[Recipe, list[str]]:
    """Return the recipe of values whose names are those of InvokeAI, and sentences about it."""
    version = values.pop("app_version", "")
    for name in ("positive_prompt", "negative_prompt", "app_id", "metadata_version"):
        values.pop(name, None)
    settings = ForeignSettings(f"InvokeAI {version}" if isinstance(version, str) else "InvokeAI", values)
    width, height = settings.size(settings.take("width"), settings.take("height"))
    skipped = settings.take("clip_skip")  # it counts the layers that are left out
    recipe = Recipe(
        prompt=prompt if isinstance(prompt, str) else "",
        negative=negative if isinstance(negative, str) else "",
        seed=settings.seed("seed"),
        steps=settings.steps("steps"),
        guidance=settings.guidance("cfg_scale"),
        width=width,
        height=height,
        sampler=settings.sampler("scheduler" if "scheduler" in settings else "sampler", ""),
        clip_skip=ForeignSettings("", {"skip": skipped + 1}).clip_skip("skip")
        if isinstance(skipped, int) and skipped > 0
        else Recipe.clip_skip,
        composing="sum",
        base=_model(settings.take("model", "model_weights")),
    )
    return recipe, settings.notes()


def _model(model: Any) -> str:
    """Return the name of a model, which is a text or a table that has it."""
    if isinstance(model, dict):
        model = model.get("name") or model.get("model_name")
    return model if isinstance(model, str) else ""


def _without_brackets(prompt: Any) -> tuple[str, str]:
    """Return a prompt and the negative prompt that stood in it in square brackets."""
    if not isinstance(prompt, str):
        return "", ""
    before, opens, inside = prompt.rpartition("[")
    if not opens or not inside.rstrip().endswith("]"):
        return prompt.strip(), ""
    return before.strip(), inside.rstrip()[:-1].strip()
