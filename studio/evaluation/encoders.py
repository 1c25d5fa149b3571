"""Choose the image encoders used for scoring, from --clip and --dino, else features of the base."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from studio.models.backbone import Backbone
from studio.models.base_features import BaseFeatures
from studio.models.dino import MODEL, Dino
from studio.models.image_encoder import ImageEncoder, ImageTextEncoder, SubjectJudge
from studio.words import marked


@dataclass(frozen=True)
class Encoders:
    """The encoders that score.

    Args:
        subject: compares pictures with photos (likeness).
        structure: the same, by an encoder that was never trained on words.
        text: compares pictures with prompts; None where no encoder reads.
        judge: sees patches and cleanliness; None where the base brings none.
    """

    subject: ImageEncoder
    structure: ImageEncoder
    text: ImageTextEncoder | None = None
    judge: SubjectJudge | None = None

    @property
    def names(self) -> dict[str, str]:
        """Return the name of each encoder, by what it measures. It is saved with the numbers."""
        reader = {marked("prompt agreement"): self.text.name} if self.text else {}
        judge = {marked("subject and cleanliness"): self.judge.name} if self.judge else {}
        return {"likeness": self.subject.name, "structure": self.structure.name, **reader, **judge}


def add_encoder_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `open_encoders` needs."""
    parser.add_argument(
        "--clip",
        metavar="MODEL=FILE",
        help="a CLIP model of open_clip with a file of its weights, such as ViT-B-32=weights.safetensors; "
        "without, the CLIP model in the base's folder",
    )
    parser.add_argument(
        "--dino",
        metavar="[MODEL=]FILE",
        help=f"weights of a vision transformer of timm, {MODEL} by default; without, features of the base",
    )


def open_encoders(backbone: Backbone, clip: str | None = None, dino: str | None = None) -> Encoders:
    """Open the encoders that "MODEL=FILE" texts ask for. Raises StudioError when one cannot be opened.

    Without `clip` it is the CLIP in the base's folder; without that, features of the base, which cannot read.
    """
    from studio.models.clip import Clip
    from studio.models.patch_judge import HEAD_FILE, PatchJudge

    features = BaseFeatures(backbone)
    structure: ImageEncoder = features
    if dino:
        model, _, file = dino.rpartition("=")
        structure = Dino.open(Path(file), model or MODEL)
    subject_and_text: ImageTextEncoder | None = None
    if clip:
        subject_and_text = Clip.of_flag(clip)
    elif backbone.folder and (backbone.folder / "judge").is_dir():
        subject_and_text = Clip.open(backbone.folder / "judge")
    folder = backbone.folder and backbone.folder / "judge"
    judge = PatchJudge.open(folder) if folder and (folder / HEAD_FILE).is_file() else None
    return Encoders(subject_and_text or features, structure, subject_and_text, judge)
