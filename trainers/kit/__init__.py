"""What methods share. What a method file uses most stands first in each group.

What a step learns from:
    latents: photos as latents, with masks and captions, sampled anew at every step
    batches: the batch of a step: photos, noise, timesteps, prompts
    losses: the denoising loss, with and without masks
    photo_settings: settings of how photos are learned from, for `Settings` to inherit
    photo_sentences, templates: the sentences that a word is learned in
    class_pictures: pictures of the plain noun by the untouched base, for prior preservation
    painted_pictures: pictures that the untouched base paints once and that are kept
    found_subjects: masks for photos without any
    backgrounds: the subject cut out, in front of places that the base paints
    scene, union_sampling: several subjects in one photo

What it changes:
    tuned_weights: weights tuned by low rank, or fully and made small at the end
    svd_extraction: full tuning as a low-rank edit
    stage_network: one embedding in, a vector for each stage out (ProSpect)

What it looks at:
    attention_iou, attention_calibration, word_attention: where words attend, and losses on that
    direction_loss: the categories of an attribute, told apart in CLIP's space
    context_prompts, captions: prompts without photos, to try a word in or to measure a text encoder by
    text_moments, gate_report, word_chart: what Perfusion's gate needs and shows
    mask_preview: photos with their masks, to look at

The training around the steps:
    loop: a whole training, from photos to the concept
    training: what is to be learned, by which method, on which base
    optimizing, weight_average: the one optimisation loop, stage by stage, and the mean of its last steps
    enduring, memory_saving, device_memory: what is done when a loss is no number or memory runs out
    step_state, kept_state: the state of a training, and its file
    checkpoints, previews: what can be looked at and kept on the way
    processes: several processes that share one training
    preflight: how long it takes and what memory it needs, tried before it begins

Its end:
    verdict: whether the concept was learned
    looks, portraits: what the base sees in pictures, and what photos show of a handle
    scene_example: the example of the methods that take a photo apart
"""
