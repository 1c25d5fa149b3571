"""Planted mistakes in `studio/models`, apart from attention (`composing.py`)."""

from __future__ import annotations

from tests.mutants.mutant import planted

WORD = "trainers/test_textual_inversion.py"
READER = (
    "models/test_text_reader.py",
    f"{WORD}::test_three_vectors_take_three_positions_start_equal_and_diverge",
    f"{WORD}::test_taking_the_word_off_restores_tokenizer_and_table",
    f"{WORD}::test_a_noun_of_several_tokens_starts_at_their_mean",
    f"{WORD}::test_the_norm_is_reported_in_lengths_of_a_usual_word",
)
DIFFUSION = ("models/test_sampler.py", "models/test_words.py")
ENCODERS = ("evaluation/test_encoders.py", "models/test_clip.py")
DDPM = "studio/models/ddpm.py"
FAMILY = "studio/models/unet_backbone.py"
PICTURES = "studio/models/latent_pictures.py"
TEXT = "studio/models/text_reader.py"

MUTANTS = [
    planted(
        "a hook stays on the text encoder when it raises",
        TEXT,
        "    finally:\n        hook.remove()",
        "    except ZeroDivisionError:\n        raise\n    hook.remove()",
        *READER,
        severe=True,
    ),
    planted(
        "a learned word stays known after its block",
        TEXT,
        "            self._new_words = before\n",
        "            pass\n",
        *READER,
        severe=True,
    ),
    planted(
        "a word of several vectors is its first",
        TEXT,
        "(handle, index % count) for index",
        "(handle, 0) for index",
        *READER,
    ),
    planted(
        "a learned word stands on an end token",
        TEXT,
        "ids += [self.tokenizer.bos_token_id] * count",
        "ids += [self.tokenizer.eos_token_id] * count",
        *READER,
    ),
    planted(
        "a noun of several tokens starts from its first",
        TEXT,
        ".mean(0, keepdim=True).repeat(count, 1)",
        "[:1].repeat(count, 1)",
        *READER,
    ),
    planted(
        "rows of zeros count in the usual length of a word",
        TEXT,
        "norms[norms > 0].median()",
        "norms.median()",
        *READER,
    ),
    planted(
        "a prompt that is too long loses its beginning",
        TEXT,
        "fitting = ids[: self.max_tokens]",
        "fitting = ids[-self.max_tokens :]",
        *READER,
        "generation/test_context_loss.py",
    ),
    planted(
        "repeated prompts put their words into the first",
        "studio/models/words.py",
        "self.rows.repeat(count) + n * rounds",
        "self.rows.repeat(count)",
        *READER,
        *DIFFUSION,
    ),
    planted(
        "each prompt repeated in a row is all prompts in turn",
        "studio/models/words.py",
        "lambda tensor: tensor.repeat_interleave(count, dim=0)",
        "lambda tensor: torch.cat([tensor] * count)",
        *DIFFUSION,
    ),
    planted(
        "noise and picture are exchanged",
        DDPM,
        "signal * latents + spread * noise",
        "spread * latents + signal * noise",
        *DIFFUSION,
    ),
    planted(
        "v has the wrong sign",
        DDPM,
        "signal * noise - spread * latents",
        "signal * noise + spread * latents",
        *DIFFUSION,
    ),
    planted(
        "a share of the noise range counts from the other end",
        DDPM,
        "int(share * self._timesteps)",
        "int((1 - share) * self._timesteps)",
        *DIFFUSION,
    ),
    planted(
        "training never draws the noisiest half",
        DDPM,
        "torch.randint(self._timesteps, (count,)",
        "torch.randint(self._timesteps // 2, (count,)",
        *DIFFUSION,
    ),
    planted(
        "photos are divided by the VAE's factor",
        PICTURES,
        "return (mean - shift) * scale, std * scale",
        "return (mean - shift) / scale, std / scale",
        *DIFFUSION,
        "models/test_opening.py",
        "models/test_stable_diffusion.py",
        severe=True,
    ),
    planted(
        "pictures are decoded from latents times the VAE's factor",
        PICTURES,
        "torch.float32) / scale + shift",
        "torch.float32) * scale + shift",
        *DIFFUSION,
        "models/test_opening.py",
        "models/test_stable_diffusion.py",
        severe=True,
    ),
    planted(
        "photos are encoded from 0..1",
        PICTURES,
        "pixels.astype(np.float32) / 127.5 - 1)",
        "pixels.astype(np.float32) / 255)",
        *DIFFUSION,
        "models/test_opening.py",
        "models/test_stable_diffusion.py",
    ),
    planted(
        "the fingerprint leaves the text encoder out",
        FAMILY,
        "fingerprint((*self.text_encoders.values(), unet), self.prediction_type)",
        "fingerprint((unet,), self.prediction_type)",
        "models/test_opening.py",
        "edits/test_concept.py",
        "models/test_stable_diffusion.py",
    ),
    planted(
        "the fingerprint is of one number of each weight",
        "studio/models/fingerprint.py",
        "min(flat.numel(), SAMPLES)",
        "1",
        "models/test_opening.py",
        *ENCODERS,
        "models/test_stable_diffusion.py",
    ),
    planted(
        "the fingerprint depends on the precision",
        "studio/models/fingerprint.py",
        '.to("cpu", torch.float16)',
        '.to("cpu", torch.float32)',
        "models/test_opening.py",
        *ENCODERS,
        "models/test_stable_diffusion.py",
    ),
    planted(
        "features are not of unit length",
        "studio/models/base_features.py",
        "return F.normalize(features, dim=1).cpu()",
        "return features.cpu()",
        *ENCODERS,
    ),
    planted(
        "features are of pure noise",
        FAMILY,
        "FEATURE_NOISE = 0.261",
        "FEATURE_NOISE = 0.999",
        *ENCODERS,
        "models/test_stable_diffusion.py",
    ),
    planted(
        "the judge names what fits least",
        "studio/models/clip.py",
        "named.T).argmax(dim=1)",
        "named.T).argmin(dim=1)",
        *ENCODERS,
    ),
    planted(
        "the worst of the masks offered is taken",
        "studio/models/segmenter.py",
        "offered.iou_scores[0, 0].argmax()",
        "offered.iou_scores[0, 0].argmin()",
        "models/test_segmenter.py",
    ),
]
