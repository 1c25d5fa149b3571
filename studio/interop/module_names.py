"""What other programs call the layers of a model.

Our sites are paths of modules, such as `unet.mid_block.attentions.0.proj_in` or
`text_encoder.encoder.layers.0.self_attn.q_proj`. Names are made from sites, never parsed: an underscore may
stand for a dot or for itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

ENCODERS = {  # what kohya's scripts call our text encoders, the usual name first
    "text_encoder": ("lora_te", "lora_te1"),
    "text_encoder_2": ("lora_te2",),
}
TEXT_MODEL = "text_model."  # before the layers of a text encoder, everywhere but here
PARTS = {  # of a residual block: our name, and that of the original code
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
OUTER = {  # layers outside the blocks of a U-Net
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
BLOCK = re.compile(
    r"(down|up|mid)_blocks?\.?(\d*)\.(attentions|resnets|downsamplers|upsamplers)\.(\d+)\.(.+)"
)
TRANSFORMER = {  # patterns of a transformer's layers, with what the code of its makers calls them
    r"transformer_blocks\.(\d+)\.attn\.to_out\.0": r"double_blocks.\1.img_attn.proj",
    r"transformer_blocks\.(\d+)\.attn\.to_add_out": r"double_blocks.\1.txt_attn.proj",
    r"transformer_blocks\.(\d+)\.ff\.linear_in": r"double_blocks.\1.img_mlp.0",
    r"transformer_blocks\.(\d+)\.ff\.linear_out": r"double_blocks.\1.img_mlp.2",
    r"transformer_blocks\.(\d+)\.ff_context\.linear_in": r"double_blocks.\1.txt_mlp.0",
    r"transformer_blocks\.(\d+)\.ff_context\.linear_out": r"double_blocks.\1.txt_mlp.2",
    r"single_transformer_blocks\.(\d+)\.attn\.to_qkv_mlp_proj": r"single_blocks.\1.linear1",
    r"single_transformer_blocks\.(\d+)\.attn\.to_out": r"single_blocks.\1.linear2",
    r"(\w+\.\d+\.attention)\.to_out\.0": r"\1.out",
    # three projections that are one there
    r"transformer_blocks\.(\d+)\.attn\.qkv": r"double_blocks.\1.img_attn.qkv",
    r"transformer_blocks\.(\d+)\.attn\.add_qkv": r"double_blocks.\1.txt_attn.qkv",
}
FUSED = {  # by the ending of a query, those of the key and value beside it, and one for all three
    ".to_q": (".to_k", ".to_v", ".qkv"),
    ".add_q_proj": (".add_k_proj", ".add_v_proj", ".add_qkv"),
}
PER_LEVEL = 3  # layers of a level in the original code, counted through all levels


def kohya_name(site: str, is_xl: bool) -> str:
    """Return the name that kohya's scripts, A1111 and ComfyUI know: `lora_unet_mid_block_...`.

    For Stable Diffusion XL they name the U-Net's layers as its original code does.
    """
    network, _, path = site.partition(".")
    if network in ENCODERS:
        prefix = ENCODERS[network][1 if is_xl and network == "text_encoder" else 0]
        return f"{prefix}_{underscored(TEXT_MODEL + path)}"
    return f"lora_unet_{underscored(original_path(path) if is_xl else path)}"


def diffusers_name(site: str) -> str:
    """Return the name that diffusers and PEFT know: `unet.mid_block...`."""
    network, _, path = site.partition(".")
    return f"{network}.{TEXT_MODEL if network in ENCODERS else ''}{path}"


def denoiser_name(site: str) -> str:
    """Return the name that trainers of transformers and ComfyUI know: `diffusion_model.layers.0...`."""
    return f"diffusion_model.{site.partition('.')[2]}"


def names_of(site: str) -> Iterator[str]:
    """Yield every name under which a file may hold the factors of a layer."""
    network, _, path = site.partition(".")
    if network in ENCODERS:
        for prefix in ENCODERS[network]:
            yield f"{prefix}_{underscored(TEXT_MODEL + path)}"
        yield from (f"{network}.{TEXT_MODEL}{path}", f"{network}.{path}")
        head, _, projection = path.rpartition(".")
        letter = projection.removesuffix("_proj").removesuffix("out") or "out"
        for middle in (TEXT_MODEL, ""):  # diffusers before 2024
            yield f"{network}.{middle}{head}.to_{letter}_lora"
        return
    yield from _denoiser_names(network, path)
    head, _, projection = path.removesuffix(".0").rpartition(".")
    if projection.startswith("to_"):  # diffusers before 2024
        yield f"{network}.{head}.processor.{projection}_lora"


def fused_names(sites: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each name of a layer that makes queries, keys and values in one, with our three sites for it.

    Its rows are those of the query, then the key, then the value, as in the code of Z-Image and FLUX.2.
    """
    for site in sites:
        network, _, path = site.partition(".")
        for query, (key, value, whole) in FUSED.items() if network == "transformer" else ():
            head = path.removesuffix(query)
            three = (site, f"{network}.{head}{key}", f"{network}.{head}{value}")
            if head != path and all(other in sites for other in three):
                yield from ((name, three) for name in _denoiser_names(network, head + whole))


def _denoiser_names(network: str, path: str) -> Iterator[str]:
    """Yield the names of a layer of a U-Net or transformer by our path and by that of its makers."""
    for each in dict.fromkeys((path, original_path(path))):
        yield f"lora_unet_{underscored(each)}"
        yield f"diffusion_model.{each}"
        yield f"{network}.{each}"
        yield each


def underscored(path: str) -> str:
    """Return a path as kohya's scripts write it."""
    return path.replace(".", "_")


def original_path(path: str) -> str:
    """Return the path of a denoiser's layer in the code of its makers; the same where that has no other."""
    if path in OUTER:
        return OUTER[path]
    for pattern, theirs in TRANSFORMER.items():
        if re.fullmatch(pattern, path):
            return re.sub(pattern, theirs, path)
    match = BLOCK.fullmatch(path)
    if match is None:
        return path
    side, block, kind, layer, rest = match.groups()
    rest = PARTS.get(rest, rest) if kind == "resnets" else rest
    if side == "mid":
        return f"middle_block.{1 if kind == 'attentions' else 2 * int(layer)}.{rest}"
    number = PER_LEVEL * int(block) + int(layer)
    place = 1 if kind == "attentions" else 0
    if side == "up":
        if kind == "upsamplers":  # after the attention, where a level has one; others stand in its place
            return f"output_blocks.{PER_LEVEL * int(block) + 2}.2.{rest}"
        return f"output_blocks.{number}.{place}.{rest}"
    if kind == "downsamplers":
        return f"input_blocks.{PER_LEVEL * (int(block) + 1)}.0.op"
    return f"input_blocks.{1 + number}.{place}.{rest}"
