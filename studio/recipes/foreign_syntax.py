"""What prompts of other programs say by signs: what of it means something here, and a sentence for the rest.

`<lily:0.8>`, `<lora:lily:0.8>` and ComfyUI's `(embedding:lily:0.8)` are the concept <lily> at that strength,
where there is one. Weights such as `(word:1.3)`, or InvokeAI's `word++`, BREAK and AND mean nothing here: a
text encoder reads them as words like any other.

`(word)` is a weight of 1.1 elsewhere, but also how people write an aside: "my dog (the brown one) at sea".
It gets a note only where it stands alone between commas, as in "(masterpiece), a dog": so it is written in
lists of tags, and hardly ever in a sentence. `word++` and `word--` get one where the word has more letters
than that of C++, and where no word follows at once, as it does after a dash.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable

from studio.errors import StudioError
from studio.handles import HANDLE, handles_in, to_handle
from studio.limits import MAX_STRENGTH
from studio.recipes.foreign_settings import as_number, is_number
from studio.recipes.recipe import Recipe
from studio.words import marked, tr

# a call such as <lora:lily:0.8>, <lily:0.8> or <lora:lily:0.8:0.5>: its kind, its name, and what follows
KIND = "((?:lora|lyco|hypernet|embed|embedding):)"
CALL = re.compile(rf" ?<{KIND}?([^\s<>:][^<>:\n]{{0,80}})(:[^<>\n]{{0,300}})?>", re.IGNORECASE)
# an embedding of ComfyUI, whose strength is that of the brackets around it
EMBEDDING = r"(embedding:)([\w./\\-]{0,80}\w)"
NUMBER = r"(:-?\d{0,2}\.?\d{1,6})"
CALLS = (
    CALL,
    re.compile(rf"\({EMBEDDING}{NUMBER}\)", re.IGNORECASE),
    re.compile(rf"(?<![\w:<]){EMBEDDING}{NUMBER}?", re.IGNORECASE),
)
ENDING = re.compile(r"\.(?:safetensors|pt|bin)$", re.IGNORECASE)  # of a file
ESCAPED = re.compile(r"\\[()\[\]]")  # a bracket that is meant as one
IN_SQUARES = r"\[[^\[\]\n]{0,200}"
WEIGHTS = marked("Likeness reads {sign} as plain words; weights have no effect.")
TURNS = marked("Likeness reads {sign} as plain words; words do not take turns.")
DIVIDERS = marked("Likeness reads {sign} as plain words; it divides nothing.")
SIGNS = {  # by pattern, what is said of it
    re.compile(r"\([^()\[\]\n]{0,200}:[0-9.]{1,8}\)|:[0-9.]{1,8}\)"): WEIGHTS,
    re.compile(r"(?:\([^()\n]{0,200})?\)(?:[0-9]?\.[0-9]{1,3}|\+{1,8}|-{2,8})(?![\w+-])"): WEIGHTS,
    re.compile(r"(?:\b\w{1,60}[^\W\d_]|<[\w-]{1,31}>)(?:\+{2,8}|-{2,8})(?![\w+-])"): WEIGHTS,
    re.compile(r"\(\([^()\n]{0,200}\)\)"): WEIGHTS,
    re.compile(r"(?:^|(?<=[,\n]))[ \t]{0,8}\([^()\[\]:\n]{1,200}\)(?=[ \t]{0,8}(?:[,\n]|$))"): WEIGHTS,
    re.compile(rf"{IN_SQUARES}[:|][^\[\]\n]{{0,200}}\]"): TURNS,
    re.compile(r"\[[^\[\]:|\n]{1,200}\]"): WEIGHTS,
    re.compile(r"\bBREAK\b"): DIVIDERS,
    re.compile(r"\bAND\b"): DIVIDERS,
}
MAX_NAMED = 6  # calls that get a sentence each
MAX_SHOWN = 60  # letters


def with_concepts(recipe: Recipe, known: Collection[str]) -> tuple[Recipe, list[str]]:
    """Return a recipe whose calls of concepts that are here are handles with strengths, and what was done.

    A call goes before the strength that the recipe has. Other calls stay in the prompt as they are. Where the
    prompt names the concept also by its handle, `<lora:lily:0.8>` only says the strength.

    Args:
        known: the handles of the concepts that are here.
    """
    called: dict[str, float] = {}
    notes: list[str] = []

    def translated(prompt: str) -> str:
        named = handles_in(prompt)

        def handle_for(match: re.Match[str]) -> str:
            call, handle = match.group().strip(), _handle(match.group(2))
            strength = _strength(match.group(3) or ":1")
            if HANDLE.fullmatch(call) or handle not in known or strength is None:
                return match.group()
            if called.setdefault(handle, strength) != strength:
                text = "{handle} has one strength in a picture; that of {call} is not used."
            else:
                text = "{call} is {handle} at a strength of {strength:g}."
            notes.append(tr(text, handle=handle, call=call[:MAX_SHOWN], strength=strength))
            if _is_of_lora(match) and handle in named:
                return ""
            named.append(handle)
            return f" {handle}" if match.group().startswith(" ") else handle

        for pattern in CALLS:
            prompt = pattern.sub(handle_for, prompt)
        return prompt

    prompt, negative = translated(recipe.prompt), translated(recipe.negative)
    if not called:
        return recipe, []
    strengths = {**recipe.strengths, **called}
    changed = dataclasses.replace(recipe, prompt=prompt, negative=negative, strengths=strengths)
    return changed, list(dict.fromkeys(notes))


def with_strengths_in_range(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """Return a recipe with strengths that are possible here, and sentences about those that were not."""
    strengths = {handle: min(max(it, 0.0), MAX_STRENGTH) for handle, it in recipe.strengths.items()}
    text = "A strength of {asked:g} for {handle} is beyond 0 to 2; here it is {given:g}."
    notes = [
        tr(text, asked=recipe.strengths[handle], handle=handle, given=it)
        for handle, it in strengths.items()
        if it != recipe.strengths[handle]
    ]
    return (dataclasses.replace(recipe, strengths=strengths), notes) if notes else (recipe, [])


def foreign_notes(prompts: Iterable[str]) -> list[str]:
    """Return a sentence for each thing in prompts that other programs understand and this one does not.

    A kind of sign gets one sentence, and each call of a concept that is not here one of its own.
    """
    text = ESCAPED.sub("  ", "\n".join(prompts))
    notes: dict[str, None] = {}  # in order, each once

    def noted(match: re.Match[str]) -> str:
        call = match.group().strip()
        if HANDLE.fullmatch(call):
            return match.group()
        unknown = "{call} is read as plain words: the Library has no {name}."
        unclear = "{call} is read as plain words: its strength is no number."
        what = unclear if _strength(match.group(3) or ":1") is None else unknown
        notes[tr(what, call=call[:MAX_SHOWN], name=match.group(2).strip()[:MAX_SHOWN])] = None
        return " "

    for pattern in CALLS:
        text = pattern.sub(noted, text)
    calls = list(notes)
    more = [tr("So are {count} more.", count=len(calls) - MAX_NAMED)] if len(calls) > MAX_NAMED else []
    found = ((pattern.search(text), sentence) for pattern, sentence in SIGNS.items())
    signs = [tr(sentence, sign=match.group().strip()[:MAX_SHOWN]) for match, sentence in found if match]
    return [*calls[:MAX_NAMED], *more, *signs]


def names_concepts(prompt: str) -> bool:
    """Return whether a prompt has a handle or a call, of a concept that is here or is not."""
    return any(pattern.search(prompt) for pattern in CALLS)


def handles_called(prompt: str, known: Collection[str]) -> list[str]:
    """Return the handles in a prompt, those that it calls in the way of other programs included."""
    return handles_in(with_concepts(Recipe(prompt), known)[0].prompt)


def _is_of_lora(match: re.Match[str]) -> bool:
    """Return whether a call is one of a LoRA, which stands for no word of the prompt in other programs."""
    kind = (match.group(1) or "").lower()
    return bool(kind) and not kind.startswith("embed")


def _handle(name: str) -> str:
    """Return the handle of a name, of which other programs may write a folder and an ending, or ""."""
    try:
        return to_handle(ENDING.sub("", re.split(r"[/\\]", name)[-1]))
    except StudioError:
        return ""


def _strength(text: str) -> float | None:
    """Return the strength in ":0.8" or ":0.8:0.5", of which the first is that of the words; None for none."""
    first = text.split(":")[1].strip()
    return as_number(first) if is_number(first) else None
