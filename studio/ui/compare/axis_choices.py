"""What the columns and rows of a grid may change, with help and example values for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio.concepts.header import Header
from studio.handles import handles_in
from studio.recipes.axis import EXAMPLES, FIELDS, PLAIN, STRENGTH, STRENGTH_EXAMPLE, WORDS, Axis
from studio.recipes.refinement_card import RefinementCard, refinement_fields
from studio.ui.parts.refinements import example_values
from studio.words import tr
from studio.workspace.workspace import Workspace

NOTHING = "nothing"  # the choice of a grid with a single row
NOT_OFFERED = ("negative", "width", "height")  # fields of a recipe that only the command line varies
FIRST_FIELDS = ("guidance", "steps", "seed")
NUMBERS_HELP = tr("With commas, or from:to:by as in 0.4:1.0:0.2")
HELP = {
    "concept": tr(
        "Names that take turns in the prompt; “{plain}” is the model without the concept", plain=PLAIN
    ),
    "method": tr("Concepts of the same noun, learned with these methods, take turns in the prompt"),
    "prompt": tr("Words of the prompt, then what takes their place: red, blue, green"),
    "seed": tr("With commas, or from:to as in 1:4"),
    "composing": tr("Ways in which several concepts share the picture"),
    NOTHING: tr("The grid has one row"),
}


def axis_choices(
    headers: Mapping[str, Header], cards: Sequence[RefinementCard], prompt: str, optional: bool = False
) -> list[tuple[str, str]]:
    """Return what a grid may change as (words, name); with "Nothing" first when `optional`.

    Args:
        headers: of the concepts by handle, for their knobs.
        cards: of the refinements, for their settings.
    """
    knobs = list(dict.fromkeys(knob for header in headers.values() for knob in header.knobs))
    names = [*WORDS, STRENGTH, *knobs, *FIRST_FIELDS]
    handles = [handle for handle in handles_in(prompt) if handle in headers]
    if len(handles) > 1:
        for handle in handles:
            names += [
                f"{handle.strip('<>')}.{knob}" for knob in (STRENGTH, *headers[handle].knobs_of(handle))
            ]
    names += [name for name in FIELDS if name not in (*names, *NOT_OFFERED)]
    names += refinement_fields(cards)
    choices = [(tr("Prompt words") if name == "prompt" else Axis(name, ()).title, name) for name in names]
    return [(tr("Nothing"), NOTHING), *choices] if optional else choices


def axis_help(workspace: Workspace, name: str) -> str:
    """Return how the values of an axis are written, or what they do."""
    fields = refinement_fields(workspace.refinements)
    return tr(fields[name].help) if name in fields else HELP.get(name, NUMBERS_HELP)


def example_for(workspace: Workspace, name: str, prompt: str) -> str:
    """Return values to begin with."""
    fields = refinement_fields(workspace.refinements)
    knob = name.rpartition(".")[2]
    if name in fields:
        return example_values(fields[name], workspace.refinements)
    if knob == STRENGTH or name in EXAMPLES:
        return STRENGTH_EXAMPLE if knob == STRENGTH else EXAMPLES[name]
    headers = workspace.concepts.headers()
    if name == "concept":
        return ", ".join([*(handle.strip("<>") for handle in list(headers)[:4]), PLAIN])
    if name == "method":
        nouns = {headers[handle].handles[handle] for handle in handles_in(prompt) if handle in headers}
        same_noun = [header for header in headers.values() if nouns & set(header.handles.values())]
        return ", ".join(dict.fromkeys(header.method_title for header in same_noun))
    for header in headers.values():
        if knob in header.knobs:
            if header.knobs[knob].choices:
                return f"1:{len(header.knobs[knob].choices)}"
            low, high = header.knobs[knob].low, header.knobs[knob].high
            return f"{low:g}:{high:g}:{(high - low) / 4:g}"
    return ""
