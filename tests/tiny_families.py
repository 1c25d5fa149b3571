"""A tiny base of every family, for the checks that each of them must pass."""

from __future__ import annotations

from collections.abc import Callable

from studio.models.backbone import Backbone
from tests import tiny, tiny_flux2_klein, tiny_z_image

FAMILIES: dict[str, Callable[..., Backbone]] = {
    **tiny.FAMILIES,
    "flux2_klein": tiny_flux2_klein.backbone,
    "z_image": tiny_z_image.backbone,
}
