"""Planted mistakes in composing, regions and attention."""

from __future__ import annotations

from tests.mutants.mutant import planted

C = "generation/test_composing.py"
MODES = (
    "generation/test_words_mode.py",
    f"{C}::test_modes_differ_and_a_picture_can_be_painted_again_from_its_recipe",
)
REGIONS = (
    "ui/test_composing_form.py",
    "generation/test_regions_mode.py",
    f"{C}::test_a_box_moves_a_single_concept",
)
RECORDED = "trainers/test_perfusion.py::test_recorded_maps_are_the_layers_own_attention"
ATTENTION = ("models/test_attention.py", "generation/test_regions_mode.py")
COMPOSING = "studio/generation/composing.py"
PAINTING = "studio/generation/painting.py"
MAPS = "studio/models/attention.py"
UNET = "studio/models/unet_attention.py"

MUTANTS = [
    planted(
        "recorded attention is not scaled",
        UNET,
        "k.float().transpose(-1, -2) * layer.scale)",
        "k.float().transpose(-1, -2))",
        *ATTENTION,
        RECORDED,
        severe=True,
    ),
    planted(
        "only fine self-attention is masked",
        UNET,
        "x.shape[1] > SELF_MASK_SIDE**2",
        "x.shape[1] <= SELF_MASK_SIDE**2",
        *ATTENTION,
    ),
    planted(
        "at guidance 1 the prompt is masked as the negative prompt",
        MAPS,
        "self.readable[-n:, None]",
        "self.readable[:n, None]",
        *ATTENTION,
    ),
    planted(
        "a cell belongs only to the region that covers most of it",
        MAPS,
        "cover.amax(0).clamp(max=HALF)",
        "cover.amax(0)",
        *ATTENTION,
    ),
    planted(
        "masks of several prompts are given to the wrong heads",
        MAPS,
        "bias.repeat_interleave(heads, 0)",
        "bias.repeat(heads, 1, 1)",
        *ATTENTION,
    ),
    planted(
        "a map is the mean of its layers' sums",
        MAPS,
        "maps[..., list(positions)].mean(dim=(1, 3))",
        "maps[..., list(positions)].sum(3).mean(1)",
        *ATTENTION,
        RECORDED,
    ),
    planted(
        "a mask from the noun is stretched from 0 only",
        MAPS,
        "(mean - low) / (high - low)",
        "mean / high",
        *ATTENTION,
        "trainers/test_perfusion.py::test_masks_are_soft_have_maximum_one_and_weigh_the_loss",
    ),
    planted(
        "the box of a style is ignored",
        COMPOSING,
        "if noun not in NOT_LOCALISABLE or h in recipe.regions}",
        "if noun not in NOT_LOCALISABLE}",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "no region reads its own concept",
        COMPOSING,
        "with_placeholder_nouns(prompts.texts, nouns, keep=owner)",
        "with_placeholder_nouns(prompts.texts, nouns)",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "edits are not averaged where regions overlap",
        COMPOSING,
        "areas / areas.sum(0).clamp_min(1)",
        "areas",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "a region reads the nouns of the others",
        COMPOSING,
        "set(placeholders(nouns))) for column in tokens]",
        "set()) for column in tokens]",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "self-attention to the background is masked",
        COMPOSING,
        "readable.to(backbone.device), has_background)",
        "readable.to(backbone.device), False)",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "the key lock hears the prompt of one region only",
        COMPOSING,
        "on_prompts(backbone, [column.texts for column in columns])",
        "on_prompts(backbone, [prompts.texts])",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "regions are found in one step, however many there are",
        COMPOSING,
        "max(1, round(LAYOUT_SHARE * recipe.steps))",
        "1",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "an edit of several words acts at the first only",
        COMPOSING,
        "_token_mask(tokens, active.handles).to",
        "_token_mask(tokens, active.handles[:1]).to",
        *MODES,
        "generation/test_finding_regions.py",
    ),
    planted(
        "`words` adds everything up",
        COMPOSING,
        'compose_at_words if mode == "words" else compose_sum',
        "compose_sum",
        *MODES,
        "generation/test_finding_regions.py",
    ),
    planted(
        "a concept that the base overlooks gets no room",
        "studio/generation/regions.py",
        "        scores = scores - shares\n",
        "",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "boxes are read upside down",
        "studio/generation/regions.py",
        "left, top, right, bottom = boxes[handle]",
        "top, left, bottom, right = boxes[handle]",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "regions come from the attention of the negative prompt",
        PAINTING,
        "recorded.word(each, *cells)[-1]",
        "recorded.word(each, *cells)[0]",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "a found region lies over a drawn one",
        PAINTING,
        "assign_regions(attention, areas.amax(0) == 0)",
        "assign_regions(attention)",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
    planted(
        "the steps in which regions were found are forgotten",
        PAINTING,
        "started=Started(steps, latents)",
        "started=Started(steps, latents * 0)",
        *REGIONS,
        "generation/test_finding_regions.py",
    ),
]
