"""The only optimisation loop: every stage of a method, step by step, in bursts.

A burst is a few steps without a yield between them, about a fifth of a second long: the host waits for the
device once a burst, not several times a step. The edits are attached for the length of one step and never
across a yield, so a preview, a cancellation, or a picture for somebody else between two bursts needs no
further code. (They are not attached for a whole burst: what a kind attaches, such as stacked factors or
weights cast to half precision, belongs to the graph of one step.)
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.errors import StudioError
from studio.events import Step
from studio.method import Method, Stage
from studio.models.backbone import Backbone
from studio.regularizer import Regularizer
from studio.words import tr
from trainers.kit.batches import Batch
from trainers.kit.memory_saving import MemorySaving, most_parts_of
from trainers.kit.processes import ALONE, Processes
from trainers.kit.step_state import StepState, copied
from trainers.kit.weight_average import WeightAverage

CLIP_NORM = 1.0
BURST_SECONDS = 0.2
MAX_BURST = 64
NORM = "length of the gradient"
NO_GRADIENT = "The gradient of the loss was no longer a number at step {step}."


class NotANumberError(StudioError):
    """The loss or its gradient was infinite or no number: what was learned since the last state is lost."""

    def __init__(self, message: str, step: int) -> None:
        hint = tr("Train again with a lower learning rate. Nothing was saved or harmed.")
        super().__init__(message, hint, step=step)


class Optimization:
    """A training in the middle of it: the stage that runs, its optimizer, and how many steps are done.

    Several `processes` share the photos of every step; all of them do the same steps and see the same losses.
    `breaks` are numbers of steps after which a burst ends, so that a preview can be painted there. With
    `more_steps`, the last stage is longer by so many.
    """

    def __init__(
        self,
        method: Method,
        regularizers: Sequence[Regularizer],
        backbone: Backbone,
        generator: torch.Generator,
        breaks: Sequence[int] = (),
        more_steps: int = 0,
        processes: Processes = ALONE,
    ) -> None:
        self.method, self.regularizers, self.backbone = method, list(regularizers), backbone
        self.processes, self._is_short_of_memory = processes, False
        self.generator, self.breaks = generator, set(breaks)
        precision = "fp16" if backbone.dtype == torch.float16 else "no"
        self.accelerator = Accelerator(mixed_precision=precision, cpu=backbone.device.type == "cpu")
        self.stages = [stage for stage in method.stages() if stage.steps > 0]
        self.stages[-1] = dataclasses.replace(self.stages[-1], steps=self.stages[-1].steps + more_steps)
        self.total = sum(stage.steps for stage in self.stages)
        self.done = 0
        self.losses: list[float] = []
        self.rate_factor = 1.0
        self.memory = MemorySaving(most_parts=most_parts_of(method, self.regularizers, processes.count))
        self._optimizer: Any = None
        self._optimizer_of: Stage | None = None
        self._average: WeightAverage | None = None
        self._burst = 1

    def skip_to(self, step: int) -> None:
        """Go on from a step without those before it, one step at a time, to see what they cost."""
        self.done, self._burst = step, 1

    def run(self) -> Iterator[Step]:
        """Do all steps that are left; yields a Step for each, with its loss terms.

        Raises NotANumberError when the loss or its gradient stops being a number.
        """
        with self.reading():
            yield from self._run()

    def reading(self) -> AbstractContextManager[None]:
        """Context manager: the text encoder stays on the device, if steps read prompts."""
        return self.backbone.text.on_device() if self.method.reads_prompts else nullcontext()

    def _run(self) -> Iterator[Step]:
        while self.done < self.total:
            started = time.monotonic()
            events = self._run_burst(self._burst)
            (took,) = self.processes.most(time.monotonic() - started)
            if took < BURST_SECONDS / 2:
                self._burst = min(2 * self._burst, MAX_BURST)
            elif took > BURST_SECONDS:
                self._burst = max(1, self._burst // 2)
            yield from events

    def _run_burst(self, length: int) -> list[Step]:
        """Do up to `length` steps of one stage, as far as the next break; returns their Steps."""
        stage, first = self._enter_stage()
        ends = [first + stage.steps, self.done + length, *(step for step in self.breaks if step > self.done)]
        steps = min(ends) - self.done
        # read from the device once: names differ from step to step where a term is left out
        names, values = [], []
        for _ in range(steps):
            terms, loss, norm = self._step(stage)
            names.append([*terms, "loss", NORM])
            values.append(torch.stack([*terms.values(), loss, norm]))
        self._agree_on_memory()
        left = self.processes.mean(torch.cat(values)).tolist()
        events = []
        for step_names in names:
            numbers, left = left[: len(step_names)], left[len(step_names) :]
            step_values = dict(zip(step_names, numbers, strict=True))
            self.done += 1
            norm = step_values.pop(NORM)
            if not math.isfinite(step_values["loss"]):
                raise NotANumberError("The loss was no longer a number at step {step}.", self.done)
            if not math.isfinite(norm):
                raise NotANumberError(NO_GRADIENT, self.done)
            self.losses.append(step_values["loss"])
            events.append(Step(self.done, self.total, step_values, stage.name))
        return events

    def _step(self, stage: Stage) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Do one step.

        Returns its loss terms and their sum, averaged over its batches, and the length of the gradient before
        clipping, all on the device.
        """
        sums = self._gradients(stage)
        self.processes.average_gradients(self._trained(stage))
        self.accelerator.unscale_gradients(self._optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self._trained(stage), CLIP_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if stage.after_step:
            stage.after_step()
        if self._average is not None:
            self._average.add()
        total = torch.stack(list(sums.values())).sum() if sums else torch.zeros_like(norm)
        # the scaler of float16 meets infinite gradients on purpose: it leaves the step out and scales less
        return sums, total, torch.zeros_like(total) if self.accelerator.scaler is not None else norm.to(total)

    def _gradients(self, stage: Stage) -> dict[str, Tensor]:
        """Leave the gradients of a step at what it trains; returns its loss terms, averaged over batches.

        Of several processes one that runs out of memory goes on without gradients, so that the others do not
        wait for it in vain, until the end of the burst (`_agree_on_memory`).
        """
        sums: dict[str, Tensor] = {}
        left: list[Batch] = []  # the parts of a batch that are still to be seen
        drawn = 0
        try:
            while (left or drawn < stage.accumulate) and not self._is_short_of_memory:
                edits = [ActiveEdit(edit) for edit in self.method.edits()]
                with torch.enable_grad(), attach(self.backbone, edits), self.memory.offloading(self.backbone):
                    if not left:
                        left, drawn = self.draw().parts(self.memory.batch_parts), drawn + 1
                    terms = self.loss_terms(left.pop(0))
                    loss = torch.stack(list(terms.values())).sum() / stage.accumulate
                    self.accelerator.backward(loss)
                for name, term in terms.items():
                    sums[name] = sums.get(name, 0) + term.detach() / stage.accumulate
        except torch.OutOfMemoryError:
            if self.processes.is_alone:
                raise
            self._is_short_of_memory = True
        return sums

    def _agree_on_memory(self) -> None:
        """Raise torch.OutOfMemoryError in all processes if one of them ran out of memory in this burst."""
        is_short, self._is_short_of_memory = self._is_short_of_memory, False
        if any(self.processes.most(is_short)):
            raise torch.OutOfMemoryError("One of the processes has too little memory.")

    def draw(self) -> Batch:
        """Draw the batch of a step: the method's, then those of the regularizers that are active.

        Of several processes each draws the whole batch, and returns its share.
        """
        batch = self.method.draw(self.generator)
        active = [one for one in self.regularizers if one.is_active()]
        whole = Batch(batch, tuple((one, one.draw(batch, self.generator)) for one in active))
        return whole if self.processes.is_alone else whole.share_of(self.processes)

    def loss_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Return all weighted loss terms of a batch; a share of one counts by how many photos it has."""
        terms = dict(self.method.loss(batch.method))
        for regularizer, own in batch.regularizers:
            for name, term in regularizer.terms(batch.method, own).items():
                # Break-A-Scene and CoRe both call a term "attention": neither may replace the other
                terms[name if name not in terms else f"{regularizer.id} {name}"] = term
        return terms if batch.weight == 1 else {name: batch.weight * term for name, term in terms.items()}

    def _enter_stage(self) -> tuple[Stage, int]:
        """Return the stage that the next step belongs to and the number of its first step.

        A new stage begins with a fresh optimizer. Tensors that only other stages learn get no gradient in it.
        """
        first = 0
        for stage in self.stages:
            if self.done < first + stage.steps:
                break
            first += stage.steps
        if self._optimizer_of is not stage:
            self.take_average()  # a stage leaves to the next what it would keep
            trained = {id(tensor) for tensor in self._trained(stage)}
            for tensor in self._parameters():
                tensor.requires_grad_(id(tensor) in trained)
            groups = [
                {"params": list(parameters), "lr": self.rate_factor * rate}
                for parameters, rate in stage.groups
            ]
            # on a CPU, torch would take each tensor by itself; on others it takes them together anyway
            fused = self.backbone.device.type == "cpu" and not self.backbone.is_plain
            optimizer = torch.optim.AdamW(groups, weight_decay=stage.weight_decay, fused=fused or None)
            self._optimizer, self._optimizer_of = self.accelerator.prepare(optimizer), stage
            if stage.averaged_share:
                self._average = WeightAverage(self._trained(stage), stage.averaged_share)
        return stage, first

    def averaged(self) -> AbstractContextManager[None]:
        """Context manager: what is learned has the values that would be kept, to be shown."""
        return nullcontext() if self._average is None else self._average.in_place()

    def take_average(self) -> None:
        """Give what is learned the values that are kept, at the end of a stage or of the training."""
        if self._average is not None:
            self._average.take_place()
            self._average = None

    def _trained(self, stage: Stage) -> list[Tensor]:
        return [tensor for parameters, _ in stage.groups for tensor in parameters]

    def _parameters(self) -> list[Tensor]:
        """Return everything that any stage learns, each tensor once."""
        tensors = [tensor for stage in self.stages for tensor in self._trained(stage)]
        return list({id(tensor): tensor for tensor in tensors}.values())

    def state(self) -> StepState:
        """Return a copy of all that is needed to go on from here."""
        self._enter_stage()
        return StepState(
            done=self.done,
            parameters=[tensor.detach().clone() for tensor in self._parameters()],
            optimizer=copied(self._optimizer.state_dict()),
            generator=self.generator.get_state().clone(),
            method=copied(self.method.state()),
            losses=list(self.losses),
            rate_factor=self.rate_factor,
            memory=dataclasses.replace(self.memory),
            scaler={} if self.accelerator.scaler is None else self.accelerator.scaler.state_dict(),
            average=[tensor.clone() for tensor in self._average.tensors] if self._average else [],
            averaged_steps=self._average.steps if self._average else 0,
        )

    @torch.no_grad()
    def load(self, state: StepState) -> None:
        """Go on from a copy of a state of the same training, bit for bit on the CPU."""
        self.done, self.losses, self.rate_factor = state.done, list(state.losses), state.rate_factor
        self.memory.take_those_of(state.memory)
        for tensor, saved in zip(self._parameters(), state.parameters, strict=True):
            tensor.copy_(saved)
            tensor.grad = None  # what a step that failed has left
        self._optimizer_of = self._average = None
        if state.scaler and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state.scaler)
        self._enter_stage()
        self._optimizer.load_state_dict(copied(state.optimizer))
        if self._average is not None:
            self._average.load(state.average, state.averaged_steps)
        self.generator.set_state(state.generator)
        self.method.load_state(copied(state.method))

    def slow_down(self, factor: float) -> None:
        """Multiply all learning rates, those of later stages too."""
        self.rate_factor *= factor
        if self._optimizer_of is not None:
            for group in self._optimizer.param_groups:
                group["lr"] *= factor
