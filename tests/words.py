"""Gather the visible words of the studio: `python -m tests.words` lists them in `assets/words/en.json`.

A visible text is what stands in the code as an argument of the calls in `CALLS`, as a field of a card in
`CARD_FIELDS`, or in a script as `tr('...')`. A name given in place of a text is followed to what it was
assigned. Texts of another language whose English is gone are dropped; `untranslated` says what is missing.
"""

from __future__ import annotations

import argparse
import ast
import functools
import json
from collections.abc import Iterator
from pathlib import Path

from studio.starter import STARTER
from studio.ui.page_words import script_texts
from studio.ui.train.demo_subjects import demo_subjects
from studio.words import ENGLISH, FOLDER, languages

DOES = "Writes the visible texts of the studio to assets/words, and drops translations of what is gone."
ROOT = Path(__file__).resolve().parents[1]
ERRORS = (
    "StudioError",
    "BrokenPictureError",
    "DecodingError",
    "DiskError",
    "DocumentError",
    "NotANumberError",
)
TRAINERS = ROOT / "trainers"
SETTING_TEXTS = ("help", "unit", "source")  # of a setting or a knob, by keyword
CALLS: dict[str, tuple[int, ...]] = {
    "tr": (0,),
    "trn": (0, 1),
    "marked": (0,),
    "setting": (1, 4, 6),
    "Knob": (3,),
    "photos_a_step": (1,),
    "mirror_images": (1,),
    "picture_count": (1,),
    "preservation_weight": (0,),
    **dict.fromkeys(ERRORS, (0, 1)),
    "DocumentError": (0, 1, 2),
}
# of methods, refinements, regularizers and families, in class bodies
CARD_FIELDS = ("title", "summary", "action", "undo", "indivisible")


def sources() -> list[Path]:
    """Return the program's files."""
    folders = (ROOT / "studio", ROOT / "trainers")
    return [ROOT / "launch.py", *(path for folder in folders for path in sorted(folder.rglob("*.py")))]


def assigned(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what is assigned to a name, anywhere in a file."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        pairs = [(target, getattr(node, "value", None)) for target in targets]
        for target, value in pairs:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs += zip(target.elts, value.elts, strict=False)
            elif isinstance(target, ast.Name) and target.id == name and value is not None:
                yield value


def texts(tree: ast.AST, given: ast.expr, depth: int = 2) -> Iterator[str]:
    """Yield the texts that an argument may be: itself, either side of a choice, or what a name stands for."""
    match given:
        case ast.Constant(value=str(text)):
            if any(letter.isalpha() for letter in text):
                yield text
        case ast.IfExp(body=one, orelse=other):
            yield from texts(tree, one, depth)
            yield from texts(tree, other, depth)
        case ast.BoolOp(values=several):
            for each in several:
                yield from texts(tree, each, depth)
        case ast.Tuple(elts=several):
            for each in several:
                yield from texts(tree, each, depth)
        case ast.Starred(value=several) | ast.Call(func=ast.Name(id="tuple"), args=[several]):
            yield from texts(tree, several, depth)
        case ast.Dict(keys=several):
            for each in filter(None, several):
                yield from texts(tree, each, depth)
        case ast.Name(id=name) if depth:
            for value in (*assigned(tree, name), *imported(tree, name)):
                yield from texts(tree, value, depth - 1)


def imported(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what is assigned to a name in the file of ours from which another imports it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(each.name == name for each in node.names):
            path = ROOT / f"{str(node.module).replace('.', '/')}.py"
            if path.is_file():
                yield from assigned(ast.parse(path.read_text(encoding="utf-8")), name)


def choices_in(tree: ast.AST) -> set[str]:
    """Return the choices of settings in a file: in English they are the values."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    keys = [key for call in calls if getattr(call.func, "id", "") == "setting" for key in call.keywords]
    return {text for key in keys if key.arg == "choices" for text in texts(tree, key.value)}


def texts_of(source: str) -> set[str]:
    """Return the visible texts of a Python file."""
    tree = ast.parse(source)
    found = choices_in(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keys):
                given = [args[position] for position in CALLS.get(name, ()) if position < len(args)]
                given += [key.value for key in keys if name in CALLS and key.arg in SETTING_TEXTS]
                given += [key.value for key in keys if name == "Example" and key.arg == "learned_from"]
                found.update(text for each in given for text in texts(tree, each))
                if name == "ExamplePicture":
                    found.update(label_texts(args))
            case ast.Dict(keys=names, values=values):
                knobs = (key for key, value in zip(names, values, strict=True) if is_call(value, "Knob"))
                found.update(as_label(text) for key in knobs if key for text in texts(tree, key))
            case ast.ClassDef(body=body):
                found.update(text for line in body for text in card_texts(tree, line))
    return found


def label_texts(args: list[ast.expr]) -> Iterator[str]:
    """Yield the label of a picture of an example: what is said of it, or else its prompt without the name."""
    match args:
        case [_, ast.Constant(value=str(said)), *_]:
            yield said
        case [ast.Constant(value=str(prompt)), *_]:
            yield prompt.replace("{}", "").strip()


def is_call(node: ast.expr | None, name: str) -> bool:
    """Return whether this calls what has that name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def as_label(name: str) -> str:
    """Return the label made of the name of a setting or knob."""
    return name.replace("_", " ").capitalize()


@functools.cache
def setting_makers() -> frozenset[str]:
    """Return `setting`, and the names of our functions that return what it makes."""
    makers = {"setting"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(line, ast.Return) and is_call(line.value, "setting") for line in node.body
            ):
                makers.add(node.name)
    return frozenset(makers)


def card_texts(tree: ast.AST, line: ast.stmt) -> Iterator[str]:
    """Yield the texts of a line of a class: a field of a card, or the label made of a setting's name."""
    match line:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in CARD_FIELDS:
            yield from texts(tree, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=ast.Name(id=call))):
            if call in setting_makers():
                yield as_label(name)


def studio_texts() -> set[str]:
    """Return every visible text of the studio and its page."""
    about_starter = json.loads((STARTER / "likeness.json").read_text(encoding="utf-8"))
    found = script_texts() | {about_starter["pictures"]}
    for path in sources():
        if TRAINERS not in path.parents:
            found |= texts_of(path.read_text(encoding="utf-8"))
    return found | {subject.title for subject in demo_subjects()}


def method_texts() -> set[str]:
    """Return every visible text of the methods. What a new one says stays English until it is translated."""
    return {text for path in TRAINERS.rglob("*.py") for text in texts_of(path.read_text(encoding="utf-8"))}


def all_texts() -> set[str]:
    """Return every visible text of the program."""
    return studio_texts() | method_texts()


def read(language: str) -> dict[str, str]:
    """Return the file of a language."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def untranslated(language: str) -> list[str]:
    """Return the English texts that a language lacks."""
    return sorted(all_texts() - set(read(language)))


def save(language: str, words: dict[str, str] | list[str]) -> None:
    """Write the file of a language."""
    text = json.dumps(words, ensure_ascii=False, indent=1)
    (FOLDER / f"{language}.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Write the list of English texts, drop what is gone from the others, and say what they lack."""
    known = all_texts()
    save(ENGLISH, sorted(known))
    for language in languages():
        if language != ENGLISH:
            kept = {text: said for text, said in sorted(read(language).items()) if text in known}
            save(language, kept)
            print(f"{language}: {len(untranslated(language))} of {len(known)} texts have no translation")


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.words", description=DOES).parse_args()
    main()
