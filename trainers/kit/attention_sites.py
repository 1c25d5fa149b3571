"""Where low-rank edits go: the projections of every attention layer."""

from __future__ import annotations

from torch import nn

from studio.models.backbone import Backbone

UNET_SITES = (".to_q", ".to_k", ".to_v", ".to_out.0")
TEXT_SITES = (".q_proj", ".k_proj", ".v_proj", ".out_proj")


def attention_sites(backbone: Backbone, text_encoder: bool) -> dict[str, nn.Linear]:
    """The query, key, value and output projections of the U-Net by their paths, and on demand those of the
    text encoder."""
    sites = {
        site: layer for site, layer in backbone.linear_sites(*UNET_SITES).items() if site.startswith("unet.")
    }
    if text_encoder:
        sites |= {
            site: layer
            for site, layer in backbone.linear_sites(*TEXT_SITES).items()
            if site.startswith("text")
        }
    return sites
