"""Run an optimisation to its end, whatever happens on the way.

States are kept while it runs (`trainers.kit.kept_state`). From the last one the training goes on

- after a kill, a power cut or a pause, when it is started again;
- with half the learning rate, once, when the loss or its gradient is no longer a number;
- with half as many photos at a time, and twice as many batches for a step, as often as the device runs out of
  memory, until a batch is a single photo or where it cannot be taken in parts; then with what a step computes
  kept in the computer's memory.

Of several processes the first keeps the states, and all of them go on from the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from studio.errors import StudioError
from studio.events import Event, Kept, Note
from studio.words import tr
from trainers.kit.kept_state import KeptState
from trainers.kit.optimizing import NotANumberError, Optimization

SLOWER = 0.5  # what learning rates are multiplied by after a loss that was no number
AfterStep = Callable[[int], Iterator[Event]]


def keep(optimization: Optimization, kept: KeptState) -> Iterator[Event]:
    """Keep the state of an optimisation; yields Kept, or once a Note of why it cannot be kept."""
    if not optimization.processes.is_main:
        return
    said = kept.reason
    if kept.keep(optimization.state()):
        if kept.path is not None:
            yield Kept(optimization.done)
    elif kept.reason != said:
        text = (
            "The state of this training cannot be kept: {reason}. It goes on; if it is interrupted, it "
            "begins again from the last state that was kept."
        )
        yield Note(tr(text, reason=kept.reason))


def optimise(optimization: Optimization, kept: KeptState, after_step: AfterStep) -> Iterator[Event]:
    """Do all steps that are left; yields Steps, and what `after_step` yields after each of them.

    The optimisation has its last state loaded already, if there is one.

    Raises NotANumberError when the loss is no number even with half the learning rate, and
    torch.OutOfMemoryError when a single photo is too much for the device even so.
    """
    if kept.last() is None:
        yield from keep(optimization, kept)
    while True:
        try:
            yield from _steps(optimization, kept, after_step)
        except NotANumberError as error:
            if optimization.rate_factor < 1:
                kept.forget()  # so that a retry begins anew, not with what led here
                raise
            yield from _go_back(optimization, kept, error)
            optimization.slow_down(SLOWER)
            text = "It goes on from step {step} with half the learning rate."
            yield Note(f"{error.message} {tr(text, step=optimization.done)}")
        except torch.OutOfMemoryError:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            yield from _go_back(optimization, kept, None)
            measure = optimization.memory.take_next()
            if not measure:
                raise
            text = "The device ran out of memory. It goes on from step {step} with {measure}."
            yield Note(tr(text, step=optimization.done, measure=measure))
        else:
            return
        yield from keep(optimization, kept)


def _steps(optimization: Optimization, kept: KeptState, after_step: AfterStep) -> Iterator[Event]:
    for step in optimization.run():
        yield step
        if step.step == optimization.done:  # the state is that of the end of a burst
            optimization.processes.agree()
            if kept.is_due:
                yield from keep(optimization, kept)
        yield from after_step(step.step)
    if not optimization.state().is_finite:
        raise NotANumberError("What was learned was no longer a number at step {step}.", optimization.done)
    yield from keep(optimization, kept)


def _go_back(optimization: Optimization, kept: KeptState, error: StudioError | None) -> Iterator[Event]:
    """Load the last state. Raises the error that made it necessary when there is none."""
    state = optimization.processes.from_main(kept.last())
    if state is None:
        raise error or StudioError(
            "The device ran out of memory.", "Choose fewer photos per step, and train again."
        )
    optimization.load(state)
    yield from ()
