"""Which delivery of a queue goes next."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.outbox.ordering import QueuedDelivery, candidates, due_at, head, head_batch, is_due


def waiting(
    number: int,
    *,
    came: int = 0,
    happened: int = 0,
    batch: int | None = None,
    edits: bool = False,
    tried: int | None = None,
) -> QueuedDelivery:
    return QueuedDelivery(
        id=number,
        accepted_at=came,
        created_at=happened,
        due_at=came + 300,
        batch=batch,
        edits=7 if edits else None,
        attempted_at=tried,
    )


QUEUES = st.lists(
    st.tuples(st.integers(0, 2_000), st.integers(-(10**15), 10**15)), min_size=1, max_size=20
).map(
    lambda pairs: [
        waiting(n, came=came, happened=happened)
        for n, (came, happened) in enumerate(sorted(pairs, key=lambda pair: pair[0]))
    ]
)


def test_an_empty_queue_has_no_head() -> None:
    assert (head([], hold=300, now=0), due_at([], hold=300)) == (None, None)


def test_without_a_hold_the_first_to_come_goes_first() -> None:
    queue = [waiting(1, came=0, happened=9), waiting(2, came=0, happened=1)]
    first = head(queue, hold=0, now=0)
    assert first is not None
    assert first.id == 1


@given(QUEUES)
def test_each_goes_once_and_none_overtakes_one_that_came_a_hold_earlier(
    queue: list[QueuedDelivery],
) -> None:
    left, gone = list(queue), []
    while (first := head(left, hold=300, now=0)) is not None:
        left.remove(first)
        gone.append(first)
    assert sorted(gone, key=lambda one: one.id) == queue
    for place, one in enumerate(gone):
        assert all(one.accepted_at <= later.accepted_at + 300 for later in gone[place:])


@given(QUEUES)
def test_the_head_is_never_due_after_the_first_of_the_queue(queue: list[QueuedDelivery]) -> None:
    assert due_at(queue, hold=300) == queue[0].due_at


@given(QUEUES, st.integers(0, 19))
def test_an_attempted_delivery_is_the_head(queue: list[QueuedDelivery], place: int) -> None:
    tried = queue[place % len(queue)]
    again = waiting(tried.id, came=tried.accepted_at, happened=tried.created_at, batch=tried.id)
    assert head([again if one is tried else one for one in queue], hold=300, now=0) == again


def numbers(queue: Sequence[QueuedDelivery]) -> list[int]:
    return [one.id for one in queue]


def test_those_that_shared_a_request_share_it_again_in_their_order() -> None:
    queue = [
        waiting(1, happened=3, batch=3),
        waiting(2, happened=0),
        waiting(3, happened=1, batch=3),
        waiting(4, happened=2, batch=3),
    ]
    assert numbers(head_batch(queue, hold=300, now=0)) == [3, 4, 1]
    assert numbers(head_batch(queue, hold=0, now=0)) == [1, 3, 4]


def test_a_head_without_an_attempt_is_claimed_alone() -> None:
    assert numbers(head_batch([waiting(1), waiting(2)], hold=0, now=0)) == [1]


@given(QUEUES, st.integers(0, 12))
def test_candidates_are_those_that_would_go_next_anyway(
    queue: list[QueuedDelivery], most: int
) -> None:
    left, next_ones = list(queue), list[QueuedDelivery]()
    while left:
        first = head(left, hold=300, now=0)
        assert first is not None
        left.remove(first)
        next_ones.append(first)
    assert candidates(queue, hold=300, now=10**9, limit=most) == next_ones[:most]


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        pytest.param([waiting(1), waiting(2, came=400)], [1], id="one that is held is not due yet"),
        pytest.param([waiting(1), waiting(2, edits=True), waiting(3)], [1], id="an edit"),
        pytest.param([waiting(1, batch=1), waiting(2)], [], id="one that was attempted before"),
        pytest.param([], [], id="none"),
    ],
)
def test_candidates_end_before(queue: list[QueuedDelivery], expected: list[int]) -> None:
    assert numbers(candidates(queue, hold=300, now=500, limit=9)) == expected


@pytest.mark.parametrize("skew", [-2_400_000, -50_000, -1, 95_000, 10**12])
@given(QUEUES, st.integers(0, 600))
def test_a_delivery_waits_for_a_hold_at_most_whatever_clock_it_came_by(
    skew: int, queue: list[QueuedDelivery], passed: int
) -> None:
    now = queue[0].accepted_at - skew + passed
    assert is_due(queue, hold=300, now=now + 300) or is_due(queue, hold=300, now=now)
    wanted = due_at(queue, hold=300, now=now)
    assert wanted is not None
    assert wanted <= now + 300


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(9_999_999, True, id="a clock that was set back"),
        pytest.param(9_940_000, True, id="or by more"),
        pytest.param(10_000_000, False, id="it just came"),
        pytest.param(10_000_299, False, id="its hold goes on"),
        pytest.param(10_000_300, True, id="its hold is over"),
    ],
)
def test_a_clock_that_was_set_back_delays_no_first_attempt(now: int, expected: bool) -> None:
    assert is_due([waiting(1, came=10_000_000)], hold=300, now=now) is expected


@pytest.mark.parametrize(
    ("tried", "is_ready"),
    [
        pytest.param(10_000_000, True, id="since it was tried"),
        pytest.param(9_000_000, False, id="before it was tried"),
        pytest.param(None, False, id="while it is tried"),
    ],
)
def test_a_clock_that_was_set_back_delays_no_other_attempt(
    tried: int | None, is_ready: bool
) -> None:
    queue = [waiting(1, came=9_999_000, batch=1, tried=tried)]
    assert is_due(queue, hold=0, now=9_000_300) is is_ready


def an_edit(number: int, *, due: int, is_tried: bool = True) -> QueuedDelivery:
    made = waiting(number, edits=True, batch=number if is_tried else None, tried=0)
    return made._replace(due_at=due)


def test_an_edit_that_waits_for_another_attempt_delays_no_other() -> None:
    queue = [an_edit(1, due=600_000), waiting(2), waiting(3), an_edit(4, due=0, is_tried=False)]
    assert numbers(head_batch(queue, hold=0, now=1000)) == [2]
    assert numbers(candidates(queue, hold=0, now=1000, limit=9)) == [2, 3]
    assert due_at(queue, hold=0) == 300
    assert is_due(queue, hold=0, now=1000)


def test_an_edit_that_is_due_again_goes_first() -> None:
    queue = [an_edit(1, due=600_000), waiting(2), an_edit(3, due=500_000)]
    assert numbers(head_batch(queue, hold=0, now=500_000)) == [3]
    assert numbers(head_batch(queue, hold=0, now=600_000)) == [1]


def test_a_queue_of_waiting_edits_is_due_when_the_first_edit_is() -> None:
    queue = [an_edit(1, due=600_000), an_edit(2, due=500_000)]
    assert due_at(queue, hold=300) == 500_000
    assert not is_due(queue, hold=300, now=499_999)
    assert numbers(head_batch(queue, hold=300, now=500_000)) == [2]


def test_an_edit_without_an_attempt_keeps_its_position() -> None:
    queue = [an_edit(1, due=1200, is_tried=False), waiting(2, came=1000)]
    assert numbers(head_batch(queue, hold=300, now=2000)) == [1]
    assert not is_due(queue, hold=300, now=1000)


def test_a_new_delivery_does_not_overtake_a_failed_one_while_an_edit_waits() -> None:
    queue = [an_edit(1, due=600_000), waiting(2, batch=2)._replace(due_at=5_000), waiting(3)]
    assert not is_due(queue, hold=0, now=4_000)
    assert numbers(head_batch(queue, hold=0, now=5_000)) == [2]


def test_a_clock_that_was_set_back_delays_no_edit_either() -> None:
    queue = [an_edit(1, due=10_000_000)._replace(attempted_at=9_900_000)]
    assert is_due(queue, hold=0, now=1_000_000)


def test_a_superseded_delivery_keeps_its_position() -> None:
    queue = [
        waiting(1, came=90_000, happened=3)._replace(due_at=300),
        waiting(2, came=10_000, happened=2),
        waiting(3, came=20_000, happened=1),
    ]
    assert numbers(candidates(queue, hold=300, now=10**6, limit=9)) == [1, 2, 3]
