"""The pictures that a training shows on its way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from studio.events import Event, Preview
from studio.method import Method
from studio.recipes.recipe import Recipe, Sampling
from trainers.kit.checkpoints import Checkpoints
from trainers.kit.training import Training

MOST_STEPS = 12  # sampling steps of a picture on the way: with 10, colours of the starter are duller


class Previews:
    """Shows what a training has learned so far, and takes its checkpoints.

    Args:
        recipe: of the last preview; those before it have fewer sampling steps (`on_the_way`).
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
        picture = self.picture(steps=on_the_way(self.recipe))
        yield Preview(picture, self.recipe.prompt, step)
        if step:
            yield from self.checkpoints.take(self.method, picture, step)
        else:
            self.checkpoints.start(picture)
        yield from self.sample_pictures(step, steps=on_the_way(self.recipe))

    def sample_pictures(self, step: int, **changes: Any) -> Iterator[Event]:
        """Yield the pictures of the samples after `step` steps, with some fields of the recipe changed."""
        for prompt in self.samples:
            yield Preview(self.picture(prompt=prompt, **changes), prompt, step)


def on_the_way(sampling: Sampling) -> int:
    """Return the sampling steps of pictures that are painted while a training runs."""
    return min(sampling.steps, MOST_STEPS)
