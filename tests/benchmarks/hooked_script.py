"""Run somebody else's training script as it is, and note when each of its steps ends.

    python -m tests.benchmarks.hooked_script OPTIONS SCRIPT [ITS ARGUMENTS ...]

A step ends with `step` of the optimizer that accelerate has prepared. OPTIONS is JSON: `result`, the file to
write to, `warm_up` and `timed` steps, and whether to `profile` or to `flush` denormal numbers as the studio
does. After the last step the process ends, so that nothing is saved or painted.
"""

from __future__ import annotations

import itertools
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import torch
from accelerate.optimizer import AcceleratedOptimizer

from tests.benchmarks.alone import GB
from tests.benchmarks.operators import operators, profiler
from tests.benchmarks.peak_memory import peak_bytes, reset_peak
from tests.benchmarks.spread import CPU_TIMES, TIMES, Taken


class StepHook:
    """Counts steps: called after each, it notes the time, and ends the process after the last."""

    def __init__(self, result: str, warm_up: int, timed: int, profile: bool = False) -> None:
        self.result, self.warm_up, self.timed = Path(result), max(1, warm_up), timed
        self.ends: list[Taken] = []
        self.profiler = profiler() if profile else None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def __call__(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        self.ends.append(Taken.now())
        if len(self.ends) == self.warm_up:
            reset_peak(self.device)
            if self.profiler is not None:
                self.profiler.start()
                self.ends[-1] = Taken.now()
        if len(self.ends) == self.warm_up + self.timed:
            self.write()
            os._exit(0)

    def write(self) -> None:
        """Write what the timed steps took and the most memory of the process in GB."""
        ends = self.ends[self.warm_up - 1 :]
        taken = [after - before for before, after in itertools.pairwise(ends)]
        values: dict[str, Any] = {
            TIMES: [each.wall for each in taken],
            CPU_TIMES: [each.cpu for each in taken],
            "process_gb": peak_bytes(self.device) / GB,
        }
        if self.profiler is not None:
            self.profiler.stop()
            values["operators"] = operators(self.profiler, self.timed)
        self.result.write_text(json.dumps(values), encoding="utf-8")


def main(options: dict[str, Any], script: str, arguments: list[str]) -> None:
    """Run the script with the hook in place."""
    if options.pop("flush", False):
        torch.set_flush_denormal(True)
    hook, step = StepHook(**options), AcceleratedOptimizer.step

    def hooked(self: AcceleratedOptimizer, *given: Any, **named: Any) -> Any:
        returned = step(self, *given, **named)
        if self.gradient_state.sync_gradients:  # otherwise gradients are only being accumulated
            hook()
        return returned

    AcceleratedOptimizer.step = hooked
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")
    raise SystemExit(f"{script} ended after {len(hook.ends)} steps.")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:])
