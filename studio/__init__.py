"""Likeness: learn a few photos, keep what was learned as a small file, paint with it.

    Photos go in; a Method learns Edits; a Concept file keeps them; `attach` puts them on a Backbone;
    `generate` paints; the Workspace queues it all; the UI only shows it.

This package knows what a concept is, keeps concepts and paints with them. It never imports `trainers`.
Importing it is free: nothing is loaded here.
"""

import sys

# `python -m` imports the package of a command before the command can notice Ctrl-C
if sys.argv[:1] == ["-m"]:
    from studio.output import be_brief_when_interrupted

    be_brief_when_interrupted()
