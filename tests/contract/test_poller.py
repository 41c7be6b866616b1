"""A poller between a fake Misskey and a real outbox."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay.errors import BacklogFullError, OutboxError
from relay.outbox import JournalEntry, Outbox, RoutedEvent, SQLiteOutbox
from relay.polling.client import MisskeyClient
from relay.polling.lists import NOTES, NOTIFICATIONS, REPORTS, RESOLUTIONS, USERS, PolledList
from relay.polling.poller import PollConfig, Poller, is_exact
from relay.polling.polls import Polls
from relay.polling.walk import rewound
from relay.secret import Secret
from relay.sinks.http import open_session
from tests.e2e.waiting import until
from tests.fakes import faults
from tests.fakes.limits import ManualClock
from tests.fakes.misskey_api import FakeMisskeyApi, iso


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    opened = SQLiteOutbox.open(tmp_path / "relay.db")
    yield opened
    await opened.close()


class Trial:
    """Pollers for one fake, and what they have stored."""

    def __init__(
        self, fake: FakeMisskeyApi, outbox: Outbox, session: aiohttp.ClientSession
    ) -> None:
        self.fake, self.outbox, self.session = fake, outbox, session
        self.polled = 0
        self.full: OutboxError | None = None

    def poller(
        self,
        polled: PolledList = NOTIFICATIONS,
        *,
        token: str | None = None,
        interval: float = 60.0,
        types: tuple[str, ...] = (),
        outbox: Any = None,
    ) -> Poller:
        return Poller(
            PollConfig(
                hook="alice",
                server=self.fake.base_url,
                list=polled,
                interval=interval,
                types=frozenset(types),
            ),
            MisskeyClient(self.fake.base_url, Secret(token or self.fake.token), self.session),
            outbox or self.outbox,
            check_room=self._check_room,
            on_polled=self._on_polled,
            clock=lambda: self.fake.now,
        )

    async def _check_room(self) -> None:
        if self.full is not None:
            raise self.full

    def _on_polled(self) -> None:
        self.polled += 1

    def advance(self, seconds: float) -> None:
        assert isinstance(self.fake.clock, ManualClock)
        self.fake.clock.advance(seconds)

    async def journaled(self) -> list[JournalEntry]:
        """Take everything that waits to be routed."""
        taken: list[JournalEntry] = []

        async def decide(entries: Any) -> list[RoutedEvent]:
            taken.extend(entries)
            return [RoutedEvent(no_route="no route matches") for _ in entries]

        while (await self.outbox.route(decide, limit=100)).has_more:
            pass
        return taken


@pytest.fixture
def trial(fake_misskey: FakeMisskeyApi, outbox: Outbox, session: aiohttp.ClientSession) -> Trial:
    return Trial(fake_misskey, outbox, session)


async def test_only_what_comes_after_the_first_poll_is_taken(trial: Trial) -> None:
    trial.fake.mention("past")
    poller = trial.poller()
    assert await poller.step() == 0
    trial.fake.mention("new")
    assert await poller.step() == 1
    assert trial.polled == 1
    [entry] = await trial.journaled()
    assert (entry.hook, entry.kind, entry.server) == ("alice", "mention", trial.fake.base_url)
    assert b"@alice new" in entry.raw
    assert entry.note_id == trial.fake.alice.entries[-1].notification["note"]["id"]
    assert entry.accepted_at == trial.fake.now
    assert trial.fake.alice.unread == 2


async def test_what_came_while_relay_was_down_is_taken_in_order_at_the_next_start(
    trial: Trial,
) -> None:
    await trial.poller().step()
    for number in range(250):
        trial.fake.mention(f"number {number}")
    assert await trial.poller().step() == 250
    entries = await trial.journaled()
    assert [b"number %d" % number in entry.raw for number, entry in enumerate(entries)] == [
        True
    ] * 250


async def test_a_poll_that_is_killed_is_made_good_and_nothing_comes_twice(
    trial: Trial, outbox: Outbox
) -> None:
    class Dying:
        """Loses the answer to every second commit."""

        number = 0

        async def cursor(self, blank: Any) -> Any:
            return await outbox.cursor(blank)

        async def journal_polled(self, *args: Any, **given: Any) -> int:
            self.number += 1
            if self.number % 3 == 1:
                raise OutboxError("killed before the commit")
            await outbox.journal_polled(*args, **given)
            raise OutboxError("killed after the commit")

    await trial.poller().step()
    for _ in range(320):
        trial.fake.mention()
    dying = Dying()
    for _ in range(12):
        await trial.poller(outbox=dying).step()
    await trial.poller().step()
    assert len(await trial.journaled()) == 320


async def test_a_refused_token_closes_the_list_and_a_new_success_opens_it(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    poller = trial.poller()
    trial.fake.alice.is_suspended = True
    with caplog.at_level(logging.INFO):
        await poller.step()
        await poller.step()
        assert poller.status.is_closed
        assert "YOUR_ACCOUNT_SUSPENDED" in str(poller.status.error)
        trial.fake.alice.is_suspended = False
        await poller.step()
    assert poller.status.error is None
    texts = [record.message for record in caplog.records]
    assert texts.count("polling is closed") == 1
    assert texts[-1] == "polling works again"


async def test_a_server_that_fails_is_asked_again_later(trial: Trial) -> None:
    poller = trial.poller()
    await poller.step()
    trial.fake.mention()
    trial.fake.faults.fail_next(faults.status(502))
    assert await poller.step() == 0
    assert poller.status.due_at == trial.fake.now + 60_000
    assert await poller.step() == 1


async def test_a_limit_in_the_middle_of_a_walk_loses_nothing(trial: Trial) -> None:
    poller = trial.poller()
    await poller.step()
    for _ in range(300):
        trial.fake.mention()
    trial.fake.alice.window.used = 28  # by the user's own browser
    trial.fake.alice.window.ends = trial.fake.clock() + 30
    assert await poller.step() == 0
    assert poller.status.due_at is not None
    assert poller.status.due_at >= trial.fake.now + 60_000
    trial.advance(60)
    await poller.step()
    assert len(await trial.journaled()) == 300


async def test_while_too_much_waits_nobody_is_asked(trial: Trial) -> None:
    poller = trial.poller()
    trial.full = BacklogFullError("1000000 messages wait")
    await poller.step()
    assert trial.fake.requests == []
    assert poller.status.error == "1000000 messages wait"


async def test_a_bug_ends_nothing(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def cursor(self, blank: Any) -> Any:
            raise KeyError("a private text")

    await trial.poller(outbox=Broken()).step()
    assert "a private text" not in caplog.text
    assert [record.message for record in caplog.records] == ["bug", "polling failed"]


async def test_unknown_and_broken_notifications_are_passed_over(trial: Trial) -> None:
    poller = trial.poller(types=("futureType",))
    await poller.step()
    trial.fake.notify("futureType", header="hello")
    trial.fake.notify("unwanted")
    trial.fake.notify("mention", note={"id": "without everything"})
    trial.fake.notify("mention")
    trial.fake.mention()
    await poller.step()
    kinds = [entry.kind for entry in await trial.journaled()]
    assert kinds == ["futureType", "mention", "mention"]


async def test_own_notes_are_asked_for_once_the_owner_is_known(trial: Trial) -> None:
    poller = trial.poller(NOTES)
    await poller.step()
    assert poller.status.error == "no notification shows yet whose token it is"
    assert not poller.status.is_closed
    own = trial.fake.note("mine", "alice")
    trial.fake.notify("reaction", note=own, user=trial.fake.user("bob"), reaction="👍")
    await poller.step()
    trial.fake.notes += [trial.fake.note("a new one", "alice"), trial.fake.note("not mine")]
    assert await poller.step() == 1
    [entry] = await trial.journaled()
    assert entry.kind == "note"
    assert b"a new one" in entry.raw


async def test_reports_and_their_ends_and_new_accounts_come_with_a_moderators_token(
    trial: Trial,
) -> None:
    fake = trial.fake
    fake.alice.is_moderator = True
    token = fake.add_token(fake.alice, "read:admin:abuse-user-reports", "read:admin:show-user")
    pollers = [trial.poller(polled, token=token) for polled in (REPORTS, RESOLUTIONS, USERS)]
    for poller in pollers:
        await poller.step()
    report = {
        "id": fake.new_id(),
        "createdAt": iso(fake.now),
        "comment": "spam",
        "resolved": False,
        "targetUser": fake.user("bob", email="bob@private.example"),
        "reporter": fake.user("carol"),
    }
    fake.reports.append(report)
    fake.users.append(fake.user("dave", id=fake.new_id(), email="dave@private.example"))
    for poller in pollers:
        await poller.step()
    report["resolved"] = True
    for poller in pollers:
        await poller.step()
    entries = await trial.journaled()
    assert [entry.kind for entry in entries] == [
        "abuseReport", "userCreated", "abuseReportResolved"
    ]  # fmt: skip
    assert not [entry for entry in entries if b"private" in entry.raw]


async def test_a_cursor_that_is_set_back_during_a_walk_stays_set_back(
    trial: Trial, outbox: Outbox
) -> None:
    poller = trial.poller()
    trial.fake.mention("past")
    trial.advance(3600)
    trial.fake.mention("past, too")
    await poller.step()
    before = await outbox.cursor(poller.config.blank)
    assert before is not None
    back = rewound(before, since=trial.fake.now - 7200_000)
    await outbox.journal_polled([], back, before=before)
    assert await poller.step() == 2
    assert await poller.step() == 0


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2026.6.0", True), ("2025.4.0-beta.1", True), ("2025.3.1", False), ("2024.10.1", False),
        ("13.14.2", False), ("4.17.0", False), ("2024.5.0-io.13c", False), ("", False),
        ("20240206", False),
    ],
)  # fmt: skip
def test_versions_that_keep_the_order_of_ids_are_known(version: str, expected: bool) -> None:
    assert is_exact(version) is expected


async def running(polls: Polls, check: Callable[[], bool]) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(polls.run(stop))
    await until(check)
    stop.set()
    await task


async def test_all_lists_are_asked_for_at_a_start(trial: Trial) -> None:
    polls = Polls(owns=lambda name: True, clock=lambda: trial.fake.now)
    polls.change([trial.poller(), trial.poller(REPORTS, interval=0)])
    await running(polls, lambda: all(status.due_at != 0 for status in polls.statuses().values()))
    statuses = polls.statuses()
    assert statuses["alice", "notifications"].succeeded_at == trial.fake.now
    assert statuses["alice", "reports"].is_closed


async def test_a_hook_of_another_process_is_left_alone(trial: Trial) -> None:
    asked: list[str] = []

    def owns(name: str) -> bool:
        asked.append(name)
        return False

    polls = Polls(owns=owns, clock=lambda: trial.fake.now)
    polls.change([trial.poller()])
    await running(polls, lambda: bool(asked))
    assert (asked[0], trial.fake.requests) == ("hook:alice", [])


async def test_a_reload_keeps_pollers_with_the_same_settings(trial: Trial) -> None:
    polls = Polls(owns=lambda name: True, clock=lambda: trial.fake.now)
    first = trial.poller()
    polls.change([first])
    await first.step()
    polls.change([trial.poller()])
    assert polls.statuses()["alice", "notifications"] == first.status
    other = trial.fake.add_token(trial.fake.alice, "read:notifications")
    polls.change([trial.poller(token=other)])
    assert polls.statuses()["alice", "notifications"].due_at == 0
    polls.change([])
    assert polls.statuses() == {}


async def test_a_woken_hook_is_asked_for_at_once(trial: Trial) -> None:
    polls = Polls(owns=lambda name: True, clock=lambda: trial.fake.now)
    poller = trial.poller(interval=0)
    polls.change([poller])
    stop = asyncio.Event()
    task = asyncio.create_task(polls.run(stop))
    await until(lambda: poller.status.succeeded_at is not None)
    asked = len(trial.fake.requests)
    trial.fake.mention()
    polls.wake(["hook:bob", "team"])
    await asyncio.sleep(0.05)
    assert len(trial.fake.requests) == asked
    polls.wake(["hook:alice"])
    await until(lambda: trial.polled == 1)
    stop.set()
    await task
    assert len(trial.fake.requests) > asked
