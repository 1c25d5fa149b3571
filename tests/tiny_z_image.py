"""A tiny random-weight Z-Image: a transformer of one sequence, and a language model that reads for it."""

from __future__ import annotations

from functools import cache

import torch
from diffusers import ZImageTransformer2DModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from studio.models.families.z_image import ZImage
from tests import tiny

WIDTH = 32
TOKENS = 64
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, a few words that are one token each, and a chat template like that of Qwen3."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    words = ["a photo of the cat and a dog on blue background user assistant"] * 3
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<|endoftext|>", eos_token="<|im_end|>", chat_template=TEMPLATE
    )


def backbone(
    dtype: torch.dtype = torch.float32, name: str = "tiny-z", shift: float = 3.0, tokens: int = TOKENS
) -> ZImage:
    """Return a backbone with two layers and 16 px pictures."""
    torch.manual_seed(0)
    words = tokenizer()
    text = Qwen3Model(
        Qwen3Config(
            vocab_size=len(words),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            max_position_embeddings=2 * TOKENS,
        )
    )
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=WIDTH,
        axes_dims=[4, 6, 6],
        axes_lens=[256, 64, 64],
    )
    for weight in transformer.parameters():  # it is made with zeros where nothing would be learned
        if not weight.any():
            weight.data.normal_(std=0.02)
    vae = tiny.vae(scaling_factor=0.3611, shift_factor=0.1159)
    schedule = {"num_train_timesteps": 1000, "shift": shift, "use_dynamic_shifting": False}
    return ZImage(name, words, text, transformer, vae, schedule, dtype=dtype, text_tokens=tokens)
