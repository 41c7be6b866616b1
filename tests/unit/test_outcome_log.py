"""What became of deliveries, by which outcome, and when they go on."""

import logging

import pytest

from relay.delivery.outcome_log import log
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent, State
from tests.factories import a_delivery

DEAD = {"state": State.DEAD}


@pytest.mark.parametrize(
    ("outcome", "changes", "level", "message"),
    [
        pytest.param(Sent(), {"state": State.DELIVERED}, "INFO", "delivered", id="arrived"),
        pytest.param(RateLimited(5), {}, "INFO", "rate limited", id="waits for a limit"),
        pytest.param(Failed("502"), {}, "WARNING", "failed, will be tried again", id="again"),
        pytest.param(Failed("502"), DEAD, "ERROR", "dead letter", id="was the last attempt"),
        pytest.param(Rejected("400"), DEAD, "ERROR", "dead letter", id="will never be taken"),
        pytest.param(
            Closed("404"), {}, "ERROR", "sink closed: it refuses relay; its backlog waits"
        ),
    ],
)
def test_how_it_ended_is_told_as_loud_as_it_is_bad(
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    changes: dict[str, State],
    level: str,
    message: str,
) -> None:
    caplog.set_level(logging.INFO)
    log([a_delivery(**changes)], outcome, now=60_000)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (level, message)
    assert vars(record)["outcome"] == type(outcome).__name__
    assert vars(record)["reason"] == getattr(outcome, "reason", None)


def test_what_arrived_together_has_one_line_that_names_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    log([a_delivery(id=n, event_id=f"e{n}") for n in (1, 2)], Sent(), now=0)
    fields = vars(*caplog.records)
    assert (fields["delivery"], fields["event_id"]) == ((1, 2), ("e1", "e2"))
    assert (fields["kind"], fields["attempt"]) == ("", 1)


def test_every_delivery_of_a_request_that_failed_has_its_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log([a_delivery(id=n, event_id=f"e{n}") for n in (1, 2)], Failed("502"), now=0)
    assert [vars(one)["event_id"] for one in caplog.records] == ["e1", "e2"]


def test_what_waits_says_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    log([a_delivery(due_at=60_000)], Failed("502"), now=30_000)
    log([a_delivery(due_at=60_000, state=State.DEAD)], Failed("502"), now=30_000)
    assert [vars(one)["again_in"] for one in caplog.records] == ["30s", None]
