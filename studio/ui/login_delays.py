"""How long a client that gave wrong passwords has to wait before the next attempt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FREE_ATTEMPTS = 3  # a person mistypes
FIRST_SECONDS, MAX_SECONDS = 1.0, 300.0
FORGET_SECONDS = 3600.0
MAX_CLIENTS = 10_000


@dataclass
class Attempts:
    """What a client has tried since its last success: how often, and when for the last time."""

    count: int
    last: float


class LoginDelays:
    """Counts the attempts of each client; the delay doubles with every one.

    An attempt counts from its beginning, so that many at once do not all pass before the first has failed.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.attempts: dict[str, Attempts] = {}

    def begin(self, client: str) -> float:
        """Count an attempt and return 0, or return how many seconds are left until one may be made."""
        now = self.clock()
        known = self.attempts.get(client)
        if known is None or now - known.last > FORGET_SECONDS:
            self._make_room(now)
            known = self.attempts[client] = Attempts(0, now)
        left = known.last + delay_after(known.count) - now
        if left > 0:
            return left
        known.count, known.last = known.count + 1, now
        return 0.0

    def succeed(self, client: str) -> None:
        """Forget the attempts of a client, who knew the password."""
        self.attempts.pop(client, None)

    def _make_room(self, now: float) -> None:
        """Forget old clients when there are many, and the oldest when that does not help."""
        if len(self.attempts) < MAX_CLIENTS:
            return
        kept = {name: tried for name, tried in self.attempts.items() if now - tried.last <= FORGET_SECONDS}
        while len(kept) >= MAX_CLIENTS:
            kept.pop(min(kept, key=lambda name: kept[name].last))
        self.attempts = kept


def delay_after(count: int) -> float:
    """Return the seconds to wait after `count` attempts in a row without success."""
    if count < FREE_ATTEMPTS:
        return 0.0
    return min(FIRST_SECONDS * 2.0 ** min(count - FREE_ATTEMPTS, 20), MAX_SECONDS)
