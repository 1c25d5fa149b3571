"""Planted mistakes in the page, the launcher and the commands."""

from __future__ import annotations

from tests.mutants.mutant import planted

LAUNCH = ("launcher/test_launch.py",)
FORMS = ("ui/test_composing_form.py", "ui/test_refinement_form.py", "ui/test_forms.py")
VIEWS = ("ui/test_page.py", "ui/test_handlers.py", "ui/test_composing_form.py")
VOTE = ("grids/test_blind_vote.py", "ui/test_page.py")
FLAGS = (
    "commands/test_flags.py",
    "commands/test_headless.py::test_a_concept_file_from_anywhere_with_a_strength",
)

MUTANTS = [
    planted(
        "the page drops the password it is given",
        "studio/ui/app.py",
        "        auth=auth,\n",
        "        auth=None,\n",
        *VIEWS,
        "ui/test_views.py",
        severe=True,
    ),
    planted(
        "two studios open one workspace", "launch.py", '"begin exclusive"', '"begin"', *LAUNCH, severe=True
    ),
    planted(
        "changed methods are not read again",
        "launch.py",
        'if known["sources"] == digest:',
        "if True:",
        *LAUNCH,
    ),
    planted(
        "a set-up that was interrupted counts as done",
        "studio/launcher/installation.py",
        "    write_stamp(VENV, {})\n    install(",
        "    install(",
        *LAUNCH,
    ),
    planted(
        "a new seed every time is ignored",
        "studio/ui/create/form.py",
        'if new_seed or recipe["seed"] is None:',
        'if recipe["seed"] is None:',
        *FORMS,
        "ui/test_views.py",
    ),
    planted(
        "the seed is drawn anew although it is to stay",
        "studio/ui/create/form.py",
        'if new_seed or recipe["seed"] is None:',
        "if True:",
        *FORMS,
        "ui/test_views.py",
    ),
    planted(
        "a grid drops the negative prompt",
        "studio/ui/compare/grid_form.py",
        "        **fields,\n",
        '        **{**fields, "negative": ""},\n',
        *FORMS,
        "ui/test_views.py",
    ),
    planted(
        "a grid drops the strengths of the picture it starts from",
        "studio/ui/compare/grid_form.py",
        "in base.strengths.items() if handle in named}",
        "in () if handle in named}",
        *FORMS,
        "ui/test_views.py",
    ),
    planted(
        "a concept is weak only when no handle was learned",
        "studio/ui/library_tab.py",
        "not all(verdict.learned for",
        "not any(verdict.learned for",
        *VIEWS,
        "ui/test_views.py",
    ),
    planted(
        "only the first handle's verdict is shown",
        "studio/ui/library_tab.py",
        "        notes += f'",
        "        notes = f'",
        *VIEWS,
        "ui/test_views.py",
    ),
    planted(
        "the running result tells which setting leads",
        "studio/ui/compare/blind_vote.py",
        "sorted((tally.first, tally.second), reverse=True)",
        "(tally.first, tally.second)",
        *VOTE,
        "ui/test_views.py",
    ),
    planted(
        "a preference is said where votes tell nothing",
        "studio/ui/compare/blind_vote.py",
        "if low > 0.5:",
        "if ballot.tally.first > ballot.tally.second:",
        *VOTE,
        "ui/test_views.py",
    ),
    planted(
        "what went wrong is not escaped",
        "studio/ui/parts/markup.py",
        "<strong>{escape(error.message)}</strong>",
        "<strong>{error.message}</strong>",
        *VIEWS,
        "ui/test_views.py",
        severe=True,
    ),
    planted(
        "facts are not escaped",
        "studio/ui/parts/markup.py",
        "<dd>{escape(str(value))}</dd>",
        "<dd>{value}</dd>",
        *VIEWS,
        "ui/test_views.py",
        severe=True,
    ),
    planted(
        "the job table is served",
        "studio/ui/app.py",
        'for end in ("", "-wal", "-shm")]',
        "for end in ()]",
        *VIEWS,
        "ui/test_views.py",
        "ui/test_served_files.py",
        severe=True,
    ),
    planted(
        "seeds are compared where something else changes",
        "studio/ui/compare/frontier_panel.py",
        '"y" if grid.grid.x.name == "seed" and grid.grid.y.name else "x"',
        '"x"',
        *VIEWS,
        "grids/test_frontier.py",
        "ui/test_views.py",
    ),
    planted(
        "the flags of a recipe lose against what suits the base",
        "studio/commands/recipe_flags.py",
        "**{**usual, **settings}",
        "**{**settings, **usual}",
        *FLAGS,
    ),
    planted(
        "the strength of --concept is ignored",
        "studio/commands/recipe_flags.py",
        "strengths |= dict.fromkeys(handles, strength)",
        "strengths |= dict.fromkeys(handles, 1.0)",
        *FLAGS,
    ),
    planted(
        "--negative is ignored",
        "studio/commands/recipe_flags.py",
        "        given.negative,\n        strengths",
        '        "",\n        strengths',
        *FLAGS,
    ),
    planted(
        "pictures of different seeds have one name",
        "studio/commands/paint.py",
        "str(recipe.seed), ",
        "",
        *FLAGS,
        severe=True,
    ),
]
