"""A CLIP with random weights that has the vocabulary of a tiny base."""

from __future__ import annotations

import torch
from transformers import (
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from studio.models.backbone import Backbone
from studio.models.image_encoder import Preprocess
from studio.models.joint_space import JointSpace
from tests import tiny

FEATURES = 16


def halves(backbone: Backbone) -> tuple[CLIPTextModelWithProjection, CLIPVisionModelWithProjection]:
    """Return the half that reads, with the weights of a base's text encoder, and the half that sees."""
    torch.manual_seed(1)
    text = CLIPTextModelWithProjection(
        tiny.text_config(backbone.text.tokenizer, backbone.text.width, projection_dim=FEATURES)
    )
    own = {
        f"text_model.{name.removeprefix('text_model.')}": one
        for name, one in backbone.text.encoder.state_dict().items()
    }
    text.load_state_dict(own, strict=False)
    vision = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=16,
            patch_size=4,
            projection_dim=FEATURES,
        )
    )
    return text, vision


def joint_space(backbone: Backbone) -> JointSpace:
    """Return both halves as `JointSpace.beside` would."""
    return JointSpace(backbone, *halves(backbone), Preprocess(16, 16))
