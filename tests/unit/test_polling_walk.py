"""The walk through what is newer than a cursor, against a Misskey that answers as measured."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.outbox.records import Cursor
from relay.polling.walk import Ask, Manner, Take, Walk, recent, resolutions, rewound, start, walk
from tests.fakes.limits import ManualClock
from tests.fakes.misskey_api import FakeMisskeyApi

BLANK = Cursor(hook="alice", server="https://misskey.example", list="notifications")


class Reader:
    """Walks a list of the fake, and keeps what a process and its outbox keep."""

    def __init__(self, fake: FakeMisskeyApi, *, is_exact: bool = True) -> None:
        self.fake, self.is_exact = fake, is_exact
        self.cursor: Cursor | None = None
        self.taken: list[str] = []
        """The ids of all notifications, as often as they were taken."""
        self.known: Collection[str] = ()

    def poll(self, *, is_thorough: bool = False, stops_after: int | None = None) -> int:
        """One walk, or the first answers of it; returns the number of requests."""
        manner = Manner(
            is_exact=self.is_exact, is_thorough=is_thorough, known=self.known, now=self.fake.now
        )
        blank = self.cursor or BLANK
        steps = start(blank, manner) if self.cursor is None else walk(blank, manner)
        return self.drive(steps, stops_after)

    def drive(self, steps: Walk, stops_after: int | None = None) -> int:
        requests, step = 0, next(steps, None)
        while step is not None and requests != stops_after:
            answer: list[Any] = []
            if isinstance(step, Take):
                ids = [str(item["id"]) for item in step.items]
                assert ids == sorted(ids)
                # The outbox takes an event once.
                self.taken += [item_id for item_id in ids if item_id not in self.taken]
                self.cursor = step.cursor
                self.known = recent({*self.known, *ids}, step.cursor)
            else:
                requests += 1
                answer = self.asked(step)
            try:
                step = steps.send(answer)
            except StopIteration:
                step = None
        return requests

    def asked(self, ask: Ask) -> list[Any]:
        body = {"limit": ask.limit, "sinceId": ask.since, "untilId": ask.until}
        body = {key: value for key, value in body.items() if value} | {"markAsRead": False}
        return self.fake.answer("i/notifications", body, self.fake.token)

    def restart(self) -> None:
        self.known = ()


def a_fake(**settings: Any) -> tuple[FakeMisskeyApi, ManualClock]:
    clock = ManualClock(1_800_000_000.0)
    return FakeMisskeyApi(clock=clock, is_limited=False, **settings), clock


def ids_of(fake: FakeMisskeyApi) -> list[str]:
    return [str(each.notification["id"]) for each in fake.alice.entries if not each.is_dead]


def test_the_past_is_not_shown() -> None:
    fake, _ = a_fake()
    for _ in range(150):
        fake.mention()
    reader = Reader(fake)
    assert reader.poll() == 1
    assert reader.taken == []
    fake.mention()
    reader.poll()
    assert reader.taken == ids_of(fake)[-1:]


def test_a_user_without_notifications_gets_the_first_one() -> None:
    fake, _ = a_fake()
    reader = Reader(fake)
    reader.poll()
    reader.poll()
    assert reader.taken == []
    fake.mention()
    reader.poll()
    reader.restart()
    reader.poll()
    assert reader.taken == ids_of(fake)


def test_a_poll_without_news_costs_two_requests() -> None:
    fake, _ = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    assert reader.poll() == 2
    assert reader.poll(is_thorough=True) == 2


def test_a_poll_with_a_few_news_costs_two_requests() -> None:
    fake, _ = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    fake.mention()
    fake.mention()
    assert reader.poll() == 2
    assert reader.taken == ids_of(fake)[1:]


@pytest.mark.parametrize("number", [99, 100, 101, 200, 450])
def test_page_borders_lose_nothing(number: int) -> None:
    fake, _ = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    for _ in range(number):
        fake.mention()
    reader.poll()
    assert reader.taken == ids_of(fake)[1:]


@pytest.mark.parametrize("number", [1, 99, 100, 101, 199])
def test_a_flood_of_reactions_to_a_deleted_note_hides_nothing(number: int) -> None:
    fake, _ = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    fake.mention("before")
    flood = [fake.mention() for _ in range(number)]
    fake.mention("after")
    for entry in flood:
        entry.is_dead = True
    reader.poll()
    assert reader.taken == ids_of(fake)[1:]


def test_a_page_of_dead_entries_is_skipped_where_the_newest_is_dead_too() -> None:
    fake, _ = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    flood = [fake.mention() for _ in range(100)]
    fake.mention("after")
    last = fake.mention()
    for entry in [*flood, last]:
        entry.is_dead = True
    reader.poll()
    assert reader.taken == []  # the first item of the other end proves nothing
    reader.poll(is_thorough=True)
    assert reader.taken == ids_of(fake)[-1:]


def test_items_in_no_order_are_taken_in_order() -> None:
    fake, _ = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    for _ in range(130):
        fake.mention()
    fake.shuffles = True
    reader.poll()
    assert reader.taken == ids_of(fake)[1:]


def test_a_user_who_deletes_all_notifications_gets_the_next_one() -> None:
    fake, clock = a_fake()
    fake.mention()
    reader = Reader(fake)
    reader.poll()
    fake.alice.entries.clear()
    reader.poll()
    clock.advance(1)
    fake.mention()
    reader.poll()
    assert reader.taken == ids_of(fake)


@pytest.mark.parametrize("behind", [0, 30_000], ids=["one clock", "a clock 30 s behind"])
def test_old_servers_with_two_clocks_lose_nothing(behind: int) -> None:
    fake, clock = a_fake(storage="redis", redis_behind=behind)
    fake.mention()
    reader = Reader(fake, is_exact=False)
    reader.poll()
    for _ in range(20):
        clock.advance(7)
        fake.mention()
        clock.advance(7)
        reader.poll()
        reader.restart()
    assert reader.taken == ids_of(fake)[1:]


def test_an_entry_that_another_clock_puts_before_the_cursor_is_not_passed_over() -> None:
    fake, clock = a_fake(storage="redis", redis_behind=30_000)
    fake.mention()
    reader = Reader(fake, is_exact=False)
    reader.poll()
    clock.advance(5)
    fake.mention("30 s before the cursor, by the clock of Redis")
    clock.advance(40)
    fake.mention("after the cursor by both clocks")
    reader.poll()
    assert reader.taken == ids_of(fake)[1:]


def test_an_old_server_is_not_read_from_its_beginning_at_each_start() -> None:
    fake, clock = a_fake(storage="redis")
    fake.mention()
    reader = Reader(fake, is_exact=False)
    reader.poll()
    for _ in range(250):
        clock.advance(5)
        fake.mention()
    reader.poll()
    reader.restart()
    assert reader.poll(is_thorough=True) <= 3


def test_a_rewound_cursor_brings_what_came_since() -> None:
    fake, clock = a_fake()
    for _ in range(10):
        fake.mention()
        clock.advance(60)
    reader = Reader(fake)
    reader.poll()
    assert reader.cursor is not None
    reader.cursor = rewound(reader.cursor, since=fake.now - 3 * 60_000)
    reader.poll()
    assert reader.taken == ids_of(fake)[-3:]


def test_a_walk_ends_though_a_server_gives_the_same_page_for_ever() -> None:
    page = [{"id": f"a{number:03}", "createdAt": "2027-01-15T08:00:00Z"} for number in range(100)]
    steps = walk(replace(BLANK, position="a"), Manner())
    requests, step = 0, next(steps, None)
    while step is not None:
        requests += isinstance(step, Ask)
        assert requests < 50
        try:
            step = steps.send(page if isinstance(step, Ask) else [])
        except StopIteration:
            break


@given(st.data())
@settings(max_examples=60)
def test_any_interleaving_takes_each_notification_once(data: st.DataObject) -> None:
    """Polls, kills in the middle of one, restarts and notifications, and notes deleted later."""
    is_exact = data.draw(st.booleans())
    behind = 0 if is_exact else data.draw(st.sampled_from([0, 20_000]))
    storage = "exact" if is_exact else "redis"
    fake, clock = a_fake(storage=storage, redis_behind=behind, max_stream=5000)
    reader = Reader(fake, is_exact=is_exact)
    fake.mention()
    reader.poll()
    doing = st.sampled_from(["notify", "notify", "flood", "poll", "kill", "restart", "delete"])
    gone = set[str]()
    for what in data.draw(st.lists(doing, max_size=25)):
        clock.advance(data.draw(st.sampled_from([0.1, 1.0, 20.0])))
        match what:
            case "notify":
                fake.mention()
            case "flood":
                for _ in range(
                    data.draw(st.sampled_from([99, 100, 130]) if is_exact else st.just(20))
                ):
                    clock.advance(0.05)
                    fake.mention()
            case "poll":
                reader.poll(is_thorough=data.draw(st.booleans()))
            case "kill":
                reader.poll(stops_after=data.draw(st.integers(0, 3)))
                reader.restart()
            case "restart":
                reader.restart()
            case "delete" if len(fake.alice.entries) > 1:
                entry = data.draw(st.sampled_from(fake.alice.entries[1:]))
                entry.is_dead = True
                gone.add(str(entry.notification["id"]))
    reader.poll(is_thorough=True)
    reader.poll(is_thorough=True)
    assert len(reader.taken) == len(set(reader.taken))
    assert set(ids_of(fake)[1:]) <= set(reader.taken)
    assert set(reader.taken) - set(ids_of(fake)) <= gone
    assert fake.misuses == []


def test_reports_are_taken_when_they_are_resolved_in_any_order() -> None:
    fake, _ = a_fake()
    fake.reports = [{"id": f"r{number}", "resolved": False} for number in range(3)]
    reader = Reader(fake)
    fake.alice.is_moderator = True
    fake.token = fake.add_token(fake.alice, "read:admin:abuse-user-reports")
    reader.asked = lambda ask: fake.answer(  # type: ignore[method-assign]
        "admin/abuse-user-reports", {"limit": ask.limit, "state": ask.state}, fake.token
    )
    reader.drive(resolutions(BLANK, Manner()))
    for number in (1, 0):
        fake.reports[number]["resolved"] = True
        assert reader.cursor is not None
        reader.drive(resolutions(reader.cursor, Manner()))
    assert reader.taken == ["r1", "r0"]
    assert reader.cursor is not None
    assert reader.drive(resolutions(reader.cursor, Manner())) == 1
