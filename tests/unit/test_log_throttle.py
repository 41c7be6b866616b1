"""Repeated failures are summed up, and whatever goes well is told line by line."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from relay.log.throttle import DIFFERENT, SAME, Throttle


class Paper(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def throttle(paper: Paper) -> Iterator[Throttle]:
    made = Throttle(paper, window=3600)
    yield made
    made.close()


def tell(throttle: Throttle, message: str = "failed", level: int = logging.WARNING, **extra: Any):
    named = {"name": "relay.x", "levelno": level, "levelname": logging.getLevelName(level)}
    throttle.handle(logging.makeLogRecord({**named, "msg": message, **extra}))


def test_a_few_are_told_and_then_how_many_more_there_were(throttle: Throttle, paper: Paper) -> None:
    for _ in range(SAME + 312):
        tell(throttle, sink="team", reason="502", delivery=7)
    assert paper.lines == ["failed"] * SAME
    throttle.sum_up()
    summary = paper.records[-1]
    assert summary.getMessage() == "failed … and 312 more like this"
    told = {key: value for key, value in vars(summary).items() if key in {"sink", "reason", "more"}}
    assert told == {"sink": "team", "reason": "502", "more": 312}
    assert not hasattr(summary, "delivery")
    assert (summary.levelno, summary.name) == (logging.WARNING, "relay.x")


def test_a_summary_is_told_once_and_the_next_window_begins_anew(
    throttle: Throttle, paper: Paper
) -> None:
    for _ in range(SAME + 1):
        tell(throttle)
    throttle.sum_up()
    throttle.sum_up()
    tell(throttle)
    assert paper.lines == ["failed"] * SAME + ["failed … and 1 more like this", "failed"]


def test_another_sink_or_reason_is_another_line(throttle: Throttle, paper: Paper) -> None:
    for sink in ("team", "ops"):
        for reason in ("502", "503"):
            for _ in range(SAME):
                tell(throttle, sink=sink, reason=reason)
    assert len(paper.lines) == 4 * SAME


def test_what_goes_well_is_never_kept_back(throttle: Throttle, paper: Paper) -> None:
    for _ in range(500):
        tell(throttle, "delivered", logging.INFO, sink="team")
    assert len(paper.lines) == 500


def test_whoever_chooses_the_reasons_cannot_fill_the_log(throttle: Throttle, paper: Paper) -> None:
    for number in range(10_000):
        tell(throttle, reason=f"made up {number}")
    throttle.sum_up()
    assert len(paper.lines) == DIFFERENT + SAME + 1
    assert paper.lines[-1] == f"failed … and {10_000 - DIFFERENT - SAME} more like this"


def test_the_end_of_the_process_leaves_nothing_untold(throttle: Throttle, paper: Paper) -> None:
    for _ in range(SAME + 2):
        tell(throttle)
    throttle.close()
    assert paper.lines[-1] == "failed … and 2 more like this"


def test_a_window_ends_by_itself(paper: Paper) -> None:
    throttle = Throttle(paper, window=0.001)
    tell(throttle)
    while throttle.timer is not None:
        throttle.timer.join(10)
    tell(throttle)
    throttle.close()
    assert paper.lines == ["failed", "failed"]
