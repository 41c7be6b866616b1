"""Events that Misskey was asked for, and the cursor behind them: the contract of every outbox."""

from dataclasses import replace

import pytest

from relay.errors import OutboxError
from relay.outbox.records import Cursor
from tests.factories import an_entry

BLANK = Cursor(hook="alice", server="https://misskey.example", list="notifications")
FIRST, SECOND = replace(BLANK, position="a1", since=5), replace(BLANK, position="b2", since=5)


async def test_a_list_that_was_never_read_has_no_cursor(outbox):
    assert await outbox.cursor(BLANK) is None


async def test_events_and_their_cursor_are_stored_together(outbox):
    assert await outbox.journal(an_entry(2))
    number = await outbox.journal_polled([an_entry(1), an_entry(2)], FIRST, before=None)
    assert number == 1
    assert await outbox.cursor(BLANK) == FIRST
    assert await outbox.pending_count() == 2  # both wait to be routed
    assert not await outbox.journal(an_entry(1))
    assert await outbox.journal_polled([], SECOND, before=FIRST) == 0
    assert await outbox.cursor(BLANK) == SECOND


async def test_a_cursor_that_another_process_has_moved_is_left_alone(outbox):
    await outbox.journal_polled([], FIRST, before=None)
    set_back = replace(FIRST, position="", since=1)
    await outbox.journal_polled([], set_back, before=FIRST)
    assert await outbox.journal_polled([an_entry(1)], SECOND, before=FIRST) == 1
    assert await outbox.cursor(BLANK) == set_back
    await outbox.journal_polled([], SECOND, before=None)
    assert await outbox.cursor(BLANK) == set_back


@pytest.mark.parametrize("key", ["hook", "server", "list"])
async def test_each_list_of_each_hook_and_server_has_its_own_cursor(outbox, key):
    await outbox.journal_polled([], FIRST, before=None)
    assert await outbox.cursor(replace(BLANK, **{key: "other"})) is None


async def test_events_without_their_cursor_are_not_stored(outbox):
    with pytest.raises(OutboxError):
        await outbox.journal_polled([an_entry(1)], replace(FIRST, position=None), before=None)
    assert await outbox.cursor(BLANK) is None
    assert await outbox.journal(an_entry(1))
