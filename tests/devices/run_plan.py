"""Run bases with every measure of the memory plan on the pretend accelerator, and print it as JSON.

    python -m tests.devices.run_plan FOLDER [FAMILY-METHOD | PATH ...]

For each family: where its parts are at every moment, whether a picture is the same as with everything on the
device, and whether a gradient is; and for the methods that are named, whether they train and save a file that
paints. Of the paths through the text encoder those are tried that are named.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests import tiny, tiny_z_image  # isort: skip  before torch is changed
from tests.devices import pretend  # isort: skip

from studio.edits import ActiveEdit, LowRank, attach
from studio.edits.concept import Concept
from studio.events import Result, Step
from studio.generation.generate import generate
from studio.models import settling
from studio.models.backbone import Backbone
from studio.models.memory_plan import Measure, MemoryPlan
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests.devices.run import PlainAccelerator, unjudged
from trainers import METHODS, train
from trainers.kit import loop, optimizing, verdict

SAMPLING = Sampling(seed=0, steps=2, guidance=2.0)
LILY = Subject("<lily>", "cat")
FAMILIES: dict[str, Callable[[], Backbone]] = {
    "stable_diffusion": partial(tiny.backbone, dtype=torch.bfloat16),
    "stable_diffusion_xl": partial(tiny.backbone_xl, dtype=torch.bfloat16),
    "z_image": partial(tiny_z_image.backbone, dtype=torch.bfloat16),
}
EXACT = (Measure.TEXT_WAITS, Measure.AUTOENCODER_WAITS, Measure.TURNS)


def settled(family: str, measures: tuple[Measure, ...]) -> Backbone:
    """Return a base of a family on the pretend device, with these measures."""
    backbone = FAMILIES[family]()
    settling.forced_plan = lambda *_: MemoryPlan(measures)  # type: ignore[assignment]
    settling.settle(backbone, pretend.DEVICE, "auto")
    return backbone


def places(backbone: Backbone) -> dict[str, str]:
    """Return the device of each part: "cpu", "npy", or both where it is torn apart."""
    parts = {"text": backbone.text.encoders, "denoiser": [backbone.denoiser], "vae": [backbone.autoencoder]}
    return {
        name: " and ".join(sorted({t.device.type for m in modules for t in (*m.parameters(), *m.buffers())}))
        for name, modules in parts.items()
    }


@contextmanager
def watched(backbone: Backbone, seen: dict[str, dict[str, str]]) -> Iterator[None]:
    """Context manager: note where the parts are while each of them works."""

    def note(name: str) -> Callable[..., None]:
        return lambda *_, **__: seen.__setitem__(name, places(backbone))

    networks = {"reading": backbone.text.encoders[-1], "predicting": backbone.denoiser}
    networks |= {"encoding": backbone.vae.encoder, "decoding": backbone.vae.decoder}  # type: ignore[attr-defined]
    hooks = [network.register_forward_hook(note(name)) for name, network in networks.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def picture(
    backbone: Backbone, prompt: str, concepts: list[Concept], refinements: dict[str, Any] | None = None
) -> np.ndarray:
    """Return the pixels of a picture."""
    *_, last = generate(backbone, SAMPLING.with_prompt(prompt, refinements=refinements or {}), concepts)
    assert isinstance(last, Result)
    return np.asarray(last.value.image)


def gradients(backbone: Backbone, hold: bool) -> list[torch.Tensor]:
    """Return the gradients of a loss that reads, predicts and reads again before it goes backward.

    They are those of a word and of low-rank factors in text encoder and denoiser.
    """
    generator = torch.Generator().manual_seed(0)
    sites = backbone.low_rank_sites(True)
    edit = LowRank.start("<lily>", "cat", sites, 2, generator)
    for factors in (edit.A, edit.B):
        for site in factors:
            start = torch.randn(factors[site].shape, generator=generator) / 10
            factors[site] = start.to(backbone.device).requires_grad_()
    word = backbone.text.initial_vectors("cat", 1).clone().requires_grad_()
    held = backbone.text.on_device() if hold else torch.enable_grad()
    z = backbone.draw((1, *backbone.latent_shape), generator)
    with held, torch.enable_grad(), attach(backbone, [ActiveEdit(edit)]):
        with backbone.text.new_words({"<lily>": word}):
            first = backbone.text.read(["a <lily>"])
            second = backbone.predict(z, backbone.at_noise(0.5, 1), first)
            third = backbone.text.read(["a photo of a <lily>"])
        loss = second.square().sum() + third.hidden.float().square().mean()
        leaves = [word, *edit.parameters()]
        return [g.cpu() for g in torch.autograd.grad(loss, leaves)]


def look(family: str) -> dict[str, Any]:
    """Return what happens to the parts of a family, and whether anything changes by it."""
    plain, careful = settled(family, ()), settled(family, EXACT)
    seen: dict[str, dict[str, str]] = {}
    report: dict[str, Any] = {"plain": places(plain), "before": places(careful)}
    pretend.counts.clear()
    with watched(careful, seen):
        one = picture(careful, "a cat on blue", [])
        careful.encode_photos(np.zeros((1, 16, 16, 3), np.uint8))
    report |= {"seen": seen, "after": places(careful)}
    report["same picture"] = bool(np.array_equal(one, picture(plain, "a cat on blue", [])))
    with careful.text.on_device():
        report["held"] = places(careful)
        picture(careful, "a cat", [])
        report["held and predicting"] = places(careful)
    report["released"] = places(careful)
    for name, hold in (("gradients", False), ("gradients held", True)):
        pairs = zip(gradients(plain, hold), gradients(careful, hold), strict=True)
        report[name] = all(torch.equal(*pair) and pair[0].any() for pair in pairs)
    report["after gradients"] = places(careful)
    try:
        with careful.text.on_device():
            raise ValueError
    except ValueError:
        report["after an error"] = places(careful)
    report["mixed"] = sorted(set(pretend.counts.mixed))
    return report


def trained(
    family: str,
    method_id: str,
    folder: Path,
    measures: tuple[Measure, ...] = tuple(Measure),
    refinements: dict[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Return how a method gets on with these measures, where the text encoder is during its steps too."""
    method = METHODS[method_id]
    backbone, plain = settled(family, measures), settled(family, ())
    reason = method.refusal(backbone)
    if reason:
        return {"refused": reason}
    report: dict[str, Any] = {"error": ""}
    pretend.counts.clear()
    try:
        settings = {**method.quick_settings, "steps": 2, **settings}
        kinds = tiny.categories(3) if method.needs.sorted else ()
        photos = dataclasses.replace(tiny.photos(3, masked=LILY.handle), captions=kinds)
        last = None
        for event in train(method, backbone, photos, LILY, settings, SAMPLING, folder):
            if isinstance(event, Step) and event.values:
                report["learning"] = places(backbone)
            last = event
        assert isinstance(last, Result)
        path = folder / f"{family}-{method_id}.safetensors"
        last.value.save(path)
        picture(backbone, "a photo of <lily>", [Concept.open(path)], refinements)
        opened = [Concept.open(path)]
        named = picture(plain, "a photo of <lily>", opened)
        report["painted"] = not np.array_equal(named, picture(plain, "a photo of a cat", []))
        report["after"] = places(backbone)
    except Exception:
        report["error"] = traceback.format_exc(limit=-6)
    report["mixed"] = sorted(set(pretend.counts.mixed))
    return report


def main(folder: Path, cases: Sequence[str]) -> None:
    """Run everything; `folder` is for what is written, `cases` are families with methods, and paths."""
    torch.set_num_threads(1)
    optimizing.Accelerator = PlainAccelerator  # type: ignore[assignment,misc]
    verdict.STEPS, verdict.SEEDS, loop.PREVIEWS = 1, 2, 1
    verdict.Judge.judge = unjudged  # type: ignore[method-assign]  # the pictures say the same of the parts
    report: dict[str, Any] = {}
    with pretend.PretendMode():
        for family in FAMILIES:
            report[family] = look(family)
            chosen = [name for name in METHODS if f"{family}-{name}" in cases]
            report[family]["methods"] = {name: trained(family, name, folder) for name in chosen}
        paths = {  # that the methods' quick settings leave out
            "a text encoder tuned by low rank": ("dreambooth", {"text_encoder": True}),
            "a text encoder tuned fully": ("break_a_scene", {"text_encoder": True, "tuning": "full"}),
            "a word tuned while painting": (
                "textual_inversion",
                {"refinements": {"prompt_tuning_steps": 2}},
            ),
            "a text left out and a prompt of its own for the last steps": (
                "prospect",
                {"refinements": {"leave_out": "blue, <lily>", "style_prompt": "a photo of <lily>"}},
            ),
        }
        report["paths"] = {
            name: trained("stable_diffusion", method, folder, EXACT, **options)
            for name, (method, options) in paths.items()
            if name in cases
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
