"""Segment Anything models in a folder of the user's, for masks by one click.

Never needed and never fetched: without one, `studio.photos.click_mask` finds what was clicked on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from transformers import AutoImageProcessor, AutoModelForMaskGeneration

from studio.errors import StudioError


class Segmenter:
    """A frozen model of the SAM family: SAM, SAM-HQ, SAM 2 (Kirillov et al. 2023, arXiv 2304.02643)."""

    def __init__(self, model: nn.Module, processor: Any, device: str | torch.device = "cpu") -> None:
        self.model, self.processor = model.eval().requires_grad_(False).to(device), processor
        self.device = torch.device(device)

    @classmethod
    def open(cls, folder: Path, device: str | torch.device = "cpu") -> Segmenter:
        """Load a folder in the layout of transformers. Raises StudioError when it holds no such model."""
        try:
            model = AutoModelForMaskGeneration.from_pretrained(folder, local_files_only=True)
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            hint = "Name a folder of a SAM or SAM 2 model in transformers' layout, or leave --segmenter out."
            raise StudioError(
                "The segmenter {folder} cannot be opened: {reason}", hint, folder=folder, reason=reason
            ) from error
        return cls(model, processor, device)

    @torch.no_grad()
    def propose(
        self, square: Image.Image, clicks: Sequence[tuple[float, float]], step: int = 0
    ) -> Image.Image:
        """Return the mask of what was clicked on: "L", of the square's size, 0 or 255.

        `clicks` are (x, y) in fractions of the square. Of the masks that the model offers for them, from a
        part to the whole, it is the one whose overlap the model rates highest, or one that is `step` sizes
        larger than that, as in `studio.photos.click_mask.propose_mask`. Raises StudioError when it is empty.
        """
        pixels = self.processor(images=square.convert("RGB"), return_tensors="pt")["pixel_values"]
        points = pixels.shape[-1] * torch.tensor(clicks, dtype=torch.float32)[None, None]
        offered = self.model(
            pixel_values=pixels.to(self.device),
            input_points=points.to(self.device),
            input_labels=torch.ones(points.shape[:3], dtype=torch.long, device=self.device),
            multimask_output=True,
        )
        masks = offered.pred_masks[0, 0].float().cpu()
        best = int(offered.iou_scores[0, 0].argmax())
        areas = (masks > 0).sum(dim=(1, 2))
        order = [number for number in areas.argsort().tolist() if areas[number] or number == best]
        chosen = masks[order[min(max(order.index(best) + step, 0), len(order) - 1)]]
        wide = F.interpolate(chosen[None, None], square.size[::-1], mode="bilinear")[0, 0]
        mask = np.where(wide.numpy() > 0, 255, 0).astype(np.uint8)
        if not mask.any():
            raise StudioError(
                "No subject was found there.", "Click on the subject, or paint it with the brush."
            )
        return Image.fromarray(mask)
