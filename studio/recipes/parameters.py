"""The `parameters` text that AUTOMATIC1111 and its kin write into their pictures.

    a dog on a red background
    Negative prompt: blurry
    Steps: 12, Sampler: Euler a, CFG scale: 5.5, Seed: 77

Prompts may have several lines. A value of the last line may be quoted, or JSON, or hold commas; lines that
other programs add after it are ignored. Reading takes time in proportion to the length of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from studio.limits import MAX_PARAMETERS_LETTERS, MAX_SEED, MAX_SIDE
from studio.recipes.recipe import (
    OLD_REFINEMENTS,
    SAMPLERS,
    Recipe,
    read_refinements,
    read_regions,
    write_refinements,
    write_regions,
)

NEGATIVE = "Negative prompt:"
SETTINGS = "Steps:"  # the line of settings begins so
NAME = re.compile(r"[ \t]{0,4}([A-Za-z][A-Za-z0-9 _/()-]{0,40}):(?: |$)", re.MULTILINE)
MARKS = re.compile(r'["\[\]{}\\\n,]')  # the letters at which the end of a value is decided
ELSEWHERE = {  # what other programs understand in a prompt, and what becomes of it here
    re.compile(r"<(?:lora|lyco|hypernet):[^<>\n]{1,200}>", re.IGNORECASE): (
        "{} calls a file of another program; here it is read as words. Import the file, or delete this."
    ),
    re.compile(r"[([][^()\[\]\n]{0,200}:[0-9.]{1,8}[)\]]|\(\([^()\n]{0,200}\)\)"): (
        "{} gives words a weight; here the signs are read as words. Delete them."
    ),
    re.compile(
        r"\b(?:BREAK|AND)\b"
    ): "{} divides the prompt elsewhere; here it is read as a word. Delete it.",
}


def parameters(recipe: Recipe) -> str:
    """Return the `parameters` text of a recipe."""
    lines = [recipe.prompt]
    if recipe.negative:
        lines.append(f"{NEGATIVE} {recipe.negative}")
    rest = {
        "Steps": recipe.steps,
        "Sampler": recipe.sampler,
        "CFG scale": recipe.guidance,
        "Seed": recipe.seed,
        "Model": _value(recipe.base),
    }
    if recipe.width and recipe.height:
        rest["Size"] = f"{recipe.width}x{recipe.height}"
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
    return "\n".join([*lines, ", ".join(f"{name}: {value}" for name, value in rest.items())])


def from_parameters(text: str) -> tuple[Recipe, list[str]]:
    """Return the recipe in a `parameters` text, and sentences about what cannot be the same here.

    Its noise is drawn otherwise, so the picture will be another one. A seed too large for us is taken modulo
    our range, and of a sampler that is not ours the default takes the place.

    Raises ValueError when the text is none, StudioError for regions or refinements that cannot be read.
    """
    if len(text) > MAX_PARAMETERS_LETTERS:
        raise ValueError("too long")
    lines = text.replace("\r\n", "\n").strip().split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith(SETTINGS)]
    if not starts:
        raise ValueError("no parameters")
    last = max(starts, key=lambda number: (NAME.search(lines[number], len(SETTINGS)) is not None, number))
    settings = read_settings("\n".join(lines[last:]))
    prompt, negative = _prompts(lines[:last])
    if not prompt and not negative:
        raise ValueError("no prompt")
    seed, notes = _seed(settings.get("Seed", ""))
    sampler, sampler_notes = _sampler(settings)
    width, height, size_notes = _size(settings.get("Size", ""))
    notes += sampler_notes + size_notes
    recipe = Recipe(
        prompt=prompt,
        negative=negative,
        seed=seed,
        steps=int(settings["Steps"]),
        guidance=_number(settings.get("CFG scale", str(Recipe.guidance))),
        width=width,
        height=height,
        sampler=sampler,
        clip_skip=int(settings.get("Clip skip", str(Recipe.clip_skip))),
        guidance_rescale=_number(settings.get("CFG rescale", "0")),
        refinements=_refinements(settings),
        composing=settings.get("Composing", "sum"),
        regions=read_regions(settings.get("Regions", "")),
        base=settings.get("Model", ""),
    )
    return recipe, notes + foreign_words(f"{prompt}\n{negative}")


def read_settings(text: str) -> dict[str, str]:
    """Return the values by name of a text such as "Steps: 12, CFG scale: 5.5, Seed: 77".

    Of two values with one name the first counts. The text ends at the end of a line, outside of quotes and
    JSON.
    """
    settings: dict[str, str] = {}
    position = 0
    while match := NAME.match(text, position):
        end = _end_of_value(text, match.end())
        value = text[match.end() : end].strip()
        settings.setdefault(match.group(1).strip(), _unquoted(value))
        if end >= len(text) or text[end] == "\n":
            break
        position = end + 1
    return settings


def foreign_words(prompt: str) -> list[str]:
    """Return a sentence for each thing in a prompt that other programs understand and this one does not."""
    found = ((pattern.search(prompt), words) for pattern, words in ELSEWHERE.items())
    return [words.format(match.group()[:80]) for match, words in found if match]


def _end_of_value(text: str, start: int) -> int:
    """Return where a value ends: at a comma before another name, the end of a line, or of the text.

    Commas inside of quotes and brackets, and those before no name, belong to the value.
    """
    position, depth, quoted = start, 0, False
    if text[start : start + 1] not in ('"', "[", "{"):  # only these begin what can hold names and lines
        while mark := MARKS.search(text, position):
            position = mark.end()
            if mark.group() == "\n" or (mark.group() == "," and NAME.match(text, position)):
                return mark.start()
        return len(text)
    while mark := MARKS.search(text, position):
        position, sign = mark.end(), mark.group()
        if sign == "\\" and quoted:
            position += 1
        elif sign == '"':
            quoted = not quoted
        elif not quoted and sign in "[{":
            depth += 1
        elif not quoted and sign in "]}":
            depth -= 1
        elif not quoted and depth <= 0 and (sign == "\n" or (sign == "," and NAME.match(text, position))):
            return mark.start()
    return len(text)


def _unquoted(value: str) -> str:
    """Return a value without the quotes around it."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        return value[1:-1]


def _value(text: str) -> str:
    """Return a text as a value: in quotes where it would not be read again without them."""
    is_plain = read_settings(f"A: {text}") == {"A": text} and not text.startswith(('"', "[", "{"))
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Return the prompt and the negative prompt that stand above the settings."""
    for number, line in enumerate(lines):
        if line.startswith(NEGATIVE):
            negative = [line[len(NEGATIVE) :], *lines[number + 1 :]]
            return "\n".join(lines[:number]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _seed(text: str) -> tuple[int, list[str]]:
    """Return a seed of ours, and a sentence if it is not the one of the text."""
    seed = int(text) if text else -1
    if seed < 0:  # other programs draw one, and some write down what they were asked for
        return 0, ["It does not say its seed; here it begins with 0."]
    if seed > MAX_SEED:
        return seed % (MAX_SEED + 1), [
            f"Its seed {seed} is too large here and becomes {seed % (MAX_SEED + 1)}."
        ]
    return seed, []


def _sampler(settings: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return a sampler of ours, and a sentence if it is not the one of the text.

    Newer programs write the noise levels apart: "DPM++ 2M" and "Schedule type: Karras".
    """
    name = settings.get("Sampler", "")
    kind = settings.get("Schedule type", "")
    known = {one.lower(): one for one in SAMPLERS}
    for wanted in (f"{name} {kind}".lower(), name.lower()):
        if wanted in known:
            return known[wanted], []
    return Recipe.sampler, [f"It was sampled with {name[:60]}; here it is {Recipe.sampler}."] if name else []


def _size(text: str) -> tuple[int, int, list[str]]:
    """Return the width and height of "512x768", 0 where they are not said, and a sentence if too large."""
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.strip())
    if not match:
        return 0, 0, []
    width, height = int(match[1]), int(match[2])
    if max(width, height) > MAX_SIDE:
        return 0, 0, [f"It is {text.strip()} pixels large; here it takes the size of the base."]
    return width, height, []


def _number(text: str) -> float:
    """Return a number that may have a comma for its point, as in "5,5"."""
    return float(text.replace(",", ".", 1) if "." not in text else text)


def _refinements(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the refinements that `parameters` wrote, also under the names of earlier versions."""
    old = {name: settings[name.capitalize()] for name in OLD_REFINEMENTS if name.capitalize() in settings}
    values = {OLD_REFINEMENTS[name]: int(value) for name, value in old.items()}
    return values | read_refinements(settings.get("Refinements", ""))
