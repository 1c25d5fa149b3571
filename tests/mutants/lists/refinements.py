"""Planted mistakes in refinements and the context loss."""

from __future__ import annotations

from tests.mutants.mutant import planted

TUNING = "studio/generation/refinements/prompt_tuning.py"
LOSS = "studio/generation/context_loss.py"
CARD = "studio/recipes/refinement_card.py"
TUNED = ("generation/test_prompt_tuning.py", "generation/test_painting_with_prompt_tuning.py")
CORE = "trainers/test_context_regularized.py"
CONTEXT = (
    "generation/test_context_loss.py",
    f"{CORE}::test_c2_the_words_own_position_takes_no_part",
    f"{CORE}::test_c3_the_cosine_runs_over_features_in_the_paper_and_over_tokens_in_the_code",
    f"{CORE}::test_the_attention_term_averages_layers_before_squaring",
)
FORM = ("ui/test_refinement_form.py", "recipes/test_grid.py", "recipes/test_refinement_card.py")

MUTANTS = [
    planted(
        "words are tuned on the same noise whatever the seed",
        TUNING,
        "manual_seed(seed)",
        "manual_seed(0)",
        *TUNED,
    ),
    planted(
        "words are tuned without the seed of the recipe",
        TUNING,
        "            painting.recipe.seed,\n",
        "            0,\n",
        *TUNED,
    ),
    planted(
        "the two weights are exchanged",
        TUNING,
        "EMBEDDING_WEIGHT * embedding + ATTENTION_WEIGHT * attention",
        "ATTENTION_WEIGHT * embedding + EMBEDDING_WEIGHT * attention",
        *TUNED,
    ),
    planted(
        "tuning moves the concept itself",
        TUNING,
        "active.edit.word_vectors.detach().clone().requires_grad_()",
        "active.edit.word_vectors.detach().requires_grad_()",
        *TUNED,
        severe=True,
    ),
    planted(
        "Perfusion's keys stay locked globally while its word is tuned",
        TUNING,
        "dataclasses.replace(each, edit=each.edit.while_tuning_words())",
        "each",
        *TUNED,
    ),
    planted(
        "the rate is the length of a word",
        TUNING,
        "text.median_norm / math.sqrt(text.width)",
        "text.median_norm",
        *TUNED,
    ),
    planted(
        "words are tuned on other pictures than are painted",
        TUNING,
        "            latents,\n",
        "            torch.zeros_like(latents),\n",
        *TUNED,
    ),
    planted("nothing is tuned", TUNING, "        optimizer.step()\n", "", *TUNED),
    planted("numbers that are none are let through", TUNING, "if not is_finite:", "if False:", *TUNED),
    planted(
        "layers are squared before they are averaged",
        LOSS,
        "difference.mean(0).square().mean()",
        "difference.square().mean()",
        *CONTEXT,
    ),
    planted(
        "the code's form averages over the batch",
        LOSS,
        ".square().mean(2).sum(1).mean()",
        ".square().mean()",
        *CONTEXT,
    ),
    planted(
        "learned words are compared with their nouns, too",
        LOSS,
        " if position not in left_out]",
        "]",
        *CONTEXT,
    ),
    planted(
        "a prompt that is too long compares what one of them has not",
        LOSS,
        "        shorter -= 1\n",
        "        shorter -= 0\n",
        *CONTEXT,
    ),
    planted(
        "the cosine is that of the code in both forms", LOSS, "dim=1 if by_paper else 0", "dim=0", *CONTEXT
    ),
    planted(
        "the prompt with the nouns is not the one compared with",
        LOSS,
        "text.read([with_nouns] * prompts",
        "text.read([prompt] * prompts",
        *CONTEXT,
    ),
    planted(
        "a refinement is on only when all of its settings are changed",
        CARD,
        "return any(refinements",
        "return all(refinements",
        *FORM,
        "plugins/test_plugins.py::test_a_refinement_is_painted_offered_and_an_axis_of_a_grid",
    ),
    planted(
        "a refinement stays on where no concept acts", CARD, "if recipe.active_handles:", "if True:", *FORM
    ),
    planted(
        "settings at their defaults are kept in the recipe",
        CARD,
        "if value != fields[name].default}",
        "}",
        *FORM,
        *TUNED,
    ),
]
