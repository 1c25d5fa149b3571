"""What files for other programs say of themselves: ModelSpec, and the keys of kohya's scripts.

All values are strings. Nothing names a folder, a photo or a prompt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import save

from studio.concepts.header import Header

XL_FAMILY = "stable_diffusion_xl"
ARCHITECTURES = {  # by the kind of base: ModelSpec's name, and that of kohya's scripts
    "stable_diffusion 768": ("stable-diffusion-v1", "sd_v1"),
    "stable_diffusion 1024": ("stable-diffusion-v2-512", "sd_v2"),
    XL_FAMILY: ("stable-diffusion-xl-v1-base", "sdxl_base_v1-0"),
    "z_image": ("z-image", "zimage"),
    "flux2_klein": ("flux.2-klein-4b", "flux2_klein"),
}
IMPLEMENTATION = "https://github.com/huggingface/diffusers"


def architecture_of(base_kind: str) -> tuple[str, str]:
    """Return ModelSpec's name of a kind of base and that of kohya's scripts; its own for an unknown kind."""
    family = base_kind.partition(" ")[0]
    return ARCHITECTURES.get(base_kind) or ARCHITECTURES.get(family) or (base_kind.replace(" ", "-"), family)


def model_spec(header: Header, adapter: str, title: str) -> dict[str, str]:
    """Return ModelSpec 1.0.1 of a file that holds an `adapter`, "lora" or "textual-inversion"."""
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{architecture_of(header.base_kind)[0]}/{adapter}",
        "modelspec.implementation": IMPLEMENTATION,
        "modelspec.title": title,
        "modelspec.date": header.created,
        "modelspec.trigger_phrase": header.handle.strip("<>"),
    }


def kohya_metadata(header: Header, name: str, rank: int, trigger: str) -> dict[str, str]:
    """Return what A1111, ComfyUI and kohya's scripts read of a LoRA.

    Args:
        name: of the file, without its ending.
        rank: the largest of its layers.
        trigger: what a person types.
    """
    version = architecture_of(header.base_kind)[1]
    return {
        "ss_base_model_version": version,
        "ss_v2": str(version.startswith("sd_v2")),
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(rank),
        "ss_output_name": name,
        "ss_sd_model_name": header.base,
        "ss_tag_frequency": json.dumps({f"1_{name}": {trigger: 1}}),
    }


def to_file(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file with the hash of its tensors among its metadata, as ModelSpec asks."""
    ordered = {name: np.array(tensor, order="C") for name, tensor in tensors.items()}
    content = save(ordered)
    length = int.from_bytes(content[:8], "little")
    digest = hashlib.sha256(content[8 + length :]).hexdigest()
    return save(ordered, {**metadata, "modelspec.hash_sha256": f"0x{digest}"})
