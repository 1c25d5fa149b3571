"""The judges that the recipe trains (`studio.models.patch_judge`): their sizes, and their files."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from studio.models.patch_judge import HEAD_FILE, PatchJudge

from .vocabulary import MAX_TOKENS


def configuration(vocabulary: int, second: bool = False) -> dict:
    """Return the open_clip configuration of a judge. `vocabulary`: number of tokens.

    `second`: of the second judge, which is smaller and looks at fewer pixels.
    """
    first_sight = {"image_size": 96, "layers": 6, "width": 192, "head_width": 48, "patch_size": 8}
    second_sight = {"image_size": 72, "layers": 5, "width": 160, "head_width": 32, "patch_size": 6}
    return {
        "embed_dim": 128,
        "vision_cfg": second_sight if second else first_sight,
        "text_cfg": {
            "context_length": MAX_TOKENS,
            "vocab_size": vocabulary,
            "width": 96,
            "heads": 4,
            "layers": 2,
        },
    }


def save_judge(judge: PatchJudge, folder: Path) -> None:
    """Write the weights, in half precision, and the configuration. `write_merges` writes the words."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, part in (("model.safetensors", judge.clip), (HEAD_FILE, judge.head)):
        state = {name: value for name, value in part.state_dict().items() if name != "attn_mask"}
        save_file(
            {name: value.detach().cpu().half().contiguous() for name, value in state.items()},
            folder / file,
        )
    (folder / "config.json").write_text(json.dumps(judge.config, indent=2) + "\n")
