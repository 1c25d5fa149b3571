"""The pictures that a training shows on its way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from studio.events import Event, Preview
from studio.method import Method
from studio.recipes.recipe import Recipe
from trainers.kit.checkpoints import Checkpoints
from trainers.kit.training import Training


class Previews:
    """Shows what a training has learned so far, and takes its checkpoints.

    Args:
        recipe: of the previews.
        samples: prompts of further pictures beside each.
    """

    def __init__(
        self, training: Training, method: Method, recipe: Recipe, samples: Sequence[str] = ()
    ) -> None:
        self.training, self.method, self.recipe, self.samples = training, method, recipe, samples
        self.checkpoints = Checkpoints(training)

    def picture(self, **changes: Any) -> Image.Image:
        """Return the picture of the recipe with some of its fields changed."""
        return self.training.preview(self.method, dataclasses.replace(self.recipe, **changes))

    def painted(self, step: int) -> Iterator[Event]:
        """Yield the pictures after `step` steps, and the Checkpoint of any but the first."""
        picture = self.picture()
        yield Preview(picture, self.recipe.prompt, step)
        if step:
            yield from self.checkpoints.take(self.method, picture, step)
        else:
            self.checkpoints.start(picture)
        yield from self.sample_pictures(step)

    def sample_pictures(self, step: int) -> Iterator[Event]:
        """Yield the pictures of the samples after `step` steps."""
        for prompt in self.samples:
            yield Preview(self.picture(prompt=prompt), prompt, step)
