"""Planted mistakes in the methods and regularizers."""

from __future__ import annotations

from tests.mutants.mutant import planted

WORD = "trainers/textual_inversion.py"
DREAMBOOTH = "trainers/dreambooth.py"
PERFUSION = "trainers/perfusion.py"
SCENE = "trainers/break_a_scene.py"
CORE = "trainers/context_regularized.py"
CONTEXT = "trainers/regularizers/context.py"
WORD_TESTS = ("trainers/test_textual_inversion.py",)
DREAMBOOTH_TESTS = ("trainers/test_dreambooth.py",)
P = "trainers/test_perfusion.py"
PERFUSION_TESTS = (
    f"{P}::test_keys_are_locked_to_the_nouns",
    f"{P}::test_p5_the_target_input_is_a_running_mean_with_the_gradient_straight_through",
    f"{P}::test_p6_the_leak_is_reported_and_charted_word_by_word",
    f"{P}::test_the_gate_is_moved_while_painting_and_the_concept_stays_as_it_is",
)
APART = "trainers/test_break_a_scene.py"
SCENE_TESTS = (
    f"{APART}::test_the_attention_term_equals_a_naive_loop",
    f"{APART}::test_nothing_outside_the_named_masks_counts",
    f"{APART}::test_a_mask_of_everything_gives_the_ordinary_loss",
    f"{APART}::test_each_phase_learns_its_own_with_a_fresh_optimiser",
    f"{APART}::test_the_prior_is_of_the_beach_or_of_the_nouns",
)
C = "trainers/test_context_regularized.py"
CORE_TESTS = (
    f"{C}::test_c6_the_length_is_held_only_in_the_middle_fifth",
    f"{C}::test_the_terms_are_weighted",
    f"{C}::test_the_form_is_that_of_the_paper_or_of_the_released_code",
    f"{C}::test_every_prompt_of_the_chosen_kind_is_drawn",
    f"{C}::test_the_second_stage_tunes_the_model_with_the_word_fixed",
)

MUTANTS = [
    planted(
        "a style is learned in sentences about things",
        WORD,
        'templates.OBJECT if settings.property == "object" else templates.STYLE',
        "templates.OBJECT",
        *WORD_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[textual_inversion-property]",
    ),
    planted(
        "Textual Inversion ignores its weight decay",
        WORD,
        "groups, self.settings.weight_decay)",
        "groups)",
        *WORD_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[textual_inversion-weight_decay]",
    ),
    planted(
        "Textual Inversion ignores masks",
        WORD,
        "self.latents.mask_with(photos, self.subject.handle)",
        "pass",
        *WORD_TESTS,
        "trainers/test_scene.py::test_what_is_outside_a_mask_does_not_count",
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[textual_inversion-masks]",
    ),
    planted(
        "Textual Inversion always learns one vector",
        WORD,
        "subject.noun, settings.vectors)",
        "subject.noun, 1)",
        *WORD_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[textual_inversion-vectors]",
    ),
    planted(
        "Textual Inversion always mirrors photos",
        WORD,
        "photos.pixels(self.backbone.resolution), self.settings.flips",
        "photos.pixels(self.backbone.resolution), True",
        *WORD_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[textual_inversion-flips]",
    ),
    planted(
        "the prior is not weighted",
        DREAMBOOTH,
        "self.settings.prior_weight * self.class_pictures.loss(",
        "self.class_pictures.loss(",
        *DREAMBOOTH_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[dreambooth-prior_weight]",
    ),
    planted(
        "a rare word is learned all the same",
        DREAMBOOTH,
        'if settings.identifier == "learned":',
        "if True:",
        *DREAMBOOTH_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[dreambooth-identifier]",
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[dreambooth-rare_word]",
    ),
    planted(
        "the identifier stands behind the noun",
        DREAMBOOTH,
        "torch.cat([self.identifier, self.noun])",
        "torch.cat([self.noun, self.identifier])",
        *DREAMBOOTH_TESTS,
    ),
    planted(
        "two concepts get the same block of the basis",
        DREAMBOOTH,
        "for block in itertools.count() if block not in taken",
        "for block in itertools.count()",
        *DREAMBOOTH_TESTS,
        "end_to_end/test_worker_tasks.py::test_every_training_in_the_shared_basis_gets_a_block_of_its_own",
    ),
    planted(
        "the word is learned at the rate of the model",
        DREAMBOOTH,
        "([self.identifier], self.settings.word_rate)",
        "([self.identifier], self.settings.learning_rate)",
        *DREAMBOOTH_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[dreambooth-word_rate]",
    ),
    planted(
        "DreamBooth never tunes the text encoder",
        DREAMBOOTH,
        "backbone.low_rank_sites(settings.text_encoder)",
        "backbone.low_rank_sites(False)",
        *DREAMBOOTH_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[dreambooth-text_encoder]",
    ),
    planted(
        "class pictures are always painted with 7.5",
        DREAMBOOTH,
        "                self.settings.class_guidance,\n",
        "                7.5,\n",
        *DREAMBOOTH_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[dreambooth-class_guidance]",
    ),
    planted(
        "Perfusion trains behind the gate for painting",
        PERFUSION,
        "edit.gated(self.settings.train_bias, self.settings.train_temperature)",
        "edit.gated(self.settings.bias, self.settings.temperature)",
        *PERFUSION_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[perfusion-train_bias]",
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[perfusion-train_temperature]",
    ),
    planted(
        "Perfusion paints behind the gate of the paper only",
        PERFUSION,
        "            self.settings.bias,\n            self.settings.temperature,\n",
        "",
        *PERFUSION_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[perfusion-bias]",
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[perfusion-temperature]",
    ),
    planted(
        "i* follows the word a hundred times too fast",
        PERFUSION,
        "0.99 * i_star + 0.01 * e_concept",
        "0.01 * i_star + 0.99 * e_concept",
        *PERFUSION_TESTS,
    ),
    planted(
        "no gradient reaches the word through i*",
        PERFUSION,
        "edit.i_star = mean + e_concept - e_concept.detach()",
        "edit.i_star = mean",
        *PERFUSION_TESTS,
    ),
    planted(
        "keys are always locked",
        PERFUSION,
        " or not self.settings.lock_keys\n",
        "\n",
        *PERFUSION_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[perfusion-lock_keys]",
    ),
    planted(
        "the appearance is learned at the rate of the word",
        PERFUSION,
        "(self.learned, self.settings.value_rate)",
        "(self.learned, self.settings.word_rate)",
        *PERFUSION_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[perfusion-value_rate]",
    ),
    planted(
        "Perfusion leaves the metric out while it learns",
        PERFUSION,
        "edit.dual = self.metric.solve(edit.i_star)",
        "edit.dual = edit.i_star",
        *PERFUSION_TESTS,
    ),
    planted(
        "the attention term grows with the batch",
        SCENE,
        "torch.stack(losses).mean()",
        "torch.stack(losses).sum()",
        *SCENE_TESTS,
    ),
    planted(
        "masks count although they are turned off",
        SCENE,
        "masks if self.settings.masked else None",
        "masks",
        *SCENE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[break_a_scene-masked]",
    ),
    planted(
        "only the first named subject's mask counts",
        SCENE,
        "scene.masks[number, subset].amax(0, keepdim=True)",
        "scene.masks[number, subset[:1]].amax(0, keepdim=True)",
        *SCENE_TESTS,
    ),
    planted(
        "words keep their high rate in the second phase",
        SCENE,
        "both = ((words, self.settings.late_word_rate)",
        "both = ((words, self.settings.word_rate)",
        *SCENE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[break_a_scene-late_word_rate]",
    ),
    planted(
        "nothing decays in the second phase",
        SCENE,
        'Stage("tuning the model", late, both, decay)',
        'Stage("tuning the model", late, both)',
        *SCENE_TESTS,
    ),
    planted(
        "the prior's own prompt is ignored",
        SCENE,
        'settings.prior_prompt or f"a photo of {nouns}"',
        'f"a photo of {nouns}"',
        *SCENE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[break_a_scene-prior_prompt]",
    ),
    planted(
        "full tuning learns at the rate of low-rank edits",
        SCENE,
        'self.settings.full_rate if self.settings.tuning == "full" else self.settings.weight_rate',
        "self.settings.weight_rate",
        "trainers/test_full_tuning.py::test_it_learns_what_tuning_a_copy_in_place_learns",
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[break_a_scene-full_rate]",
    ),
    planted(
        "CoRe's second stage takes the batch of the first",
        CORE,
        "self.settings.batch if learns_word else self.settings.tuning_batch",
        "self.settings.batch",
        *CORE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[context_regularized-tuning_batch]",
    ),
    planted(
        "the word's length is pushed away from what is held",
        CORE,
        "self.word.vectors *= self.held_length / length",
        "self.word.vectors *= length / self.held_length",
        *CORE_TESTS,
    ),
    planted(
        "the word's length is held although that is turned off",
        CORE,
        "elif self.settings.hold_length and first",
        "elif first",
        *CORE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[context_regularized-hold_length]",
    ),
    planted(
        "the form of the context terms is ignored",
        CONTEXT,
        'by_paper = self.settings.context_form == "paper"',
        "by_paper = True",
        *CORE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[context_regularized-context_form]",
    ),
    planted(
        "the two context weights are exchanged",
        CONTEXT,
        "self.settings.context_embedding_weight * embedding",
        "self.settings.context_attention_weight * embedding",
        *CORE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[context_regularized-context_embedding_weight]",
    ),
    planted(
        "things are tried in prompts for animals",
        CONTEXT,
        'f"{self.settings.context_prompts}.txt"',
        '"animate.txt"',
        *CORE_TESTS,
        "trainers/test_every_setting.py::test_changing_it_changes_the_outcome[context_regularized-context_prompts]",
    ),
]
