"""Planted mistakes in what the page asks and is answered."""

from __future__ import annotations

from tests.mutants.mutant import planted

CARDS = "studio/ui/parts/notice_cards.py"
VISITS = "studio/ui/parts/visits.py"
BLOCKS = "studio/ui/parts/answering_blocks.py"
ANSWERS = ("ui/test_answering_blocks.py",)
ASKED = ("ui/test_visits.py",)

MUTANTS = [
    planted(
        "an edit takes away the card of a press",
        CARDS,
        "shown[notice._id] = by_press or shown.get(notice._id, False)",
        "shown[notice._id] = False",
        *ANSWERS,
    ),
    planted(
        "the card of an edit is never taken away",
        CARDS,
        "may_empty = by_press or shown.get(notice._id) is False",
        "may_empty = by_press",
        *ANSWERS,
    ),
    planted(
        "one visit keeps the card of another",
        CARDS,
        "return {} if session is None else self._shown.setdefault(session, {})",
        "return self._shown.setdefault(NoticeCards, {})",
        *ANSWERS,
    ),
    planted("every event is an edit", CARDS, '"") in PRESSES', '"") in ()', *ANSWERS),
    planted(
        "a call that arrives late counts as the newest",
        BLOCKS,
        "calls[block_fn._id] = max(calls[block_fn._id], number)",
        "calls[block_fn._id] = number",
        *ANSWERS,
    ),
    planted("an overtaken answer is shown", BLOCKS, "CALL.get(0) < newest", "CALL.get(0) > newest", *ANSWERS),
    planted(
        "a view is drawn with the values with which the page was built",
        VISITS,
        "states.get(part._id, part.value)",
        "part.value",
        *ASKED,
    ),
    planted("the visit that asked last is forgotten", VISITS, "popitem(last=False)", "popitem()", *ASKED),
    planted(
        "a page that begins anew is taken for the one before",
        VISITS,
        "if visit is None or visit.session is not session:",
        "if visit is None:",
        *ASKED,
    ),
    planted(
        "Gradio forgets what a page in use holds",
        VISITS,
        "lives[number] = seconds, datetime.now()",
        "pass",
        *ASKED,
    ),
    planted(
        "a page whose session is gone is never told",
        VISITS,
        "> self.session.STATE_TTL_WHEN_CLOSED",
        "> 1e9",
        *ASKED,
    ),
    planted(
        "a visit that is not known is never drawn",
        "studio/ui/parts/live_views.py",
        "        if visit is None:\n            return about\n",
        "        if visit is None:\n            return []\n",
        *ASKED,
    ),
    planted(
        "nothing says that the studio was started anew",
        "studio/ui/application.py",
        "else START,",
        'else "",',
        *ASKED,
    ),
    planted(
        "the page talks to who has no password",
        "studio/ui/application.py",
        "if not is_logged_in(request):",
        "if False:",
        *ASKED,
        severe=True,
    ),
    planted(
        "calls of which the last counts hear the same event",
        "studio/ui/parts/handlers.py",
        "event = heard_alone(event)",
        "pass",
        "ui/test_page.py",
    ),
    planted(
        "a finished training's card offers what is gone",
        "studio/ui/parts/progress_card.py",
        "(known.job, known.beside) != (job, beside)",
        "known.job != job",
        "ui/test_job_cards.py",
    ),
    planted(
        "thousands are parted by commas in every language",
        "studio/words.py",
        'if LANGUAGE == ENGLISH or "," not in',
        'if True or "," not in',
        "test_words.py",
    ),
]
