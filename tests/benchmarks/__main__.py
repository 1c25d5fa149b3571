"""The benchmarks of the studio, on whatever device there is: see README.md beside this file.

python -m tests.benchmarks COMMAND [--json FILE] [--threads N]
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = {  # each a module here, with what it measures
    "steps": "ms and memory of a training step, by method; or against diffusers' example scripts",
    "whole": "from Train pressed to the concept saved, part by part",
    "painting": "seconds a picture: bare diffusers, and with concepts in every way of composing",
    "page": "the page with many concepts, pictures and tabs",
    "first": "from the README's command to a first picture, as a newcomer clicks it in a browser",
    "profile": "where the time of a training step goes, by operator",
}
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "GRADIO_ANALYTICS_ENABLED": "False"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 1 when something is over its limit, 2 for wrong arguments."""
    given_arguments = list(sys.argv[1:] if arguments is None else arguments)
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--threads", type=int)
    threads = early.parse_known_args(given_arguments)[0].threads
    os.environ.update(QUIET)
    from studio.errors import StudioError
    from studio.models.threads import threads_to_use

    # Said to every process that is started, so that other people's scripts get as many as the studio.
    chosen = threads or int(os.environ.get("OMP_NUM_THREADS") or threads_to_use())
    os.environ["OMP_NUM_THREADS"] = str(chosen)
    import torch

    torch.set_num_threads(chosen)
    from tests.benchmarks.report import Report, add_report_flags

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help in COMMANDS.items():
        one = commands.add_parser(name, help=help)
        importlib.import_module(f"tests.benchmarks.{name}").add_flags(one)
        add_report_flags(one)
    given = parser.parse_args(given_arguments)
    report = Report(" ".join(given_arguments), given.json)
    try:
        over = importlib.import_module(f"tests.benchmarks.{given.command}").run(given, report)
    except StudioError as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return 2
    report.show()
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
