"""Progress of a long task on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tqdm import tqdm

from studio.events import Estimate, Event, Note, Step
from studio.words import tr


def show_progress(events: Iterable[Event]) -> Iterator[Event]:
    """Show Steps as a progress bar on stderr, one for each stage, and print Notes above it.

    Yields all other events, such as Results.
    """
    bar: tqdm | None = None
    try:
        for event in events:
            match event:
                case Step(step=step, steps=steps, values=values, stage=stage):
                    if bar is None or (bar.desc, bar.total) != (stage, steps):
                        if bar is not None:
                            bar.close()
                        bar = tqdm(desc=stage, total=steps, dynamic_ncols=True)
                    if "loss" in values:
                        bar.set_postfix(loss=f"{values['loss']:.4f}", refresh=False)
                    bar.update(step - bar.n)
                case Note(text=text):
                    tqdm.write(text)
                case Estimate():
                    tqdm.write(tr("It takes {time_and_memory} of memory.", time_and_memory=event.words))
                    yield event
                case _:
                    yield event
    finally:
        if bar is not None:
            bar.close()
