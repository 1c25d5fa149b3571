"""Choosing another base while the studio is open."""

from __future__ import annotations

from studio.bases.known_bases import Base, KnownBases
from studio.errors import StudioError
from studio.words import trn
from studio.workspace.jobs import Jobs

MAX_COUNTED = 1000  # jobs


def choose_base(bases: KnownBases, jobs: Jobs, path: str, prediction: str = "") -> Base:
    """Return a base of the list, which is now the first of the recent ones.

    Args:
        prediction: what it predicts, where it has to be asked.

    Raises StudioError when it is not in the list, cannot be used, or jobs for the present base wait.
    """
    known = bases.find(path)
    if known.reason:
        raise StudioError(known.reason, "Choose another.")
    if known.needs_prediction and not (prediction or known.base.prediction):
        raise StudioError("{base} does not say what it predicts.", "Choose noise or v.", base=known.name)
    waiting = len(jobs.under_way(MAX_COUNTED))
    if waiting:
        hint = "Let them end, or take them out of the queue. Then choose again."
        one = "A job is under way, for the present base."
        several = "{count} jobs are under way, for the present base."
        raise StudioError(trn(one, several, waiting), hint)
    base = Base(path, prediction or known.base.prediction)
    bases.remember(base)
    return base
