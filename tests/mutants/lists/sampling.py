"""Planted mistakes in painting, sampling, merging and grids of pictures."""

from __future__ import annotations

from tests.mutants.mutant import planted

SAMPLE = "studio/generation/sampling.py"
GENERATE = "studio/generation/generate.py"
PAINTING = "studio/generation/painting.py"
MERGE = "studio/generation/merge.py"
CHECKED = "studio/generation/checked_file.py"
C = "generation/test_composing.py"
PICTURES = (
    f"{C}::test_a_picture_does_not_depend_on_how_many_are_painted",
    f"{C}::test_modes_differ_and_a_picture_can_be_painted_again_from_its_recipe",
    f"{C}::test_a_box_moves_a_single_concept",
    "generation/test_regions_mode.py::test_a_concept_only_in_the_negative_prompt_acts_everywhere",
)
TUNED = (
    "generation/test_painting_with_prompt_tuning.py::test_a_picture_does_not_depend_on_how_many_are_painted",
)
MERGED = ("generation/test_merge.py",)
GRIDS = ("end_to_end/test_comparing.py::test_a_stopped_grid_goes_on_and_paints_nothing_twice",)

MUTANTS = [
    planted(
        "guidance is reversed",
        SAMPLE,
        "eps_0 + sampling.guidance * (eps_c - eps_0)",
        "eps_c + sampling.guidance * (eps_0 - eps_c)",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
        severe=True,
    ),
    planted(
        "guidance is one more than asked",
        SAMPLE,
        "eps_0 + sampling.guidance * (eps_c",
        "eps_c + sampling.guidance * (eps_c",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
        severe=True,
    ),
    planted(
        "every picture has the same noise",
        SAMPLE,
        "torch.Generator().manual_seed(seed)",
        "torch.Generator().manual_seed(0)",
        *PICTURES,
        *TUNED,
        "generation/test_sampled_by_hand.py",
        severe=True,
    ),
    planted(
        "pictures are painted from seed 0",
        PAINTING,
        "conditions, [recipe.seed], self.started.steps",
        "conditions, [0], self.started.steps",
        *PICTURES,
        *TUNED,
        "generation/test_sampled_by_hand.py",
        severe=True,
    ),
    planted(
        "regions are found in the picture of seed 0",
        PAINTING,
        "sample(backbone, recipe, conditions, [recipe.seed])",
        "sample(backbone, recipe, conditions, [0])",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
        "generation/test_finding_regions.py",
        severe=True,
    ),
    planted(
        "self-attention is masked in the wrong half",
        SAMPLE,
        "number < SELF_MASK_SHARE",
        "number >= SELF_MASK_SHARE",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
        "generation/test_finding_regions.py",
    ),
    planted(
        "a picture that goes on begins anew",
        SAMPLE,
        "range(start, sampling.steps)",
        "range(sampling.steps)",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "without guidance the negative prompt is painted",
        SAMPLE,
        "both.rows(slice(1, None))",
        "both.rows(slice(0, 1))",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
        severe=True,
    ),
    planted(
        "the size is ignored",
        SAMPLE,
        "backbone.shape_of(sampling.width, sampling.height)",
        "backbone.shape_of()",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "a concept named only in the negative prompt is not attached",
        GENERATE,
        'named = handles_in(f"{recipe.prompt} {recipe.negative}")',
        "named = handles_in(recipe.prompt)",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "all pictures of a recipe are the first",
        GENERATE,
        "recipe.single(index)",
        "recipe.single(0)",
        *PICTURES,
        "generation/test_sampled_by_hand.py",
        severe=True,
    ),
    planted(
        "strength 0 leaves the word in the prompt",
        GENERATE,
        "if recipe.strength(handle) == 0:",
        "if False:",
        *PICTURES,
        "trainers/test_every_method.py::test_strength_zero_is_the_plain_noun",
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "concepts of different metrics are mixed",
        GENERATE,
        "if first != digest:",
        "if False:",
        *PICTURES,
        "trainers/test_perfusion.py::test_concepts_of_different_metrics_are_not_mixed",
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "nothing is said of words that are not read",
        GENERATE,
        "    if dropped:\n",
        "    if False:\n",
        *PICTURES,
        *TUNED,
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "the recipe in a picture does not name its base",
        GENERATE,
        "base=backbone.name, refinements",
        "base=recipe.base, refinements",
        *PICTURES,
        *TUNED,
        "generation/test_sampled_by_hand.py",
    ),
    planted(
        "the negative prompt is not read",
        GENERATE,
        "Prompts(negative, prompt, ",
        'Prompts("", prompt, ',
        *PICTURES,
        "generation/test_sampled_by_hand.py",
    ),
    planted("edits go to each other's inputs in a merge", MERGE, "P[:, None] * outer", "outer", *MERGED),
    planted(
        "without inputs a merge forgets the edits",
        MERGE,
        "torch.linalg.solve(G + ridge, Q + ridge",
        "torch.linalg.solve(G + ridge, Q",
        *MERGED,
    ),
    planted("two concepts of one name are merged", MERGE, "    if twice:\n", "    if False:\n", *MERGED),
    planted(
        "a merge keeps the knobs of the first only",
        MERGE,
        "knobs={name: knob for header in headers for",
        "knobs={name: knob for header in headers[:1] for",
        *MERGED,
    ),
    planted(
        "a grid paints again what is painted",
        "studio/generation/grid_painting.py",
        "if grid.is_painted(cell, backbone.name):",
        "if False:",
        *GRIDS,
    ),
    planted(
        "amendments apply to nothing",
        "studio/generation/conditions.py",
        "            stack.enter_context(backbone.text.amending(change, timed))",
        "            pass",
        "generation/test_conditions.py",
    ),
    planted(
        "a concept is saved although no picture was painted from it",
        CHECKED,
        '        for _ in generate(backbone, few.with_prompt(" ".join(concept.header.handles)), [opened]):\n'
        "            pass\n",
        "",
        "generation/test_checked_file.py",
        severe=True,
    ),
    planted(
        "what is tried is not what the file holds",
        CHECKED,
        "concept.header.handles)), [opened]",
        "concept.header.handles)), [concept]",
        "generation/test_checked_file.py",
        severe=True,
    ),
    planted(
        "a concept is tried without being named",
        CHECKED,
        '" ".join(concept.header.handles)',
        '""',
        "generation/test_checked_file.py",
        severe=True,
    ),
    planted(
        "a full disk is called a fault of the concept",
        CHECKED,
        "    except DiskError:\n        raise\n",
        "",
        "generation/test_checked_file.py",
        severe=True,
    ),
    planted(
        "a file that was tried and failed is left behind",
        CHECKED,
        "            trial.unlink(missing_ok=True)",
        "            pass",
        "generation/test_checked_file.py",
    ),
]
