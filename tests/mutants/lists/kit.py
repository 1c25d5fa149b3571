"""Planted mistakes in `trainers/kit`."""

from __future__ import annotations

from tests.mutants.mutant import planted

WORD = "trainers/test_textual_inversion.py"
APART = "trainers/test_break_a_scene.py"
SCENE = (
    "trainers/test_scene.py::test_masks_mirror_with_their_photos",
    "trainers/test_scene.py::test_the_background_is_what_the_masks_leave",
    "trainers/test_scene.py::test_what_is_outside_a_mask_does_not_count",
    f"{APART}::test_maps_are_divided_by_their_maximum_and_summed_over_subjects",
    f"{APART}::test_the_attention_term_equals_a_naive_loop",
    f"{APART}::test_every_size_and_every_subject_is_drawn_equally_often",
    f"{APART}::test_the_masked_loss_is_not_divided_by_the_area",
)
CLASS_PICTURES = (
    "trainers/test_dreambooth.py::test_a_class_picture_is_what_painting_its_prompt_gives",
    "trainers/test_dreambooth.py::test_class_pictures_come_from_the_untouched_base_and_are_painted_once",
)
LATENTS = (
    f"{WORD}::test_latents_are_drawn_with_fresh_noise_from_one_encoding",
    "trainers/test_scene.py::test_masks_mirror_with_their_photos",
    "trainers/test_perfusion.py::test_masks_are_soft_have_maximum_one_and_weigh_the_loss",
    "trainers/test_perfusion.py::test_a_mask_of_the_user_replaces_that_of_the_base",
)
EVERY = "trainers/test_every_method.py"
STEPS = (
    f"{WORD}::test_the_vectors_decay_as_set",
    f"{EVERY}::test_accumulated_batches_make_one_step",
    f"{EVERY}::test_the_loss_falls_on_one_fixed_batch",
)
PHASES = f"{APART}::test_each_phase_learns_its_own_with_a_fresh_optimiser"
RESUMED = f"{EVERY}::test_goes_on_from_a_saved_state_bit_for_bit"

MUTANTS = [
    planted(
        "photos are encoded without fresh noise",
        "trainers/kit/latents.py",
        "self.std[numbers] * self.backbone.draw",
        "0 * self.backbone.draw",
        *LATENTS,
        "trainers/test_latents.py",
    ),
    planted(
        "mirror images are upside down",
        "trainers/kit/latents.py",
        "pixels[:, :, ::-1]",
        "pixels[:, ::-1]",
        *LATENTS,
        "trainers/test_latents.py",
    ),
    planted(
        "masks of mirror images are not mirrored",
        "trainers/kit/latents.py",
        "mask[:, ::-1].copy()",
        "mask.copy()",
        *LATENTS,
        "trainers/test_latents.py",
    ),
    planted(
        "photos repeat before all were drawn",
        "trainers/kit/latents.py",
        "        return order[:count]",
        "        return torch.randint(len(self.mean), (count,), generator=generator)",
        *LATENTS,
        "trainers/test_latents.py",
    ),
    planted(
        "the masked loss is divided by the area of the masks",
        "trainers/kit/losses.py",
        "(batch.masks * error).mean()",
        "(batch.masks * error).sum() / batch.masks.sum()",
        *SCENE,
    ),
    planted(
        "attention maps are divided by their sum",
        "trainers/kit/losses.py",
        "maps / maps.amax((1, 2), keepdim=True)",
        "maps / maps.sum((1, 2), keepdim=True)",
        *SCENE,
    ),
    planted(
        "prompt and negative prompt of class pictures are exchanged",
        "trainers/kit/class_pictures.py",
        '["", self.recipe.prompt]',
        '[self.recipe.prompt, ""]',
        *CLASS_PICTURES,
        severe=True,
    ),
    planted(
        "class pictures of another base are used",
        "trainers/kit/class_pictures.py",
        'f"{self.backbone.fingerprint} ',
        'f"',
        *CLASS_PICTURES,
        severe=True,
    ),
    planted(
        "class pictures of another guidance are used",
        "trainers/kit/class_pictures.py",
        " {self.recipe.steps} {self.recipe.guidance}",
        " {self.recipe.steps}",
        *CLASS_PICTURES,
    ),
    planted(
        "gradients are not clipped",
        "trainers/kit/optimizing.py",
        "CLIP_NORM = 1.0",
        "CLIP_NORM = 1e9",
        *STEPS,
        "trainers/test_optimizing.py",
    ),
    planted(
        "the weight decay is ignored",
        "trainers/kit/optimizing.py",
        "weight_decay=stage.weight_decay",
        "weight_decay=0.0",
        *STEPS,
        PHASES,
        "trainers/test_optimizing.py",
    ),
    planted(
        "nothing is done after a step",
        "trainers/kit/optimizing.py",
        "if stage.after_step:",
        "if False:",
        "trainers/test_context_regularized.py::test_c6_the_length_is_held_only_in_the_middle_fifth",
        "trainers/test_optimizing.py",
    ),
    planted(
        "a term replaces another of the same name",
        "trainers/kit/optimizing.py",
        'name if name not in terms else f"{regularizer.id} {name}"',
        "name",
        "trainers/test_context_regularized.py::test_the_gradients_of_the_terms_are_reported",
    ),
    planted(
        "a resumed training draws other batches",
        "trainers/kit/optimizing.py",
        "self.generator.set_state(state.generator)",
        "pass",
        RESUMED,
        severe=True,
    ),
    planted(
        "a resumed training forgets its optimizer",
        "trainers/kit/optimizing.py",
        "self._optimizer.load_state_dict(copied(state.optimizer))",
        "pass",
        RESUMED,
        severe=True,
    ),
    planted(
        "the moments are centred",
        "trainers/kit/text_moments.py",
        "C += e.T @ e",
        "C += (e - e.mean(0)).T @ (e - e.mean(0))",
        "trainers/test_text_moments.py",
    ),
    planted(
        "the moments count padding",
        "trainers/kit/text_moments.py",
        "e = hidden[list(tokens.written)]",
        "e = hidden",
        "trainers/test_text_moments.py",
    ),
    planted(
        "moments of another encoder are used",
        "trainers/kit/text_moments.py",
        "if brought is not None and brought.encoder == encoder:",
        "if brought is not None:",
        "trainers/test_text_moments.py",
    ),
    planted(
        "only one subject is ever named",
        "trainers/kit/union_sampling.py",
        "len(present) if self.together else 1",
        "1",
        *SCENE,
    ),
    planted(
        "the background is what the masks cover",
        "trainers/kit/scene.py",
        "~masks.any(1, keepdim=True)",
        "masks.any(1, keepdim=True)",
        *SCENE,
    ),
    planted(
        "the verdict takes the noun for the concept",
        "trainers/kit/verdict.py",
        "for strength in (1.0, 0.0):",
        "for strength in (0.0, 1.0):",
        "trainers/test_verdict.py",
        severe=True,
    ),
    planted(
        "the verdict paints from other seeds",
        "trainers/kit/verdict.py",
        "[sampling.seed + number for",
        "[number for",
        "trainers/test_verdict.py",
    ),
    planted(
        "the matrices B lose their share of the singular values",
        "trainers/kit/svd_extraction.py",
        "U[:, :rank] * root",
        "U[:, :rank]",
        "trainers/test_full_tuning.py::test_the_cut_is_the_best_there_is_of_its_rank",
    ),
    planted(
        "every training has the same seed",
        "trainers/kit/loop.py",
        "torch.Generator().manual_seed(sampling.seed)",
        "torch.Generator().manual_seed(0)",
        "trainers/test_verdict.py",
        f"{EVERY}::test_a_seed_repeats_itself_and_finishing_early_too_late_changes_nothing",
        "trainers/test_loop.py",
    ),
    planted(
        "the last preview is of the numbers before rounding",
        "trainers/kit/loop.py",
        "tuple(method.edits())).round_to_file()",
        "tuple(method.edits()))",
        f"{EVERY}::test_the_file_paints_the_same_picture",
        f"{EVERY}::test_the_last_preview_is_what_create_paints",
        severe=True,
    ),
    planted(
        "the leak cancels itself out",
        "trainers/kit/gate_report.py",
        '"leak": r.abs().mean()',
        '"leak": r.mean()',
        "trainers/test_perfusion.py::test_p6_the_leak_is_reported_and_charted_word_by_word",
    ),
    planted(
        "attention is compared with the maximum of all maps",
        "trainers/kit/attention_iou.py",
        "maps.amax((1, 2), keepdim=True))[:, None]",
        "maps.amax())[:, None]",
        *SCENE,
        "trainers/benchmarks/test_scene_trial.py::test_the_attention_of_handles_is_compared_with_every_mask",
    ),
]
