"""The courier: takes what was claimed to its chat, once, and tells how that ended."""

import asyncio
import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import aiohttp

from relay.delivery.narrowing import Narrowing, narrowed
from relay.delivery.press import Manner, Press
from relay.errors import OutboxError, RelayError
from relay.message import Message, plain_form
from relay.outbox.base import Outbox
from relay.outbox.holdings import Claim, Told
from relay.outcome import (
    WITHHELD,
    Closed,
    Delivery,
    Failed,
    Outcome,
    RateLimited,
    Reach,
    Rejected,
    Sent,
)
from relay.retry import CRASHES
from relay.sinks.base import Sink

logger = logging.getLogger(__name__)

INTERRUPTED = Failed("relay ended while it was sent", ambiguous=True)
WORN_OUT = Rejected(f"relay ended {CRASHES} times while it was sent")
LONG = 8192  # bytes of a webhook, from which on its message may take long to make
Asked = Coroutine[None, None, Outcome]
NEXT_EDIT = 5.0  # seconds after a message that must not be changed now, until the next is tried
PATIENCE = 60.0  # seconds within a lease before another request of the same attempt
ATTEMPT = 200.0  # seconds within which all of its requests begin; with the last a lease suffices


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What is asked of a lane; the fingerprint changes with any setting of its sink."""

    sink: Sink
    manner: Manner
    press: Press
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Load:
    """What shares one request: deliveries, and a message of each; or why there is none."""

    deliveries: Sequence[Delivery]
    messages: Sequence[Message] | Rejected | Failed

    @property
    def is_carried(self) -> bool:
        """Whether its outcome tells of the sink."""
        return isinstance(self.messages, Sequence)


class Courier:
    """Renders and sends for one sink; ``monotonic`` gives seconds that never jump."""

    def __init__(
        self,
        name: str,
        duty: Duty,
        *,
        outbox: Outbox,
        session: aiohttp.ClientSession,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._sink, self._manner, self._press = duty.sink, duty.manner, duty.press
        self._outbox = outbox
        self._session = session
        self._monotonic = monotonic
        self._began = monotonic()
        self._narrowing = Narrowing()

    async def load(self, claim: Claim) -> Load:
        """Render what was claimed, and take along of its company what fits, uncut."""
        if claim.deliveries[0].edits is None and self._may_have_arrived(claim.deliveries):
            return Load(claim.deliveries, INTERRUPTED)
        if max(one.crashes for one in claim.deliveries) >= CRASHES:
            return Load(claim.deliveries, WORN_OUT)
        messages: list[Message] = []
        for one in claim.deliveries:
            message = await self._made(one, claim.later.get(one.id))
            if not isinstance(message, Message):
                return Load(claim.deliveries, message)
            messages.append(message)
        company = await self._presentable(claim.company)
        fitting = self._sink.together([*messages, *(message for _, message in company)])
        wanted = [one for one, _ in company[: fitting - len(messages)]]
        joined = await self._joined(wanted, claim.deliveries[0])
        messages += [message for _, message in company[: len(joined)]]
        return Load([*claim.deliveries, *joined], messages)

    async def carry(self, load: Load) -> tuple[Sequence[Delivery], Outcome]:
        """
        Send a load; how that ended, and its deliveries.

        An edit that became a message of its own edits nothing any more.
        """
        head, self._began = load.deliveries[0], self._monotonic()
        if not isinstance(load.messages, Sequence):
            return load.deliveries, load.messages
        try:
            if head.edits is not None:
                return await self._edit(head, head.edits)
            key = self._key(load.deliveries)
            return load.deliveries, await self._send(load.messages, key, load.deliveries)
        except OutboxError as error:  # asked before anything is sent
            return load.deliveries, Failed(str(error), unsent=True)
        except Exception as error:
            return load.deliveries, replace(self._bug(error), ambiguous=True)

    async def probe(self) -> Outcome:
        """Ask a sink that kept failing whether it works, before a message may come twice by it."""
        self._began = self._monotonic()
        try:
            return await self._ask(lambda: self._sink.probe(self._session))
        except Exception as error:
            return self._bug(error)

    async def _made(
        self, delivery: Delivery, later: Delivery | None = None
    ) -> Message | Rejected | Failed:
        """A message; a long one is made and laid out beside the loop, for others wait for that."""
        if len(delivery.raw) < LONG:
            return self._message(delivery, later)
        message = await asyncio.to_thread(self._message, delivery, later)
        if isinstance(message, Message):
            with suppress(Exception):  # a bug: it will be met again when the message is sent
                await asyncio.to_thread(self._sink.payload, [message])  # sinks remember layouts
        return message

    def _message(
        self, delivery: Delivery, later: Delivery | None = None
    ) -> Message | Rejected | Failed:
        """What waited for another attempt may have become private meanwhile: ``later`` tells."""
        try:
            if later is not None and not self._press.may_show(later, self._manner):
                return Rejected(WITHHELD)
            if delivery.edits is not None:
                return self._press.revised(delivery, None, self._manner)
            return self._press.message(delivery, self._manner)
        except RelayError as error:
            return Rejected(str(error))
        except Exception as error:
            return self._bug(error)

    async def _presentable(self, company: Sequence[Delivery]) -> list[tuple[Delivery, Message]]:
        """Those of a company that can be rendered, up to the first that cannot: its turn comes."""
        found = []
        for one in company:
            await asyncio.sleep(0)  # others wait for the loop
            message = await self._made(one)
            if not isinstance(message, Message):
                break
            found.append((one, message))
        return found

    async def _joined(self, company: Sequence[Delivery], head: Delivery) -> Sequence[Delivery]:
        if not company:
            return ()
        try:
            return await self._outbox.join(company, head=head)
        except OutboxError:
            return ()  # nobody has left: the head goes alone, if its outcome can be stored

    async def _send(
        self, messages: Sequence[Message], key: str, deliveries: Sequence[Delivery]
    ) -> Outcome:
        async def send(messages: Sequence[Message]) -> Outcome:
            if not self._manner.resend and not await self._outbox.depart(deliveries):
                return RateLimited(0.0)  # not sent: another process has it now
            return await self._sink.send(messages, key=key, session=self._session)

        outcome, messages = await self._narrowed(send, messages, key)
        if not isinstance(outcome, Rejected) or len(messages) > 1:
            return outcome
        return await self._plainly(send, messages, outcome)

    async def _narrowed(
        self, ask: Callable[[Sequence[Message]], Asked], messages: Sequence[Message], key: str
    ) -> tuple[Outcome, Sequence[Message]]:
        """Ask, if need be without what the vendor refuses; and what it was asked in the end."""
        known = self._narrowing if self._narrowing.key == key else Narrowing(key)
        paced = partial(self._told, ask)
        outcome, self._narrowing = await narrowed(paced, messages, known, sink=self._name)
        return outcome, self._narrowing.applied(messages)

    async def _told(
        self, ask: Callable[[Sequence[Message]], Asked], messages: Sequence[Message]
    ) -> Outcome:
        return await self._ask(lambda: ask(messages))

    async def _plainly(
        self,
        ask: Callable[[Sequence[Message]], Asked],
        messages: Sequence[Message],
        rejected: Rejected,
    ) -> Outcome:
        """Ask once more, in plain form; where that is no better, it stays rejected."""
        logger.warning(
            "rejected, trying its plain form",
            extra={"action": "plain", "sink": self._name, "reason": rejected.reason},
        )
        plain = [plain_form(one) for one in messages]
        outcome = await self._ask(lambda: ask(plain))
        # A RateLimited here would come for ever: each time the first one has used up the pace.
        return rejected if isinstance(outcome, Rejected | RateLimited) else outcome

    async def _edit(self, head: Delivery, edits: int) -> tuple[Sequence[Delivery], Outcome]:
        """Change the message that told the earlier version; where that can't be, say it anew."""
        if (pause := self._manner.pace.pause_of_edits(now=self._monotonic())) > 0:
            return [head], RateLimited(pause, Reach.EDITS)
        key = self._key([head])
        told: Told | None = None
        if self._sink.can_edit:
            told = await self._outbox.told(edits, hold=self._manner.hold)
        revised = None if told is None else await self._remade(told, head, edits)
        if told is not None and revised is not None:
            change = partial(self._sink.edit, told.message, key=key, session=self._session)
            outcome, revised = await self._narrowed(change, revised, key)
            if isinstance(outcome, Rejected) and self._is_still_shown(outcome, head):
                # It will not be said anew, and what the chat still shows must go, however it looks.
                outcome = await self._plainly(change, revised, outcome)
            if isinstance(outcome, Failed):  # to repeat a change shows nothing twice
                return [head], replace(outcome, ambiguous=False)
            if isinstance(outcome, Rejected) and outcome.is_removed:
                # What somebody took out of the chat is not said again; and what became private
                # meanwhile is gone.
                is_shown = self._press.may_show(head, self._manner)
                return [head], outcome if is_shown else Sent(message=told.message)
            if not isinstance(outcome, Rejected | Closed):
                return [head], outcome
        return await self._say_anew(head, f"{key}n")

    def _is_still_shown(self, outcome: Rejected, head: Delivery) -> bool:
        """Whether the chat goes on to show what must not be shown any more."""
        return not outcome.is_removed and not self._press.may_show(head, self._manner)

    async def _say_anew(self, head: Delivery, key: str) -> tuple[Sequence[Delivery], Outcome]:
        if self._may_have_arrived([head]):
            return [head], INTERRUPTED
        message = self._press.anew(head, self._manner)
        if isinstance(message, Rejected):
            return [head], message
        outcome = await self._send([message], key, [head])
        return [replace(head, edits=None) if isinstance(outcome, Sent) else head], outcome

    async def _remade(self, told: Told, head: Delivery, edits: int) -> Sequence[Message] | None:
        if len(head.raw) < LONG:
            return self._revised(told, head, edits)
        return await asyncio.to_thread(self._revised, told, head, edits)

    def _revised(self, told: Told, head: Delivery, edits: int) -> Sequence[Message] | None:
        """All parts of a message as they are now; None if one may not be shown any more."""
        found = []
        for part in told.parts:
            edit = _last(head, part.edit) if part.delivery.id == edits else part.edit
            if part.later is not None and not self._press.may_show(part.later, self._manner):
                edit = part.later  # though its own turn has not come: it is not shown once more
            message = self._press.revised(part.delivery, edit, self._manner)
            if isinstance(message, Rejected):
                return None
            found.append(message)
        return found

    async def _ask(self, ask: Callable[[], Asked]) -> Outcome:
        """One request, at the sink's pace: one before it in this attempt has counted, too."""
        now = self._monotonic()
        pause = self._manner.pace.pause(now=now)
        if pause > PATIENCE or now + pause > self._began + ATTEMPT:
            return RateLimited(pause)
        await asyncio.sleep(pause)
        if not self._outbox.holds(self._name):
            return RateLimited(0.0)  # not sent: another process does that now
        self._manner.pace.note(now=self._monotonic())
        outcome = await ask()
        return self._heeded(outcome)

    def _heeded(self, outcome: Outcome) -> Outcome:
        """What one sink is refused can be a matter of all sinks of the vendor's."""
        pace, now = self._manner.pace, self._monotonic()
        if isinstance(outcome, Sent):
            pace.taken()
        if isinstance(outcome, RateLimited | Closed):
            pace.refused(now=now)
        if not isinstance(outcome, RateLimited):
            return outcome
        shared = pace.vendor if outcome.reach is Reach.VENDOR else None
        if not outcome.is_named:
            outcome = replace(outcome, pause=(shared or pace).next_pause())
        if outcome.reach is Reach.VENDOR:
            pace.rest_everywhere(outcome.pause, now=now)
        if outcome.reach is Reach.EDITS:
            pace.rest_edits(outcome.pause, now=now)
        if outcome.reach is Reach.MESSAGE:  # others may go; but a hundred would hold up new ones
            pace.rest_edits(min(outcome.pause, NEXT_EDIT), now=now)
        return outcome

    def _key(self, deliveries: Sequence[Delivery]) -> str:
        """
        The same for all attempts of the same deliveries, and never of others.

        Not made of ids: an outbox that was restored from a backup gives the same ones again, and a
        homeserver would answer a new message with the event of an old one.
        """
        first, *others = [one.key for one in sorted(deliveries, key=lambda one: one.id)]
        digest = hashlib.sha256(repr(others).encode()).hexdigest()[:12]
        return f"{first}" + (f"-{digest}" if others else "")

    def _may_have_arrived(self, deliveries: Sequence[Delivery]) -> bool:
        """Whether an earlier attempt was cut off, where nothing may come twice."""
        return not self._manner.resend and any(one.in_doubt for one in deliveries)

    def _bug(self, error: Exception) -> Failed:
        # Frames without the error's text: that can hold an address, which is a key.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("bug", extra={"action": "bug", "sink": self._name, "trace": frames})
        return Failed(f"a bug in relay: {type(error).__name__}")


def _last(edit: Delivery, other: Delivery | None) -> Delivery:
    """Of two edits of a message: one that was set aside for a while must not undo a later one."""
    return edit if other is None or other.id < edit.id else other
