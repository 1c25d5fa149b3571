"""The flags that choose a base model, for every command that loads one."""

from __future__ import annotations

import argparse

from studio.commands.setting_flags import Flags
from studio.models import opening
from studio.models.backbone import Backbone
from studio.starter import STARTER

BASE = "a diffusers folder, a .safetensors checkpoint, or a name on the hub (default: the starter)"
PREDICTION = "what the base predicts, where its file does not say so: epsilon or v_prediction"


def add_base_flags(parser: Flags) -> None:
    """Add --base and --prediction."""
    parser.add_argument("--base", metavar="NAME_OR_PATH", default=str(STARTER), help=BASE)
    parser.add_argument("--prediction", metavar="KIND", default="", help=PREDICTION)


def open_base(given: argparse.Namespace) -> Backbone:
    """Load the base that the flags name. Raises StudioError when it cannot be used."""
    return opening.open_backbone(given.base, prediction=given.prediction)
