"""Planted mistakes in `studio/edits`."""

from __future__ import annotations

from tests.mutants.mutant import planted

WORD = "trainers/test_textual_inversion.py"
DREAMBOOTH = "trainers/test_dreambooth.py"
PERFUSION = "trainers/test_perfusion.py"
TESTS = (
    "edits/test_attaching.py",
    f"{WORD}::test_strength_lies_between_the_noun_and_the_word",
    f"{DREAMBOOTH}::test_the_first_step_starts_from_the_base",
    f"{DREAMBOOTH}::test_a_low_rank_edit_acts_as_its_matrix",
)
GATE = (
    "trainers/test_perfusion_equations.py",
    f"{PERFUSION}::test_a_global_lock_gives_the_keys_of_the_prompt_with_the_noun",
    f"{PERFUSION}::test_the_gate_is_moved_while_painting_and_the_concept_stays_as_it_is",
)
CONCEPT = ("edits/test_concept.py",)
SAVING = "studio/edits/saving.py"
SAVED = (
    "test_full_disk.py::test_with_no_room_anywhere_the_concept_waits",
    "generation/test_checked_file.py::test_a_full_disk_is_said_as_one_and_the_concept_goes_elsewhere",
)

KINDS = "studio/edits/kinds"
PROJECTION = "studio/edits/gated_projection.py"

MUTANTS = [
    planted(
        "the strength of a word is ignored",
        f"{KINDS}/tokens.py",
        "return v0 + strength * (self.vectors - v0)",
        "return self.vectors",
        *TESTS,
        "edits/test_strengths.py",
    ),
    planted(
        "the strength of low-rank edits is ignored",
        f"{KINDS}/low_rank.py",
        "active.strength * active.edit.B[site]",
        "active.edit.B[site]",
        *TESTS,
    ),
    planted(
        "the matrices A start r times too large",
        f"{KINDS}/low_rank.py",
        "torch.randn(r, layer.in_features, generator=generator) / r)",
        "torch.randn(r, layer.in_features, generator=generator))",
        *TESTS,
        "edits/test_strengths.py",
    ),
    planted(
        "a new low-rank edit changes the base",
        f"{KINDS}/low_rank.py",
        "torch.zeros(layer.out_features, r, device=device)",
        "torch.ones(layer.out_features, r, device=device)",
        *TESTS,
    ),
    planted(
        "an edit with a mask acts everywhere",
        f"{KINDS}/low_rank.py",
        "if masked and inner.ndim == 3 else inner",
        "if False else inner",
        "generation/test_words_mode.py",
        "generation/test_regions_mode.py",
    ),
    planted(
        "the strength of full tuning is ignored where several are on",
        f"{KINDS}/full.py",
        "sum(strength * (weight - start)",
        "sum((weight - start)",
        "trainers/test_full_tuning.py::"
        "test_strengths_lie_between_the_base_and_the_tuned_model_and_several_add_up",
    ),
    planted(
        "the stages of a word run backwards",
        f"{KINDS}/staged_tokens.py",
        "backbone.noise_share(t) * len(vectors)",
        "(1 - backbone.noise_share(t)) * len(vectors)",
        *TESTS,
        "edits/test_strengths.py",
    ),
    planted(
        "the strength of a staged word is ignored",
        f"{KINDS}/staged_tokens.py",
        "if strength == 1 else v0 + strength * (vectors - v0)",
        "if strength else v0",
        *TESTS,
        "edits/test_strengths.py",
    ),
    planted(
        "the gate of the training stays on",
        f"{KINDS}/rank_one.py",
        "            self.bias, self.temperature = before",
        "            pass",
        *GATE,
    ),
    planted(
        "the strength is not applied to what is taken away",
        PROJECTION,
        "(strengths * removed) @ outputs",
        "removed @ outputs",
        *GATE,
        "edits/test_strengths.py",
    ),
    planted(
        "the strength is not applied to what is added",
        PROJECTION,
        "(strengths * gates) @ o_star",
        "gates @ o_star",
        *GATE,
        "edits/test_strengths.py",
    ),
    planted(
        "the gate's temperature is inverted",
        PROJECTION,
        "torch.sigmoid((r - bias) / temperature)",
        "torch.sigmoid((r - bias) * temperature)",
        *GATE,
    ),
    planted("r is not in the metric of C", PROJECTION, "(I * duals).sum(1)", "(I * I).sum(1)", *GATE),
    planted(
        "the global lock ignores the strength",
        PROJECTION,
        "active.strength * edit.global_lock * (plain",
        "edit.global_lock * (plain",
        *GATE,
        "edits/test_strengths.py",
    ),
    planted(
        "hooks stay on the model",
        "studio/edits/attaching.py",
        "            handle.remove()",
        "            pass",
        *TESTS,
        severe=True,
    ),
    planted(
        "replaced weights stay on the model",
        "studio/edits/attaching.py",
        "for path, weight in before.items():",
        "for path, weight in weights.items():",
        *TESTS,
        severe=True,
    ),
    planted(
        "keys of one prompt are used for another",
        "studio/edits/attaching.py",
        'if known.get("key") is not arguments[key]:',
        'if "key" not in known:',
        *TESTS,
        severe=True,
    ),
    planted(
        "a concept with numbers measured on other weights is taken",
        "studio/edits/concept.py",
        "if fits and (is_same or not self.header.dependencies):",
        "if fits:",
        *CONCEPT,
        "trainers/test_every_method.py::test_goes_on_another_checkpoint_of_its_kind_with_a_note",
    ),
    planted(
        "a shared edit takes the weakest strength",
        "studio/edits/concept.py",
        "strength = max(strengths, default=",
        "strength = min(strengths, default=",
        *CONCEPT,
        "trainers/test_break_a_scene.py::test_the_shared_change_is_as_strong_as_the_strongest_handle_named",
    ),
    planted(
        "knobs are ignored",
        "studio/edits/concept.py",
        "edit.with_knobs(recipe.knobs.get(edit.handle, {}))",
        "edit.with_knobs({})",
        *CONCEPT,
        f"{PERFUSION}::test_the_gate_is_moved_while_painting_and_the_concept_stays_as_it_is",
    ),
    planted(
        "an exchanged concept is painted under its old name",
        "studio/edits/concept.py",
        "library.hash(entry)) != known:",
        "library.hash(entry)) is None:",
        *CONCEPT,
        "end_to_end/test_comparing.py::"
        "test_a_concept_that_was_exchanged_meanwhile_is_not_painted_under_its_old_name",
        severe=True,
    ),
    planted(
        "a concept replaces another of its name in the folder it is put into",
        SAVING,
        "*(_unused(folder / path.name) for folder in others)",
        "*(folder / path.name for folder in others)",
        *SAVED,
        severe=True,
    ),
    planted(
        "a concept that no folder takes is given up",
        SAVING,
        "        time.sleep(RETRY_SECONDS)",
        "        raise reason",
        *SAVED,
        severe=True,
    ),
    planted(
        "it is said again and again that a concept waits to be saved",
        SAVING,
        "            said = True",
        "            said = False",
        *SAVED,
    ),
]
