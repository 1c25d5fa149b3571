"""Record a training step as a CUDA graph and replay it: one launch instead of thousands of small ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM_UP_STEPS = 5  # before the recording: they compile, and create the state of the optimizers


class CapturedStep:
    """Call a training step; from its sixth call on a GPU, replay a recording of it.

    A small model's step is bound by the launching of kernels, not by their work. Elsewhere every call runs
    the step itself.

    `step`: does everything on the device. It may neither read numbers back nor use Python numbers that
    change, which the recording would keep. Random numbers differ at every replay. `device`: where it runs.
    """

    def __init__(self, step: Callable[[], None], device: str | torch.device) -> None:
        self.step = step
        self.graph: torch.cuda.CUDAGraph | None = None
        self.calls = 0
        self.stream = torch.cuda.Stream(device) if torch.device(device).type == "cuda" else None

    def __call__(self) -> None:
        """Do the step once."""
        if self.graph is not None:
            self.graph.replay()
        elif self.stream is None:
            self.step()
        elif self.calls < WARM_UP_STEPS:
            # Gradients accumulate on the stream that made them: all steps share the recording's.
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                self.step()
            torch.cuda.current_stream().wait_stream(self.stream)
        else:
            self._record()
            self.graph.replay()  # the recording itself has computed nothing
        self.calls += 1

    def _record(self) -> None:
        """Record the step."""
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            self.step()
        self.graph = graph
