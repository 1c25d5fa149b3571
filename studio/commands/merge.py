"""The command that puts several concepts into one file."""

from __future__ import annotations

import argparse

from studio.commands.console import show_progress
from studio.commands.recipe_flags import open_workspace
from studio.edits.concept import Concept
from studio.events import Result
from studio.files import writable_file
from studio.generation.merge import merge_concepts
from studio.models import opening
from studio.recipes.recipe import Sampling


def run_merge(given: argparse.Namespace) -> None:
    """Merge the named concepts and save the file. Raises StudioError."""
    workspace = open_workspace(given)
    defaults = workspace.base_defaults()
    sampling = Sampling(seed=given.seed, guidance=defaults.guidance)
    concepts = [Concept.open(workspace.library.resolve(place).path) for place in given.concepts]
    out = writable_file(given.out)
    for event in show_progress(merge_concepts(opening.open_backbone(given.base), concepts, sampling)):
        if isinstance(event, Result):
            event.value.save(out)
            print(f"Kept as {out} ({out.stat().st_size / 1000:.0f} kB)")
