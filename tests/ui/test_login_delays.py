"""Who guesses passwords waits longer and longer."""

from __future__ import annotations

import pytest

from studio.ui import login_delays
from studio.ui.login_delays import FREE_ATTEMPTS, LoginDelays


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_delay_doubles_up_to_a_limit(clock: Clock) -> None:
    delays = LoginDelays(clock)
    assert [delays.begin("a") for _ in range(FREE_ATTEMPTS)] == [0.0] * FREE_ATTEMPTS
    waits = []
    for _ in range(12):
        waits.append(delays.begin("a"))
        clock.now += waits[-1]
        assert delays.begin("a") == 0.0
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0] and waits[-1] == waits[-2] == 300.0


def test_waiting_is_not_made_longer_by_asking(clock: Clock) -> None:
    delays = LoginDelays(clock)
    for _ in range(FREE_ATTEMPTS):
        delays.begin("a")
    assert [delays.begin("a") for _ in range(50)] == [1.0] * 50
    clock.now += 0.75
    assert delays.begin("a") == 0.25


def test_clients_wait_alone_and_a_right_password_ends_it(clock: Clock) -> None:
    delays = LoginDelays(clock)
    for _ in range(FREE_ATTEMPTS):
        delays.begin("a")
    assert delays.begin("a") > 0 and delays.begin("b") == 0.0
    delays.succeed("a")
    assert delays.begin("a") == 0.0


def test_old_attempts_are_forgotten(clock: Clock) -> None:
    delays = LoginDelays(clock)
    for _ in range(FREE_ATTEMPTS):
        delays.begin("a")
    clock.now += login_delays.FORGET_SECONDS + 1
    assert [delays.begin("a") for _ in range(FREE_ATTEMPTS)] == [0.0] * FREE_ATTEMPTS


def test_many_clients_do_not_fill_the_memory(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_delays, "MAX_CLIENTS", 10)
    delays = LoginDelays(clock)
    for number in range(50):
        clock.now += 1
        delays.begin(str(number))
    assert set(delays.attempts) == {str(number) for number in range(40, 50)}
