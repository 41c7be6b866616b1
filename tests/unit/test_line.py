"""Who goes next."""

from hypothesis import given
from hypothesis import strategies as st

from relay.line import Waiting, due_at, head


def waiting(number: int, *, came: int, happened: int, attempt: int = 0) -> Waiting:
    return Waiting(
        id=number, accepted_at=came, created_at=happened, due_at=came + 300, attempt=attempt
    )


LINES = st.lists(
    st.tuples(st.integers(0, 2_000), st.integers(-(10**15), 10**15)), min_size=1, max_size=20
).map(
    lambda pairs: [
        waiting(n, came=came, happened=happened)
        for n, (came, happened) in enumerate(sorted(pairs, key=lambda pair: pair[0]))
    ]
)


def test_nobody_is_first_in_an_empty_line() -> None:
    assert (head([], hold=300), due_at([], hold=300)) == (None, None)


def test_without_a_hold_who_came_first_goes_first() -> None:
    line = [waiting(1, came=0, happened=9), waiting(2, came=0, happened=1)]
    first = head(line, hold=0)
    assert first is not None
    assert first.id == 1


@given(LINES)
def test_everybody_goes_once_and_nobody_overtakes_who_came_a_hold_earlier(
    line: list[Waiting],
) -> None:
    left, gone = list(line), []
    while (first := head(left, hold=300)) is not None:
        left.remove(first)
        gone.append(first)
    assert sorted(gone, key=lambda one: one.id) == line
    for place, one in enumerate(gone):
        assert all(one.accepted_at <= later.accepted_at + 300 for later in gone[place:])


@given(LINES)
def test_the_head_is_never_due_after_the_first_in_line(line: list[Waiting]) -> None:
    assert due_at(line, hold=300) == line[0].due_at


@given(LINES, st.integers(0, 19))
def test_who_was_tried_is_the_head(line: list[Waiting], place: int) -> None:
    tried = line[place % len(line)]
    again = waiting(tried.id, came=tried.accepted_at, happened=tried.created_at, attempt=1)
    assert head([again if one is tried else one for one in line], hold=300) == again
