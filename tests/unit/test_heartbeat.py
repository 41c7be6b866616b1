"""A loop that rests is told from one that hangs."""

from relay.aio import Heartbeat


def test_who_has_not_begun_is_not_late() -> None:
    assert Heartbeat(monotonic=lambda: 1e9).overdue == 0


def test_who_comes_back_in_time_is_never_late() -> None:
    now = 0.0
    heartbeat = Heartbeat(monotonic=lambda: now)
    for _ in range(3):
        heartbeat.beat(within=10)
        now += 10
        assert heartbeat.overdue == 0


def test_who_does_not_come_back_is_late_by_the_time_since_then() -> None:
    now = 0.0
    heartbeat = Heartbeat(monotonic=lambda: now)
    heartbeat.beat(within=10)
    now = 25.0
    assert heartbeat.overdue == 15
