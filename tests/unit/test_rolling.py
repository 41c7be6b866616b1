"""The last hour of each sink, by the minute."""

from relay.monitoring.rolling import MINUTE, Bars, Minute, RollingStats, bars
from relay.outcome import Failed, Sent, State
from tests.factories import a_delivery


class Clock:
    now = 100 * MINUTE

    def __call__(self) -> int:
        return self.now


def test_what_arrived_and_what_failed_is_counted_in_its_minute() -> None:
    clock = Clock()
    stats = RollingStats(clock=clock)
    arrived = a_delivery(state=State.DELIVERED)
    stats.count([arrived, arrived], Sent())
    stats.count([a_delivery()], Failed("502"))
    clock.now += 2 * MINUTE
    stats.count([arrived], Sent())
    assert stats.hour("team")[-3:] == [Minute(100, 2, 1), Minute(101), Minute(102, 1)]
    assert len(stats.hour("team")) == len(stats.hour("other")) == 60


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    clock = Clock()
    stats = RollingStats(clock=clock)
    for _ in range(200):
        stats.count([a_delivery(state=State.DELIVERED)], Sent())
        clock.now += MINUTE
    assert sum(minute.delivered for minute in stats.hour("team")) == 59
    clock.now += 60 * MINUTE
    assert sum(minute.delivered for minute in stats.hour("team")) == 0


def test_the_bars_of_an_hour_stay_in_their_frame() -> None:
    hour = [Minute(0), Minute(1, 4, 1), Minute(2, 2)]
    assert bars(hour) == Bars(delivered="M3,21v-21.0M5,21v-10.5", failed="M3,21v9.0")
    assert bars([Minute(0), Minute(1)]) == bars([]) == Bars("", "")
