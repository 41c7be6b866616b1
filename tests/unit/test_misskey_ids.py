"""The ids of Misskey's objects: their time, and the lowest id of a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.misskey import ids
from tests.fakes.misskey_api import LIKE

NOW = 1_796_047_060_399


def test_the_time_of_a_real_id_is_that_of_its_notification() -> None:
    assert ids.moment("au6wcyi7p7n0001i") == NOW  # createdAt: 2026-11-30T13:57:40.399Z


@pytest.mark.parametrize("like", LIKE.values(), ids=LIKE)
@given(moment=st.integers(min_value=946_684_800_000, max_value=2_100_000_000_000), later=st.data())
def test_ids_of_a_format_ascend_with_time(like: str, moment: int, later: st.DataObject) -> None:
    step = 1000 if like == LIKE["objectid"] else 1
    next_moment = later.draw(st.integers(min_value=moment + step, max_value=2_110_000_000_000))
    first, second = ids.id_at(moment, like=like), ids.id_at(next_moment, like=like)
    assert first is not None
    assert second is not None
    assert first < second
    assert len(first) == len(like)
    assert ids.moment(first) == moment // step * step
    assert ids.id_at(NOW, like=first) == ids.id_at(NOW, like=like)


@pytest.mark.parametrize("text", ["", "-", "a b", "dummy-note", "au6wcyi7p7n0001", "é" * 16])
def test_another_text_has_no_time(text: str) -> None:
    assert ids.moment(text) is None
    assert ids.id_at(NOW, like=text) is None
