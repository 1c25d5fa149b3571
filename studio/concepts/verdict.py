"""The verdict of a training, kept in the concept file: learned, weak or broken, and why.

The same seeds are painted with the concept and with its plain noun, in the method's own prompt and in a
scene (`trainers.kit.verdict`). With found(X) how much of the photos' parts is found again in pictures X
(`studio.evaluation.part_matching`), and f(X) the features of whole pictures:

    likeness  = (found(concept) - found(noun)) / (found(other photos) - found(noun))
    likeness_in_scene = (found(concept in scene) - found(noun in scene)) / (found(other photos) - found(noun))
    noise     = standard deviation of the likeness between seeds
    obeyed    = how much of the scene's change f(noun in scene) - f(noun) the concept's change has along it
    variety   = mean distance of two pictures of the concept / the same of the noun
    strange   = error of the base about the concept's pictures / about those of the noun
    unknown   = error of the base about the photos / about the pictures of the noun
    contrast  = spread of the cells within a picture of the concept / the same of the noun

Where masks say where the subject is, only the parts that they cover are looked for. A likeness of 1 is what
the photos have among themselves. The levels were chosen on half of the trainings of
`trainers.benchmarks.verdict_cases`, and tried on the other half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from studio.documents import Count, Measured, ShortText
from studio.words import tr

# fields that files of earlier versions call otherwise
OLD_NAMES = {"way": "likeness", "progress": "likeness", "eye": "encoder"}
Word = Literal["learned", "weak", "broken"]
WORDS: tuple[Word, ...] = ("broken", "weak", "learned")  # from the worst on
SAID: dict[Word, str] = {"broken": tr("broken"), "weak": tr("weak"), "learned": tr("learned")}

MIN_LIKENESS = 0.65
MIN_LIKENESS_OF_ONE = (
    0.4  # of a single photo only its mirror image and a crop stand for others: they are nearer
)
MIN_OBEYED = 0.35
MIN_LIKENESS_IN_SCENE = 0.2  # the noun itself has 0; a yellow tractor that was green at night had 0.07
MIN_VARIETY = 0.01
MAX_OBEYED_OF_COPY = 0.65  # what follows its prompt is no copy, however alike its pictures of one prompt are
MAX_STRANGE = 2.0
MAX_UNKNOWN = 1.9
MIN_CONTRAST = 0.4

FEWER = "Train it again with fewer steps, or with photos in which the background differs more."
FEWER_THAN = (
    "Train it again with fewer steps (it had {count}), or with photos in which the background differs more."
)
RATES = {  # how the settings that are learning rates are called in a sentence
    "learning_rate": tr("learning rate"),
    "word_rate": tr("word rate"),
    "late_word_rate": tr("late word rate"),
    "value_rate": tr("value rate"),
    "weight_rate": tr("weight rate"),
    "tuning_rate": tr("tuning rate"),
    "full_rate": tr("full rate"),
}


@dataclass(frozen=True)
class Verdict:
    """Holds the figures above, the number of `seeds`, and the name of the image encoder.

    Args:
        photos: how many it was compared with.
        is_finite: whether all pictures were numbers; where not, the figures are 0.

    What earlier versions did not measure is None.
    """

    likeness: Measured
    noise: Measured
    seeds: Count
    encoder: ShortText
    obeyed: Measured | None = None
    variety: Measured | None = None
    strange: Measured | None = None
    unknown: Measured | None = None
    contrast: Measured | None = None
    likeness_in_scene: Measured | None = None
    photos: Count = 0
    is_finite: bool = True

    @property
    def word(self) -> Word:
        """Return the verdict in a word."""
        if self.fault:
            return "broken"
        return "weak" if self.lack else "learned"

    @property
    def learned(self) -> bool:
        """Return whether a person would recognise the subject, and prompts still work."""
        return self.word == "learned"

    @property
    def score(self) -> float:
        """Return the likeness for sorting, at most 1: more than the photos have is no better; 0 if broken."""
        return 0.0 if self.fault else min(self.likeness, 1.0)

    @property
    def fault(self) -> str:
        """Return what is wrong with broken pictures: "numbers", "noise" or "flat"; empty for nothing."""
        if not self.is_finite:
            return "numbers"
        if self.strange is not None and self.strange > MAX_STRANGE:
            return "noise"
        return "flat" if self.contrast is not None and self.contrast < MIN_CONTRAST else ""

    @property
    def lack(self) -> str:
        """Return what pictures that are not broken lack, empty for nothing.

        "unknown": photos that the base can paint; "likeness"; "prompt": the scene that was asked for; "copy":
        any difference between two pictures, in the scene too; "elsewhere": likeness in the scene.
        """
        if self.unknown is not None and self.unknown > MAX_UNKNOWN:
            return "unknown"
        if self.obeyed is None:  # judged by an earlier version
            return "" if self.likeness > self.noise else "likeness"
        if self.likeness < (MIN_LIKENESS_OF_ONE if self.photos == 1 else MIN_LIKENESS):
            return "likeness"
        is_alike = self.variety is not None and self.variety < MIN_VARIETY
        if is_alike and self.obeyed < MAX_OBEYED_OF_COPY:
            return "copy"
        if self.obeyed < MIN_OBEYED:
            return "prompt"
        in_scene = self.likeness_in_scene  # None where it was judged by an earlier version
        return "elsewhere" if in_scene is not None and in_scene < MIN_LIKENESS_IN_SCENE else ""

    @property
    def sentence(self) -> str:
        """Return the verdict in a sentence; no share in it is above 100 %."""
        alike = share(self.likeness)
        match self.fault or self.lack:
            case "numbers":
                return tr("Broken: the pictures are no longer numbers.")
            case "noise":
                return tr("Broken: the pictures are noise, or nothing that this base would paint.")
            case "flat":
                return tr("Broken: the pictures are all but one colour.")
            case "unknown":
                return tr("Weak: these photos are of a kind that this base does not paint.")
            case "copy":
                return tr("Weak: it paints nearly the same picture whatever the prompt says.")
            case "prompt":
                text = "Weak: it looks like the photos, but of a scene in the prompt only {share} is left."
                return tr(text, share=share(self.obeyed))
            case "elsewhere":
                return tr(
                    "Weak: it looks like the photos, but in another place it becomes what its noun says."
                )
            case "likeness":
                text = "Weak: the pictures have {share} of the likeness that the photos have to each other."
                return tr(text, share=alike)
        if self.obeyed is None:
            return tr("Learned: the pictures moved {share} of the way to the photos.", share=alike)
        text = (
            "Learned: the pictures have {likeness} of the likeness that the photos have to each other, and "
            "{scene} of a scene in the prompt."
        )
        return tr(text, likeness=alike, scene=share(self.obeyed))

    def advice(self, settings: Mapping[str, Any]) -> str:
        """Return what to do, given the `settings` it was trained with; empty when it was learned."""
        numbers = {name: value for name, value in settings.items() if isinstance(value, int | float)}
        rate = next((name for name in numbers if name.endswith("rate")), "")
        its_name = RATES.get(rate, rate.replace("_", " "))
        rate = f"{its_name} ({numbers[rate]:g})" if rate else tr("learning rate")
        match self.fault or self.lack:
            case "":
                return ""
            case "numbers" | "noise" | "flat":
                if self.unknown is not None and self.unknown > MAX_UNKNOWN:
                    return tr("Choose clear photos of the kind that this base paints, then train again.")
                return tr("Train it again with a lower {rate}.", rate=rate)
            case "unknown":
                return tr("Use photos of the kind that it paints, or another base.")
            case "copy" | "prompt":
                if "steps" not in settings:
                    return tr(FEWER)
                return tr(FEWER_THAN, count=settings["steps"])
            case "elsewhere":
                return tr("Train it again with photos in front of different backgrounds, or with more steps.")
        if "steps" not in settings:
            return tr("Train it again with more steps or a higher {rate}.", rate=rate)
        text = "Train it again with more steps (it had {count}) or a higher {rate}."
        return tr(text, count=settings["steps"], rate=rate)

    def summary(self, settings: Mapping[str, Any]) -> str:
        """Return the sentence, and what to do where it was not learned."""
        return f"{self.sentence} {self.advice(settings)}".strip()


def worst_word(verdicts: Iterable[Verdict]) -> Word:
    """Return the worst of several verdicts in a word; "learned" for none."""
    return min((verdict.word for verdict in verdicts), key=WORDS.index, default="learned")


def share(value: float | None) -> str:
    """Return a share in percent, from 0 to 100."""
    return f"{min(max(value or 0.0, 0.0), 1.0):.0%}"
