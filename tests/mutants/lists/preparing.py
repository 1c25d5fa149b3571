"""Planted mistakes in what comes before the first step: latents, captions, class pictures, the trial."""

from __future__ import annotations

from tests.mutants.mutant import planted

LATENTS = "trainers/kit/latents.py"
PICTURES = "trainers/kit/painted_pictures.py"
BACKGROUNDS = "trainers/kit/backgrounds.py"
PREFLIGHT = "trainers/kit/preflight.py"
BACKBONE = "studio/models/backbone.py"
D = "trainers/test_dreambooth.py"
BEHIND = "trainers/test_backgrounds.py"
DRAWN = (
    "trainers/test_textual_inversion.py::test_latents_are_drawn_with_fresh_noise_from_one_encoding",
    "trainers/test_scene.py::test_masks_mirror_with_their_photos",
    "trainers/test_perfusion.py::test_masks_are_soft_have_maximum_one_and_weigh_the_loss",
    "trainers/test_perfusion.py::test_a_mask_of_the_user_replaces_that_of_the_base",
    "trainers/test_latents.py",
)
CAPTIONED = ("trainers/test_latents.py",)
PAINTED = (
    f"{D}::test_a_class_picture_is_what_painting_its_prompt_gives",
    f"{D}::test_class_pictures_come_from_the_untouched_base_and_are_painted_once",
    f"{D}::test_class_pictures_of_another_kind_are_painted_anew",
)
P = "trainers/test_preflight.py"
PROMISED = (
    f"{P}::test_the_time_of_all_steps_and_pictures_is_promised",
    f"{P}::test_class_pictures_that_are_missing_are_counted",
    f"{P}::test_a_trial_paints_few_class_pictures_and_leaves_none_behind",
    f"{P}::test_each_stage_has_its_own_time",
)
TOO_SMALL = f"{P}::test_a_device_too_small_is_known_before_the_first_step"
SIDES = ("models/test_sides.py",)

MUTANTS = [
    planted(
        "photos are encoded without fresh noise",
        LATENTS,
        "self.std[numbers] * self.backbone.draw",
        "0 * self.backbone.draw",
        *DRAWN,
    ),
    planted(
        "mirror images are upside down",
        LATENTS,
        "pixels[:, :, ::-1]",
        "pixels[:, ::-1]",
        *DRAWN,
    ),
    planted(
        "masks of mirror images are not mirrored",
        LATENTS,
        "mask[:, ::-1].copy()",
        "mask.copy()",
        *DRAWN,
    ),
    planted(
        "photos repeat before all were drawn",
        LATENTS,
        "        return order[:count]",
        "        return torch.randint(len(self.mean), (count,), generator=generator)",
        *DRAWN,
    ),
    planted(
        "mirror images have the captions of other photos",
        LATENTS,
        "(*prompts, *prompts) if self.flips",
        "tuple(prompt for prompt in prompts for _ in range(2)) if self.flips",
        *CAPTIONED,
        severe=True,
    ),
    planted(
        "photos are drawn with the captions of the first ones",
        LATENTS,
        "self.captions[number] for number in chosen.tolist()",
        "self.captions[number] for number, _ in enumerate(chosen.tolist())",
        *CAPTIONED,
        severe=True,
    ),
    planted(
        "a caption that is too long is learned without the subject",
        LATENTS,
        "if prompt and not text.tokenize(prompt).spans[handle]:",
        "if False:",
        *CAPTIONED,
    ),
    planted(
        "a photo without a caption has that of another",
        LATENTS,
        "[caption or prompt for caption, prompt in",
        "[caption or max(self.captions) for caption, prompt in",
        *CAPTIONED,
    ),
    planted(
        "prompt and negative prompt of class pictures are exchanged",
        PICTURES,
        '["", self.recipe.prompt]',
        '[self.recipe.prompt, ""]',
        *PAINTED,
        severe=True,
    ),
    planted(
        "class pictures of another base are used",
        PICTURES,
        'f"{self.backbone.fingerprint} ',
        'f"',
        *PAINTED,
        severe=True,
    ),
    planted(
        "class pictures of another prompt are used",
        PICTURES,
        "{recipe.prompt} {recipe.steps}",
        "{recipe.steps}",
        *PAINTED,
        severe=True,
    ),
    planted(
        "class pictures of another guidance are used",
        PICTURES,
        " {recipe.steps} {recipe.guidance}",
        " {recipe.steps}",
        *PAINTED,
    ),
    planted(
        "class pictures of all sizes share their files",
        PICTURES,
        ' {self.side}"',
        '"',
        *PAINTED,
    ),
    planted(
        "class pictures that are there are promised again",
        PICTURES,
        "sum(not path.exists() for path in",
        "sum(True for path in",
        *PAINTED,
        *PROMISED,
    ),
    planted(
        "the place is painted over the subject",
        BACKGROUNDS,
        "(place + mask[..., None] * (pixels[photo] - place.astype(np.float32)))",
        "(pixels[photo] + mask[..., None] * (place - pixels[photo].astype(np.float32)))",
        BEHIND,
        severe=True,
    ),
    planted(
        "a subject in a place is learned without the place in its prompt",
        BACKGROUNDS,
        'f"a photo of {self.handle} {self.places[number]}"',
        'f"a photo of {self.handle}"',
        BEHIND,
    ),
    planted(
        "all photos of a step are put in front of places",
        BACKGROUNDS,
        "min(int(self.share * len(photos.latents) + chance), len(photos.latents))",
        "len(photos.latents)",
        BEHIND,
    ),
    planted(
        "a painted place counts as little as the ground of a photo",
        BACKGROUNDS,
        "max(ground, GROUND)",
        "ground",
        BEHIND,
    ),
    planted(
        "places are painted though no photo is cut out",
        BACKGROUNDS,
        "        if not self._cut_out(photos):\n            return 0\n",
        "",
        BEHIND,
    ),
    planted(
        "the time of class pictures is not promised",
        PREFLIGHT,
        "* ahead / max(1, units)",
        "* 0.0",
        *PROMISED,
    ),
    planted(
        "the trial leaves class pictures behind",
        PREFLIGHT,
        "_seconds_of_preparation(light, training, Path(folder))",
        "_seconds_of_preparation(light, training, training.cache)",
        *PROMISED,
    ),
    planted(
        "all stages are promised the time of the first",
        PREFLIGHT,
        "        first += stage.steps\n",
        "",
        *PROMISED,
    ),
    planted(
        "the time of three steps is promised as that of two",
        PREFLIGHT,
        "return sum(times[1:]) / TIMED_STEPS",
        "return sum(times) / TIMED_STEPS",
        *PROMISED,
    ),
    planted(
        "a burst of steps is promised as one step",
        PREFLIGHT,
        """        for _ in range(1 + TIMED_STEPS):
            optimization.skip_to(first)""",
        """        optimization.skip_to(first)
        for _ in range(1 + TIMED_STEPS):
            pass""",
        *PROMISED,
    ),
    planted(
        "the sets of pictures of the verdict are promised as one",
        PREFLIGHT,
        "judged = verdict.SETS * verdict.SEEDS",
        "judged = verdict.SEEDS",
        *PROMISED,
    ),
    planted(
        "a trial is made again without the measure that it needs",
        PREFLIGHT,
        "    optimization.memory.take_those_of(memory)\n",
        "",
        TOO_SMALL,
    ),
    planted(
        "a training begins without the measure that its trial needed",
        "trainers/kit/loop.py",
        "optimization.memory.take_those_of(preflight.memory)",
        "pass",
        TOO_SMALL,
    ),
    planted(
        "the trial paints all class pictures",
        "trainers/kit/training.py",
        "{**self.values, **(changes or {})}",
        "{**self.values}",
        *PROMISED,
    ),
    planted(
        "the resolution is ignored",
        "trainers/kit/photo_settings.py",
        "backbone.side_of(self.resolution)",
        "backbone.side_of()",
        "trainers/test_training_size.py",
    ),
    planted(
        "squares have sides that the network cannot read",
        BACKBONE,
        "return self.resolution * self.shape_of(pixels, pixels)[1] // self.latent_shape[1]",
        "return pixels or self.resolution",
        *SIDES,
    ),
    planted(
        "attention maps have one side whatever the size of the photos",
        BACKBONE,
        "return self.attention_side * cells // self.latent_shape[-1]",
        "return self.attention_side",
        *SIDES,
        "trainers/test_training_size.py",
    ),
]
