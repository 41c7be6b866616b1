"""After any outcome a delivery has arrived, is dead with a reason, or waits for its next turn."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.settle import AttemptContext
from relay.delivery.settle import settle as settle_by
from relay.outcome import Closed, Delivery, Failed, RateLimited, Rejected, Sent, State
from tests.factories import a_delivery

SCHEDULE = (5.0, 30.0, 120.0)
NOW = 1_000_000
PENDING, DELIVERED, DEAD = State


def settle(delivery, outcome, **context):
    return settle_by(delivery, outcome, AttemptContext(**context))


@pytest.mark.parametrize(
    ("attempt", "outcome", "state", "counted", "wait", "reason"),
    [
        pytest.param(1, Sent(), DELIVERED, 1, 0, None, id="sent is delivered"),
        pytest.param(9, Sent(), DELIVERED, 9, 0, None, id="sent is delivered, however late"),
        pytest.param(1, Sent(pause=60), DELIVERED, 1, 0, None, id="a rest is the lane's affair"),
        pytest.param(1, RateLimited(2.5), PENDING, 0, 2_500, "old", id="a limit waits its time"),
        pytest.param(1, RateLimited(0), PENDING, 0, 0, "old", id="or none"),
        pytest.param(9, RateLimited(1), PENDING, 8, 1_000, "old", id="a limit never kills"),
        pytest.param(1, Closed("410"), PENDING, 0, 0, "410", id="closed keeps the backlog"),
        pytest.param(9, Closed("410"), PENDING, 8, 0, "410", id="closed never kills"),
        pytest.param(1, Failed("502"), PENDING, 1, 5_000, "502", id="the first wait"),
        pytest.param(2, Failed("502"), PENDING, 2, 30_000, "502", id="the second wait"),
        pytest.param(3, Failed("502"), PENDING, 3, 120_000, "502", id="the last wait"),
        pytest.param(4, Failed("502"), DEAD, 4, 0, "502", id="no wait left: dead"),
        pytest.param(99, Failed("502"), DEAD, 99, 0, "502", id="a shorter schedule kills, too"),
        pytest.param(1, Failed("reset", ambiguous=True), PENDING, 1, 5_000, "reset", id="in doubt"),
        pytest.param(4, Failed("reset", ambiguous=True), DEAD, 4, 0, "reset", id="dead in doubt"),
        pytest.param(1, Rejected("400"), DEAD, 1, 0, "400", id="rejected is dead at once"),
    ],
)
def test_what_an_outcome_makes_of_a_delivery(attempt, outcome, state, counted, wait, reason):
    claimed = a_delivery(attempt=attempt, reason="old")
    settled = settle(claimed, outcome, schedule=SCHEDULE, now=NOW)
    found = (settled.state, settled.attempt, settled.due_at, settled.reason)
    assert found == (state, counted, NOW + wait, reason)


UNSENT = Failed("connection refused", unsent=True)


@pytest.mark.parametrize("attempt", [1, 4, 99])
def test_what_the_chat_never_saw_costs_no_attempt(attempt):
    settled = settle(a_delivery(attempt=attempt), UNSENT, schedule=SCHEDULE, now=NOW)
    assert (settled.state, settled.attempt) == (PENDING, attempt - 1)
    assert NOW < settled.due_at <= NOW + 120_000


def test_nor_where_the_schedule_has_no_waits():
    settled = settle(a_delivery(), UNSENT, schedule=(), now=NOW)
    assert (settled.state, settled.attempt, settled.due_at) == (PENDING, 0, NOW + 5_000)


def test_an_attempt_between_two_of_the_schedule_costs_none():
    first = settle(a_delivery(attempt=3), Failed("502"), schedule=SCHEDULE, now=NOW, pause=7)
    assert (first.attempt, first.due_at, first.counts_at) == (3, NOW + 7_000, NOW + 120_000)
    again = replace(first, attempt=4)
    between = settle(again, Failed("502"), schedule=SCHEDULE, now=NOW + 7_000, pause=50)
    assert (between.attempt, between.due_at) == (3, NOW + 57_000)
    last = settle(between, Failed("502"), schedule=SCHEDULE, now=NOW + 57_000, pause=300)
    assert last.due_at == NOW + 120_000  # no later than the schedule wants
    assert settle(again, Failed("502"), schedule=SCHEDULE, now=NOW + 120_000).state is DEAD


def test_however_often_relay_is_started_again_it_waits_as_long():
    delivery = settle(a_delivery(attempt=1), Failed("502"), schedule=SCHEDULE, now=NOW)
    for second in range(5):
        claimed = replace(delivery, attempt=delivery.attempt + 1)
        delivery = settle(claimed, Failed("502"), schedule=SCHEDULE, now=NOW + second * 1000)
        assert (delivery.attempt, delivery.due_at) == (1, NOW + 5_000)


def test_a_clock_that_was_set_back_lets_nobody_wait_longer_than_the_schedule():
    delivery = settle(a_delivery(attempt=1), Failed("502"), schedule=SCHEDULE, now=NOW + 10**9)
    again = settle(replace(delivery, attempt=2), Failed("502"), schedule=SCHEDULE, now=NOW)
    assert again.due_at == NOW + 30_000


def test_a_sink_that_takes_nothing_costs_no_attempts():
    settled = settle(
        a_delivery(attempt=4), Failed("502"), schedule=SCHEDULE, now=NOW, pause=45, counts=False
    )
    assert (settled.state, settled.attempt, settled.due_at) == (PENDING, 3, NOW + 45_000)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(Failed("reset", ambiguous=True), (0, True), id="no answer"),
        pytest.param(Failed("502"), (0, False), id="an answer"),
        pytest.param(UNSENT, (7, False), id="nothing sent"),
        pytest.param(RateLimited(1), (0, False), id="a limit"),
        pytest.param(Sent(), (0, False), id="sent"),
    ],
)
def test_what_is_remembered_of_an_attempt(outcome, expected):
    settled = settle(a_delivery(crashes=7), outcome, schedule=SCHEDULE, now=NOW)
    assert (settled.crashes, settled.in_doubt) == expected


def test_with_no_schedule_the_first_failure_is_the_last():
    assert settle(a_delivery(), Failed("502"), schedule=(), now=NOW).state is State.DEAD


@pytest.mark.parametrize(("jitter", "wait"), [(0.8, 4_000), (1.0, 5_000), (1.2, 6_000)])
def test_jitter_stretches_the_wait_after_a_failure(jitter, wait):
    settled = settle(a_delivery(), Failed("502"), schedule=SCHEDULE, now=NOW, jitter=jitter)
    assert settled.due_at == NOW + wait


@pytest.mark.parametrize("outcome", [RateLimited(2), Closed("410"), Sent(), Rejected("400")])
def test_jitter_stretches_no_other_wait(outcome):
    stretched, plain = (
        settle(a_delivery(), outcome, schedule=SCHEDULE, now=NOW, jitter=jitter)
        for jitter in (1.2, 1.0)
    )
    assert stretched == plain


def test_what_may_have_arrived_is_not_sent_again_where_that_is_not_wanted():
    outcome = Failed("reset", ambiguous=True)
    settled = settle(a_delivery(), outcome, schedule=SCHEDULE, now=NOW, resend=False)
    assert (settled.state, settled.due_at) == (State.DEAD, NOW)
    assert settled.reason == "may have arrived: reset"


@pytest.mark.parametrize("outcome", [Failed("502"), RateLimited(2), Closed("410"), Sent()])
def test_what_cannot_have_arrived_is_sent_again_in_any_case(outcome):
    wanted, unwanted = (
        settle(a_delivery(), outcome, schedule=SCHEDULE, now=NOW, resend=resend)
        for resend in (True, False)
    )
    assert wanted == unwanted


def test_what_did_something_else_is_not_sent_again():
    settled = settle(a_delivery(), Closed("ok", is_taken=True), schedule=SCHEDULE, now=NOW)
    assert (settled.state, settled.reason) == (State.DEAD, "may have arrived: ok")


@pytest.mark.parametrize(
    ("outcome", "before", "after"),
    [
        (RateLimited(2, reason="429 error code: 1015"), None, "429 error code: 1015"),
        (RateLimited(2, reason="429 slow down"), "502", "429 slow down"),
        (RateLimited(0), "502", "502"),
    ],
)
def test_who_waits_for_a_limit_says_so(outcome, before, after):
    settled = settle(a_delivery(reason=before), outcome, schedule=SCHEDULE, now=NOW)
    assert settled.reason == after


reasons = st.sampled_from(["502", "410 gone", "ひみつ"])
pauses = st.floats(min_value=0, max_value=30 * 86_400)
outcomes = st.one_of(
    st.builds(Sent, pauses),
    st.builds(RateLimited, pauses),
    st.builds(Failed, reasons, st.booleans()),
    st.builds(Failed, reasons, unsent=st.just(True)),
    st.builds(Rejected, reasons),
    st.builds(Closed, reasons, st.booleans(), st.booleans()),
)
deliveries = st.builds(
    lambda attempt, due_at, reason: a_delivery(attempt=attempt, due_at=due_at, reason=reason),
    st.integers(1, 50),
    st.integers(0, 2**43),
    st.none() | reasons,
)
policies = st.fixed_dictionaries(
    {
        "schedule": st.lists(pauses, max_size=12),
        "jitter": st.floats(0.8, 1.2),
        "resend": st.booleans(),
        "pause": st.none() | st.floats(0, 3600),
        "counts": st.booleans(),
    }
)
moments = st.integers(0, 2**43)

CHANGED = {"state", "attempt", "due_at", "reason", "counts_at", "in_doubt", "crashes"}


@given(deliveries, outcomes, policies, moments)
def test_after_any_outcome_it_has_arrived_is_dead_with_a_reason_or_waits(
    claimed, outcome, policy, now
):
    settled = settle(claimed, outcome, now=now, **policy)
    assert isinstance(settled.due_at, int)
    assert now <= settled.due_at < 2**62
    assert 0 <= settled.attempt <= claimed.attempt
    match settled.state:
        case State.DELIVERED:
            assert isinstance(outcome, Sent)
            assert settled.reason is None
        case State.DEAD:
            assert isinstance(outcome, Failed | Rejected) or outcome.is_taken
            assert outcome.reason in settled.reason
        case State.PENDING:
            assert isinstance(outcome, RateLimited | Closed | Failed)
    kept = [
        {name: getattr(it, name) for name in Delivery.__slots__ if name not in CHANGED}
        for it in (claimed, settled)
    ]
    assert kept[0] == kept[1]


@given(deliveries, st.builds(RateLimited, pauses) | st.builds(Closed, reasons), policies, moments)
def test_waiting_costs_no_attempt(claimed, outcome, policy, now):
    settled = settle(claimed, outcome, now=now, **policy)
    assert (settled.state, settled.attempt) == (State.PENDING, claimed.attempt - 1)


@given(policies, st.lists(st.builds(RateLimited, pauses) | st.builds(Closed, reasons), max_size=20))
def test_a_delivery_is_tried_once_more_than_there_are_waits(policy, hindrances):
    delivery, failures, now = a_delivery(attempt=0), 0, NOW
    policy |= {"resend": True, "counts": True, "pause": None}
    while delivery.state is State.PENDING:
        claimed = replace(delivery, attempt=delivery.attempt + 1)
        outcome = hindrances.pop() if hindrances else Failed("502")
        failures += isinstance(outcome, Failed)
        delivery = settle(claimed, outcome, now=now, **policy)
        now = delivery.due_at
    assert (delivery.state, failures) == (State.DEAD, len(policy["schedule"]) + 1)
