"""A long task on the terminal: a bar that moves, and what there is to say above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tqdm import tqdm

from studio.events import Event, Note, Step


def show_progress(events: Iterable[Event]) -> Iterator[Event]:
    """Pass on what a task brings, pictures and concepts, while its steps move a bar on stderr, one for each
    stage, and its notes are printed above it."""
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
                case _:
                    yield event
    finally:
        if bar is not None:
            bar.close()
