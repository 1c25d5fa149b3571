"""What a method is good at, said as data: what it learns from the demo photos, and what it then paints.

`python -m trainers gallery` learns and paints it on the starter; the page shows the pictures beside the words
about the method. The page reads examples without importing torch, so this file must not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.words import marked, tr


@dataclass(frozen=True)
class ExamplePicture:
    """One picture of an example.

    Args:
        prompt: with {} where the subject's name belongs; {0} and {1} where there are several subjects.
        said: what stands under the picture, in a few words; the prompt without the name if empty.
        knobs: values of the knobs that what is learned offers.
        refinements: settings of refinements, by name; {} in a text is the subject's name, as in the prompt.
        seed: of the picture; one of the first few.
    """

    prompt: str
    said: str = ""
    knobs: Mapping[str, float] = field(default_factory=dict)
    refinements: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def label(self) -> str:
        """What stands under the picture, in English."""
        return self.said or self.prompt.replace("{}", "").strip()


@dataclass(frozen=True)
class Example:
    """What a method learns for its picture, with the settings as they come, and what it paints.

    Args:
        photos: a demo subject such as "lily", or a demo scene such as "dog-cupcake".
        pictures: what is painted, two or three.
        learned_from: what stands under the photo.
        kinds: for a method that learns sorted photos: by kind, by what share of the circle of colours the
            hue of the subject is turned; each kind has all the photos.
    """

    photos: str
    pictures: tuple[ExamplePicture, ...]
    learned_from: str = marked("one of its photos")
    kinds: Mapping[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands under the photo and under each picture, from left to right."""
        return (tr(self.learned_from), *(tr(picture.label) for picture in self.pictures))

    def alt_text(self, title: str) -> str:
        """Return what the picture of a method with this title shows, for those who do not see it."""
        photo, *pictures = self.labels
        shown = "; ".join(pictures)  # labels have commas
        return tr("{photo}, then what {method} made of it: {shown}", photo=photo, method=title, shown=shown)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Example:
        """Return the example that `dataclasses.asdict` made a dictionary of."""
        pictures = tuple(ExamplePicture(**picture) for picture in values["pictures"])
        return cls(**{**values, "pictures": pictures})
