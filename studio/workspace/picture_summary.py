"""What the gallery keeps of a picture: the part of its recipe that is searched and compared."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from studio.documents import ShortText
from studio.limits import MAX_SEARCHED_LETTERS
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe

WORD = re.compile(r"<[a-z0-9][a-z0-9_-]*>|\w+")
KEY_LETTERS = 16


@dataclass(frozen=True)
class PictureSummary:
    """A recipe in short.

    Args:
        prompt: its beginning, as far as a search looks.
        base: the name of the base model.
        handles: of all concepts that the recipe names.
        key: see `recipe_key`.
        is_refined: whether the recipe uses a refinement.
    """

    prompt: str
    base: ShortText
    handles: tuple[ShortText, ...]
    key: ShortText
    is_refined: bool

    @classmethod
    def of(cls, path: Path) -> PictureSummary:
        """Return the summary of a picture's file. Raises StudioError when it has no recipe to be read."""
        recipe = read_recipe(path, behind_pixels=False)
        return cls(
            prompt=recipe.prompt[:MAX_SEARCHED_LETTERS],
            base=Path(recipe.base).name,
            handles=tuple(recipe.handles),
            key=recipe_key(recipe),
            is_refined=bool(recipe.refinements),
        )

    @property
    def words(self) -> str:
        """The words that a search finds, in the form of `searchable`."""
        return searchable(f"{self.prompt} {' '.join(self.handles)} {self.base}")


def recipe_key(recipe: Recipe) -> str:
    """Return a text that is the same for equal recipes, and for no others that one will meet."""
    values = recipe.to_json()
    values.pop("base_hash", None)  # recipes are compared without it
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:KEY_LETTERS]


def words_in(text: str) -> list[str]:
    """Return the words of a text in lower case, a handle as one word: "A <Lily>!" gives ["a", "<lily>"]."""
    return WORD.findall(text.casefold())


def searchable(text: str) -> str:
    """Return the words of a text with a space before each; handles stand there without their brackets too."""
    words = words_in(text)
    bare = [word.strip("<>") for word in words if word.startswith("<")]
    return "".join(f" {word}" for word in dict.fromkeys([*words, *bare]))


def sought(word: str) -> str:
    """Return what to look for in a `searchable` text: words that begin so, where writing has spaces."""
    return f" {word}" if word.isascii() else word
