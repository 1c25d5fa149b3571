"""What `studio.models.backbone` promises: nothing above `studio.models` names a part of a diffusion model.

Where bases lie on disk is looked at in `studio.bases`, by the names that their files have; `studio.interop`
and the readers of other programs' pictures know what those call the parts.

A part is named by an identifier, an attribute, an argument or a text in code; docstrings and comments may
speak of it. What code needs to know of a base it asks the `Backbone`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BELOW = {ROOT / "studio" / name for name in ("models", "bases", "interop")}
READERS = ("comfyui", "workflow_prompt", "fooocus", "invokeai", "swarmui")
BELOW |= {ROOT / "studio" / "recipes" / f"{name}.py" for name in READERS}
ABOVE = sorted(
    path
    for folder in ("studio", "trainers")
    for path in (ROOT / folder).rglob("*.py")
    if not BELOW & {path, *path.parents}
)
PARTS = {"unet", "vae", "scheduler", "tokenizer", "text_encoder", "alphas_cumprod", "num_train_timesteps"}
TOKEN_IDS = {"bos_token_id", "eos_token_id", "pad_token_id", "model_max_length"}
PATHS = re.compile(
    r"\b(unet|vae|scheduler|tokenizer|text_encoder|text_model)\.|\.?\battn[12]\b|</w>|<\|\w+\|>"
)
SETTINGS = {"text_encoder"}  # a setting of methods, and an argument: whether the text encoder is tuned too


def docstrings(tree: ast.AST) -> set[ast.Constant]:
    """The texts that stand alone as statements: docstrings, and those below a field."""
    statements = (node for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {node.value for node in statements if isinstance(node.value, ast.Constant)}


def names(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every identifier, attribute, argument and string constant of a file."""
    tree = ast.parse(source)
    left_out = docstrings(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)):
                yield node.value.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.Constant(value=str(text)) if node not in left_out:
                yield node.lineno, text


def named_parts(source: str) -> list[str]:
    """Return the parts of a diffusion model that code names, as "line: text"."""
    forbidden = (PARTS | TOKEN_IDS) - SETTINGS
    found = [
        (line, name)
        for line, name in names(source)
        if name.lower() in forbidden or name in TOKEN_IDS or PATHS.search(name)
    ]
    return [f"{line}: {name}" for line, name in sorted(found)]


@pytest.mark.parametrize("path", ABOVE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_part_of_a_diffusion_model_is_named_above_the_models(path: Path) -> None:
    assert named_parts(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "backbone.unet",
        "backbone.vae.decode(latents)",
        "scheduler = 1",
        "paint(scheduler=1)",
        "site.startswith('unet.')",
        "site.endswith('.attn1')",
        "f'{site}.attn2.to_k'",
        "text.eos_token_id",
        "name.removesuffix('</w>')",
        "backbone.alphas_cumprod[t]",
        "config.num_train_timesteps",
        "def unet(): ...",
    ],
)
def test_the_search_finds_a_part_wherever_code_names_it(line: str) -> None:
    assert named_parts(line)


@pytest.mark.parametrize(
    "line",
    [
        '"""Reads `unet.mid_block` and the scheduler."""',
        "x = 1  # the U-Net's attn2",
        "def f():\n    'The eos_token_id of the tokenizer.'",
        "raise ValueError('The U-Net is frozen.')",
        "backbone.low_rank_sites(text_encoder=True)",
    ],
)
def test_the_search_leaves_explanations_alone(line: str) -> None:
    assert named_parts(line) == []
