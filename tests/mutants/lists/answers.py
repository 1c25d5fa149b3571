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
        "return notice._id not in ids",
        "return True",
        *ANSWERS,
    ),
    planted(
        "an edit counts as the press that ends a card",
        CARDS,
        "        if by_press:\n            ids.discard(notice._id)\n",
        "        ids.discard(notice._id)\n",
        *ANSWERS,
    ),
    planted(
        "the card of an edit is never taken away",
        CARDS,
        "if by_press:\n            ids.add",
        "if True:\n            ids.add",
        *ANSWERS,
    ),
    planted("one visit keeps the card of another", BLOCKS, "VISIT.set(state)", "VISIT.set(self)", *ANSWERS),
    planted("every event is an edit", CARDS, "in PRESSES\n", "in ()\n", *ANSWERS),
    planted(
        "a call that arrives late counts as the newest",
        BLOCKS,
        "calls[block_fn._id] = max(calls[block_fn._id], number)",
        "calls[block_fn._id] = number",
        *ANSWERS,
    ),
    planted("an overtaken answer is shown", BLOCKS, "CALL.get(0) < newest", "CALL.get(0) > newest", *ANSWERS),
    planted(
        "what a visit shows is compared with what it once sent",
        VISITS,
        "return state[parts._id] if isinstance(parts, gr.State) else sent",
        "return sent",
        *ASKED,
    ),
    planted("the visit that asked last is forgotten", VISITS, "popitem(last=False)", "popitem()", *ASKED),
    planted(
        "a visit without a session is kept", VISITS, "if not name or state is None:", "if not name:", *ASKED
    ),
    planted(
        "a visit that is not known is never drawn",
        "studio/ui/parts/live_views.py",
        "given is None or bool(",
        "given is not None and bool(",
        *ASKED,
    ),
    planted(
        "nothing says that the studio was started anew",
        "studio/ui/application.py",
        '"start": START',
        '"start": ""',
        *ASKED,
    ),
]
