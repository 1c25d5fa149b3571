"""The processes that share one training, started by `accelerate launch` or `torchrun`.

Each process draws the whole batch of a step, from the same seed, and takes its share of it; the gradients
are averaged. So what is learned does not depend on how many there are, up to the order in which numbers are
added. Only the first process paints, prints and writes. Whatever changes the course of a training is decided
by all together: ending early, going back after a loss that is no number, or after a device ran out of memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import InitProcessGroupKwargs, broadcast_object_list, gather, reduce
from torch import Tensor

from studio.errors import StudioError
from studio.events import Event, FinishEarly, Pause
from studio.words import tr, trn

PATIENCE = timedelta(days=1)  # the others wait while the first paints class pictures, which may take hours
BUCKET = 1 << 24  # numbers that are averaged in one go
WISHES: tuple[type[Exception], ...] = (FinishEarly, Pause)  # the later one goes before the other

Value = TypeVar("Value")


class Processes:
    """`count` processes, of which this is number `index`; one alone needs no connection."""

    def __init__(self, count: int = 1, index: int = 0) -> None:
        self.count, self.index = count, index
        self._wish = 0  # the number of a wish, from 1

    @property
    def is_alone(self) -> bool:
        """Return whether there are no others."""
        return self.count == 1

    @property
    def is_main(self) -> bool:
        """Return whether this is the one that paints, prints and writes."""
        return self.index == 0

    def share_of(self, count: int) -> slice:
        """Return which of `count` photos are this process's; earlier processes have one more, if any has.

        Raises StudioError when there are fewer photos than processes.
        """
        if count < self.count:
            one = "{processes} processes cannot share {count} photo in a step."
            several = "{processes} processes cannot share {count} photos in a step."
            hint = tr("Let a step see {count} photos or more, or train in one process.", count=self.count)
            raise StudioError(trn(one, several, count, processes=self.count), hint)
        each, more = divmod(count, self.count)
        first = self.index * each + min(self.index, more)
        return slice(first, first + each + (self.index < more))

    def weight_of(self, count: int) -> float:
        """Return by what the mean over this process's share is multiplied.

        The mean of that over the processes is then the mean over all photos.
        """
        share = self.share_of(count)
        return self.count * (share.stop - share.start) / count

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace the gradients by their means over the processes.

        A process that has none counts as zero. What has none in any of them stays without: no optimizer is to
        move what no photo of the step speaks of.
        """
        if self.is_alone:
            return
        has_any = self.most(*(parameter.grad is not None for parameter in parameters))
        bucket: list[Tensor] = []
        for parameter, has_one in zip(parameters, has_any, strict=True):
            if not has_one:
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            bucket.append(parameter.grad)
            if sum(each.numel() for each in bucket) >= BUCKET:
                _average(bucket)
                bucket = []
        if bucket:
            _average(bucket)

    def mean(self, values: Tensor) -> Tensor:
        """Return the means of these numbers (n,) over the processes."""
        return values if self.is_alone else reduce(values, "mean")

    def most(self, *values: float) -> list[float]:
        """Return the largest that any process has of each of these numbers."""
        if self.is_alone:
            return list(values)
        own = torch.tensor([values], dtype=torch.float64, device=PartialState().device)
        return gather(own).amax(0).tolist()

    def from_main(self, value: Value) -> Value:
        """Return the value that the first process has."""
        return value if self.is_alone else broadcast_object_list([value])[0]

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if not self.is_alone:
            PartialState().wait_for_everyone()

    def noting_wishes(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield these events. FinishEarly and Pause are noted, and raised in all processes by `agree`."""
        if self.is_alone:
            yield from events
            return
        for event in events:
            try:
                yield event
            except WISHES as wish:
                self._wish = max(self._wish, WISHES.index(type(wish)) + 1)

    def agree(self) -> None:
        """Raise FinishEarly or Pause in all processes, if one of them was told to."""
        if not self.is_alone and (wish := int(self.most(self._wish)[0])):
            raise WISHES[wish - 1]

    def leave(self) -> None:
        """Close the connection, once all is done."""
        if not self.is_alone:
            PartialState().destroy_process_group()


ALONE = Processes()


def launched() -> bool:
    """Return whether this process was started as one of several."""
    size = os.environ.get("WORLD_SIZE", "")
    return size.isdecimal() and int(size) > 1


def join() -> Processes:
    """Return the processes that this one was started with; each works on a card of its own, if there are.

    Raises StudioError when there are fewer cards than processes.
    """
    if not launched():
        return ALONE
    has_cards = torch.cuda.is_available()
    cards, number = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    if has_cards and number >= cards:
        hint = "Start at most {cards} of them on this machine."
        raise StudioError(
            "There is no card for process {number}: there are {cards}.", hint, number=number + 1, cards=cards
        )
    connection = InitProcessGroupKwargs(timeout=PATIENCE).to_kwargs()
    state = PartialState(cpu=not has_cards, **connection)
    return Processes(state.num_processes, state.process_index)


def _average(gradients: Sequence[Tensor]) -> None:
    """Replace some gradients by their means over the processes."""
    flat = reduce(torch.cat([each.flatten().float() for each in gradients]), "mean")
    for each, mean in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
        each.copy_(mean.view_as(each))
