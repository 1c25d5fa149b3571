"""Where the words of a scene attend in its photos, and how well that meets their masks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from studio.edits import ActiveEdit, Edit
from studio.events import Insight
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.words import tr
from trainers.kit.attention_iou import handle_attention_maps, mean_overlaps
from trainers.kit.mask_preview import mask_preview
from trainers.kit.scene import Scene
from trainers.kit.union_sampling import UnionSampling


class WordAttention:
    """The cross-attention of the words of a scene, with edits attached.

    Args:
        photos: of the scene, in its order.
        sampling: names the subjects of a photo in a prompt.
    """

    def __init__(self, backbone: Backbone, scene: Scene, photos: PhotoSet, sampling: UnionSampling) -> None:
        self.backbone, self.scene, self.photos, self.sampling = backbone, scene, photos, sampling

    def maps(self, number: int, edits: Sequence[Edit]) -> Tensor:
        """Return the attention maps (k, s, s) of the k subjects that are in a photo."""
        latents, present = self.scene.latents.mean[[number]], self.scene.present[number]
        handles = [self.sampling.handles[index] for index in present]
        attached = [ActiveEdit(edit) for edit in edits]
        return handle_attention_maps(self.backbone, latents, self.sampling.prompt(present), handles, attached)

    def overlaps(self, edits: Sequence[Edit]) -> Tensor:
        """Return the intersection over union of each word's attention with each mask, (J, J)."""
        return mean_overlaps([self.maps(number, edits) for number in range(self.scene.photos)], self.scene)

    def insights(self, edits: Sequence[Edit]) -> list[Insight]:
        """Return the first photo for each word in it, bright where the word attends."""
        maps = self.maps(0, edits)
        brightness = maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-8)
        square = self.photos.squares[0]
        return [
            Insight(
                mask_preview([square], brightness[[row]]),
                tr("Attention of {handle}", handle=self.sampling.handles[index]),
            )
            for row, index in enumerate(self.scene.present[0])
        ]
