"""DINO, a vision transformer trained on pictures alone: it compares structure where CLIP compares meaning.

Optional: it needs timm and a file of weights on this machine. The field's numbers are those of ViT-S/16
(Caron et al. 2021, arXiv 2104.14294): the class token after the last norm, pictures brought to 256 pixels and
the middle 224 cut out. ViT-S/8 and DINOv2 give other numbers under the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from studio.errors import StudioError
from studio.models.fingerprint import fingerprint
from studio.models.image_encoder import Preprocess

MODEL = "vit_small_patch16_224.dino"
PREPROCESS = Preprocess(side=224, resize=256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
BATCH = 64


class Dino:
    """A DINO model of timm (`ImageEncoder`)."""

    def __init__(self, model: nn.Module, title: str = MODEL) -> None:
        self.model = model.eval()
        self.name = f"{title} [{fingerprint([model])[:8]}]"

    @classmethod
    def open(cls, checkpoint: Path, model_name: str = MODEL) -> Dino:
        """Load a vision transformer of timm from a file of weights.

        Raises StudioError when timm is not installed, has no such model, or the file does not hold it.
        """
        try:
            import timm
        except ImportError as error:
            raise StudioError("DINO needs timm, which is not installed.", "Leave DINO out.") from error
        try:
            model = timm.create_model(model_name, pretrained=False, num_classes=0)
            timm.models.load_checkpoint(model, str(checkpoint), weights_only=True)
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
            raise StudioError(
                "{file} cannot be opened as {name} ({reason}).",
                "Name the weights of DINO ViT-S/16, or write MODEL=FILE with timm's name of the model.",
                file=checkpoint.name,
                name=model_name,
                reason=reason,
            ) from error
        return cls(model, model_name)

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return the class tokens (n, 384) of pictures, rows of unit length."""
        parts = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        tokens = torch.cat([self.model.forward_features(PREPROCESS(part))[:, 0] for part in parts])
        return F.normalize(tokens, dim=1)
