"""Pictures of the starter, and what is seen in them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from PIL import Image

from studio.edits.concept import Concept
from studio.events import Result
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from studio.starter import STARTER
from studio.workspace.workspace import Workspace

GUIDANCE = json.loads((STARTER / "likeness.json").read_text(encoding="utf-8"))["guidance"]
WORLD = json.loads((STARTER / "world.json").read_text(encoding="utf-8"))


def look(workspace: Workspace, prompt: str = "") -> Recipe:
    """Return a recipe with the steps and the guidance that suit the starter."""
    defaults = workspace.base_defaults()
    return Recipe(prompt, seed=1, steps=defaults.steps, guidance=defaults.guidance)


def pictures(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept]) -> list[Image.Image]:
    """Paint a recipe and return its pictures."""
    events = generate(backbone, recipe, concepts)
    return [event.value.image for event in events if isinstance(event, Result)]


def border_colour(picture: Image.Image) -> str:
    """Return the colour of the world that is nearest to the picture's border."""
    pixels = np.asarray(picture, dtype=float)
    border = np.concatenate(
        [pixels[:3].reshape(-1, 3), pixels[:, :3].reshape(-1, 3), pixels[:, -3:].reshape(-1, 3)]
    )
    middle = np.median(border, axis=0)
    return min(WORLD["colours"], key=lambda name: np.abs(middle - WORLD["colours"][name]).sum())
