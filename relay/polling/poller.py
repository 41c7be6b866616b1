"""Asks for one list of one hook: a step is one walk, and what is stored of it."""

import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from relay.errors import BrokenError, FormatError, OutboxError
from relay.outbox.cursors import Cursors
from relay.outbox.records import Cursor, JournalEntry, journal_entry
from relay.outcome import Failed
from relay.polling import schedule
from relay.polling.client import Listed, MisskeyClient, Refusal
from relay.polling.events import owner_of
from relay.polling.lists import NOTIFICATIONS, PolledList
from relay.polling.schedule import PollStatus
from relay.polling.walk import Ask, Item, Manner, Page, Take, Walk, recent

logger = logging.getLogger(__name__)

THOROUGH_EVERY = 600_000  # milliseconds between two looks at a whole page from the other end
EXACT_SINCE = (2025, 4)  # https://github.com/misskey-dev/misskey/pull/15277
OnStep = Callable[[str, str, str], None]
"""Gets the names of the hook and of the list, and the outcome of a step."""
_VERSION = re.compile(r"(20\d\d)\.(\d{1,2})\.\d+.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PollConfig:
    """A list that is asked for, for a hook, every ``interval`` seconds; 0: at a start only."""

    hook: str
    server: str
    list: PolledList
    interval: float
    types: frozenset[str] = field(default_factory=frozenset)
    """The types of notifications that the hook takes though no webhook brings them."""

    @property
    def blank(self) -> Cursor:
        return Cursor(hook=self.hook, server=self.server, list=self.list.name)


class RefusedError(Exception):
    """The server gave no page."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Poller:
    """
    Keeps what is known of a list between its steps.

    ``check_room`` raises OutboxError while too much waits already; ``on_polled`` is called once
    new events are stored, ``on_step`` after each step; ``clock`` returns Unix milliseconds.
    """

    def __init__(
        self,
        config: PollConfig,
        client: MisskeyClient,
        outbox: Cursors,
        *,
        check_room: Callable[[], Awaitable[None]],
        on_polled: Callable[[], None],
        on_step: OnStep = lambda hook, polled, outcome: None,
        clock: Callable[[], int],
    ) -> None:
        self.config = config
        self.status = PollStatus()
        self._client = client
        self._outbox = outbox
        self._check_room = check_room
        self._on_polled = on_polled
        self._on_step = on_step
        self._clock = clock
        self._is_exact: bool | None = None
        self._owner = ""
        self._known = frozenset[str]()
        self._thorough_at = 0

    def is_like(self, other: "Poller") -> bool:
        """Whether the other one asks for the same in the same way."""
        return self.config == other.config and self._client.is_like(other._client)

    async def step(self) -> int:
        """Ask once, and return the number of new events. Raises BrokenError, nothing else."""
        config, number = self.config, 0
        try:
            number = await self._walked()
        except RefusedError as error:
            self._refuse(error.refusal)
        except BrokenError:
            raise
        except OutboxError as error:
            self._refuse(Failed(str(error)))
        except Exception as error:
            # Frames without the error's text: that can hold what an answer held.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("bug", extra={"action": "bug", "trace": frames})
            self._refuse(Failed("a bug in relay"))
        else:
            if self.status.error is not None:
                logger.info(
                    "polling works again",
                    extra={"action": "poll", "hook": config.hook, "list": config.list.name},
                )
            self.status = schedule.succeeded(now=self._clock(), interval=config.interval)
        self._on_step(config.hook, config.list.name, self.status.outcome)
        return number

    def _refuse(self, refusal: Refusal) -> None:
        before, config = self.status, self.config
        self.status = schedule.refused(before, refusal, now=self._clock(), interval=config.interval)
        if self.status.error != before.error:
            logger.log(
                logging.ERROR if self.status.is_closed else logging.WARNING,
                "polling is closed" if self.status.is_closed else "polling failed",
                extra={
                    "action": "poll",
                    "hook": config.hook,
                    "list": config.list.name,
                    "reason": self.status.error,
                },
            )

    async def _walked(self) -> int:
        polled, blank = self.config.list, self.config.blank
        await self._check_room()
        if self._is_exact is None:
            self._is_exact = is_exact(await self._version())
        if polled.needs_owner and not self._owner:
            self._owner = await self._asked_owner()
        before = await self._outbox.cursor(blank)
        now = self._clock()
        manner = Manner(
            is_exact=self._is_exact,
            has_since=polled.has_since,
            is_thorough=now - self._thorough_at >= THOROUGH_EVERY,
            known=self._known,
            now=now,
        )
        steps = polled.start(blank, manner) if before is None else polled.walk(before, manner)
        number = await self._driven(steps, before)
        if manner.is_thorough:
            self._thorough_at = now
        return number

    async def _driven(self, steps: Walk, before: Cursor | None) -> int:
        """Run a walk: answer what it asks, store what it takes."""
        number, step = 0, next(steps, None)
        while step is not None:
            answer: Page = ()
            if isinstance(step, Take):
                number += await self._taken(step, before)
                before = step.cursor
            else:
                answer = await self._page(step)
            try:
                step = steps.send(answer)
            except StopIteration:
                step = None
        return number

    async def _page(self, ask: Ask) -> Page:
        polled = self.config.list
        body = {"userId": self._owner} if polled.needs_owner else {}
        listed = await self._client.listed(polled.endpoint, polled.place(ask), body)
        if isinstance(listed, Listed):
            return listed.page
        raise RefusedError(listed)

    async def _taken(self, step: Take, before: Cursor | None) -> int:
        entries = [*self._entries(step.items)]
        number = await self._outbox.journal_polled(entries, step.cursor, before=before)
        self._known = recent({*self._known, *(item["id"] for item in step.items)}, step.cursor)
        if number:
            self._on_polled()
            logger.info(
                "polled",
                extra={
                    "action": "poll",
                    "hook": step.cursor.hook,
                    "list": step.cursor.list,
                    "number": number,
                },
            )
        return number

    def _entries(self, items: Sequence[Item]) -> Iterator[JournalEntry]:
        """The events of items as webhooks bring them; unreadable ones are left out."""
        config = self.config
        for polled in config.list.convert(items, config.types):
            raw = polled.webhook(config.server)
            try:
                yield journal_entry(raw, hook=config.hook, server=config.server, now=self._clock())
            except FormatError as error:
                logger.warning(
                    "an item cannot be read",
                    extra={
                        "action": "poll",
                        "hook": config.hook,
                        "list": config.list.name,
                        "event_id": polled.id,
                        "reason": str(error),
                    },
                )

    async def _version(self) -> str:
        version = await self._client.version()
        if isinstance(version, str):
            return version
        raise RefusedError(version)

    async def _asked_owner(self) -> str:
        """The user whose token it is: a token for notifications may not ask for that itself."""
        listed = await self._client.listed(NOTIFICATIONS.endpoint, Ask())
        if not isinstance(listed, Listed):
            raise RefusedError(listed)
        if owner := owner_of(listed.page):
            return owner
        raise RefusedError(Failed("no notification shows yet whose token it is"))


def is_exact(version: str) -> bool:
    """
    Whether a version of Misskey keeps notifications in the order of their ids.

    Before, a list had the clock of Redis and ids that of Misskey. Forks number their versions in
    their own ways: for them it is no mistake to read a minute again.
    """
    match = _VERSION.fullmatch(version)
    return match is not None and (int(match[1]), int(match[2])) >= EXACT_SINCE
