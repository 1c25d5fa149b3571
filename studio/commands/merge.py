"""The command `merge`: put several concepts into one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.commands.base_flags import open_base
from studio.commands.console import show_progress
from studio.commands.recipe_flags import FIELDS, open_workspace
from studio.commands.setting_flags import add_setting_flags, given_settings
from studio.edits.concept import Concept
from studio.edits.saving import save_and_say
from studio.events import Result
from studio.files import other_folders, writable_file
from studio.generation.merge import merge_concepts
from studio.recipes.recipe import Sampling


def add_merge_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_merge` needs."""
    parser.add_argument("concepts", nargs="+", metavar="CONCEPT", help="files, or names in the library")
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    add_setting_flags(parser, [FIELDS["seed"]])


def run_merge(given: argparse.Namespace) -> None:
    """Merge the named concepts and save the file. Raises StudioError."""
    workspace = open_workspace(given)
    guidance = workspace.base_defaults().guidance
    sampling = Sampling(guidance=guidance, **given_settings(given, [FIELDS["seed"]]))
    concepts = [Concept.open(workspace.concepts.resolve(name).path) for name in given.concepts]
    out = writable_file(given.out)
    for event in show_progress(merge_concepts(open_base(given), concepts, sampling)):
        if isinstance(event, Result):
            others = [workspace.concepts.folder, Path.cwd(), *other_folders()]
            save_and_say(event.value.header.handle, event.value.save, out, others)
