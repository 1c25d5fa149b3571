"""Try many inputs of strangers: `python -m tests.hostile --examples 10000 --seed 1 --kinds photo mask`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import traceback
from pathlib import Path

from studio.output import allow_any_letter
from tests.hostile.readers import KINDS, Place
from tests.hostile.running import try_kind


def main(arguments: list[str]) -> int:
    """Try each kind; returns 1 when an input of any did more than raise a StudioError."""
    allow_any_letter()
    logging.disable(logging.WARNING)  # of each damaged row
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, help="inputs of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    given = parser.parse_args(arguments)
    failed = 0
    for kind in given.kinds:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                try_kind(Place.make(Path(folder) / "place"), kind, given.examples, given.seed)
            except Exception:
                failed = 1
                traceback.print_exc()
                print(f"{kind}: failed")
                continue
        print(f"{kind}: {given.examples} inputs in {time.perf_counter() - began:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
