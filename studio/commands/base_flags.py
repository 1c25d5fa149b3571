"""The flags that choose a base model, and where concepts are kept, for every command that needs one."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.commands.setting_flags import Flags
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.memory_plan import AUTO, CHOICES
from studio.starter import STARTER
from studio.user_folder import user_folder
from studio.words import tr

BASE = "a diffusers folder, a .safetensors checkpoint, or a name on the hub (default: the starter)"
PREDICTION = "what the base predicts, where its file does not say so: epsilon or v_prediction"

MEMORY = "auto fits the base to the device, all keeps everything on it, least as little as can be"
PLAIN = "compute everything as it is written down, without what makes it faster, to compare with"


def add_base_flags(parser: Flags) -> None:
    """Add --base, --prediction, --memory and --plain."""
    parser.add_argument("--base", metavar="NAME_OR_PATH", default=str(STARTER), help=BASE)
    parser.add_argument("--prediction", metavar="KIND", default="", help=PREDICTION)
    parser.add_argument("--memory", choices=CHOICES, default=AUTO, help=f"{MEMORY} (default auto)")
    parser.add_argument("--plain", action="store_true", help=PLAIN)


def add_workspace_flag(parser: Flags) -> None:
    """Add --workspace, by itself the folder that the page keeps concepts and pictures in."""
    kept = "where concepts and pictures are kept (default: where the page keeps them, %(default)s)"
    parser.add_argument("--workspace", type=Path, metavar="DIR", default=user_folder(), help=kept)


def open_base(given: argparse.Namespace, cache: Path | None = None) -> Backbone:
    """Load the base that the flags name, and say how it fits the device if it does not as it is.

    Args:
        cache: of the workspace, for pictures that say the hash of the base's file.

    Raises StudioError when it cannot be used.
    """
    backbone = opening.open_backbone(
        given.base,
        prediction=given.prediction,
        memory=given.memory,
        cache=cache,
        is_plain=given.plain,
    )
    if not backbone.memory_plan.is_trivial:
        print(tr("To fit the device: {measures}.", measures=backbone.memory_plan.words))
    return backbone
