"""Planted mistakes in measures, score cards, and what is said of a grid."""

from __future__ import annotations

from tests.mutants.mutant import planted

MEASURES = ("evaluation/test_measures.py",)
CARD = ("evaluation/test_scorecard.py",)
FRONTIER = ("grids/test_frontier.py",)
VOTE = ("grids/test_blind_vote.py",)
SHEET = ("recipes/test_grid.py",)
GRID_SCORES = (
    "end_to_end/test_comparing.py::test_the_bases_judge_compares_with_the_photos_that_were_trained_on",
    "end_to_end/test_comparing.py::test_a_judge_hears_nouns_in_place_of_handles",
)
SCORING = "studio/evaluation/concept_scoring.py"

MUTANTS = [
    planted(
        "likeness is to photos that were trained on",
        SCORING,
        "references.unseen or references.trained\n",
        "references.trained or references.unseen\n",
        *CARD,
    ),
    planted(
        "the score card takes the noun for the concept",
        SCORING,
        "(CONTROL, []), (handle, [concept])",
        "(CONTROL, [concept]), (handle, [])",
        *CARD,
    ),
    planted(
        "drift is that of no edit",
        SCORING,
        "for edits in ((), concept.edits):",
        "for edits in ((), ()):",
        *CARD,
    ),
    planted(
        "bleed is measured against the pictures themselves",
        SCORING,
        "measures.bleed(features, plain,",
        "measures.bleed(features, features,",
        *CARD,
    ),
    planted(
        "structure is measured by the subject's encoder",
        SCORING,
        "encoders.structure.encode(pictures), encoders.structure.encode(photos)",
        "encoders.subject.encode(pictures), encoders.subject.encode(photos)",
        *CARD,
    ),
    planted(
        "copying is the mean over all photos",
        "studio/evaluation/measures.py",
        "(pictures @ trained.T).amax(1)",
        "(pictures @ trained.T).mean(1)",
        *MEASURES,
    ),
    planted(
        "a picture counts as copied sooner",
        "studio/evaluation/measures.py",
        "pairs(trained).max()",
        "pairs(trained).mean()",
        *MEASURES,
    ),
    planted(
        "pairs hold every row with itself",
        "studio/evaluation/measures.py",
        "offset=1)",
        "offset=0)",
        *MEASURES,
    ),
    planted(
        "intervals are those of a whole population",
        "studio/intervals.py",
        "statistics.stdev(",
        "statistics.pstdev(",
        *MEASURES,
    ),
    planted(
        "the interval of a share is too narrow", "studio/intervals.py", " + Z_95**2 / (4 * n**2))", ")", *VOTE
    ),
    planted(
        "the nearest photo is the farthest",
        "studio/evaluation/grid_scores.py",
        "max(each.max().item() for each in alike)",
        "min(each.min().item() for each in alike)",
        *GRID_SCORES,
    ),
    planted(
        "the judge reads handles",
        "studio/evaluation/grid_scores.py",
        "[spoken_prompt(prompt, nouns)]",
        "[prompt]",
        *GRID_SCORES,
    ),
    planted(
        "intervals that overlap in one score count as overlapping",
        "studio/grids/frontier.py",
        "return all(a.interval[0]",
        "return any(a.interval[0]",
        *FRONTIER,
    ),
    planted(
        "a point is off the front when one score is lower",
        "studio/grids/frontier.py",
        "other[0] >= likeness and other[1]",
        "other[0] >= likeness or other[1]",
        *FRONTIER,
    ),
    planted(
        "of equals the one with less likeness is best",
        "studio/grids/frontier.py",
        "-point.likeness.mean\n",
        "point.likeness.mean\n",
        *FRONTIER,
    ),
    planted(
        "scores are not divided by their spread",
        "studio/grids/frontier.py",
        "sum((lack / span) ** 2",
        "sum(lack**2",
        *FRONTIER,
    ),
    planted(
        "votes go to the other setting",
        "studio/grids/blind_vote.py",
        '(vote == "right") != pair.swapped',
        '(vote == "right") == pair.swapped',
        *VOTE,
        severe=True,
    ),
    planted(
        "a click that comes twice votes twice",
        "studio/grids/blind_vote.py",
        "if self.pair is None or number != len(self.votes):",
        "if self.pair is None:",
        *VOTE,
    ),
    planted(
        "the first setting is always on the left",
        "studio/grids/blind_vote.py",
        "chance.random() < 0.5",
        "False",
        *VOTE,
    ),
    planted(
        "pairs come in the order of the grid",
        "studio/grids/blind_vote.py",
        "        chance.shuffle(pairs)\n",
        "",
        *VOTE,
    ),
    planted(
        "a picture of another base counts as painted",
        "studio/grids/grid_folder.py",
        "base=base or recipe.base)",
        "base=recipe.base)",
        *SHEET,
        "end_to_end/test_comparing.py::test_a_stopped_grid_goes_on_and_paints_nothing_twice",
    ),
    planted(
        "columns are rows",
        "studio/grids/grid_folder.py",
        'cell.column if along == "x" else cell.row',
        'cell.row if along == "x" else cell.column',
        *SHEET,
        *FRONTIER,
    ),
    planted(
        "the contact sheet is transposed",
        "studio/grids/contact_sheet.py",
        "layout.corner(cell.column, cell.row)",
        "layout.corner(cell.row, cell.column)",
        *SHEET,
    ),
    planted(
        "the contact sheet does not say the negative prompt",
        "studio/grids/contact_sheet.py",
        '    if base.negative and "negative" not in axes:\n',
        "    if False:\n",
        *SHEET,
    ),
]
