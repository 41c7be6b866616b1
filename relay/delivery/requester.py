"""Sends requests to one sink, one after the other, at its pace and within the lease."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial

from relay.delivery.policy import DeliveryPolicy
from relay.outbox.base import Outbox
from relay.outcome import Closed, Delivery, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.sinks.base import NO_ROOM, Layout, Sink
from relay.text.message import Message, plain_form, undrawn, without

logger = logging.getLogger(__name__)

Asked = Coroutine[None, None, Outcome]
Ask = Callable[[Sequence[Message]], Asked]
NEXT_EDIT = 5.0  # seconds from an edit that is rate limited to the next edit
MAX_PACE_PAUSE = 60.0  # seconds that an attempt waits for its next request
INTERRUPTED = Failed("relay ended while it was sent", ambiguous=True)
LONG = 8192  # bytes of a webhook whose message may take long to render
ATTEMPT = 200.0  # seconds within which all requests of an attempt begin, so that the lease suffices
NARROWINGS = 2  # times that a part is left out, before the plain form


def is_long(deliveries: Sequence[Delivery]) -> bool:
    """Whether rendering may take so long that it is done in a thread."""
    return any(len(delivery.raw) >= LONG for delivery in deliveries)


@dataclass(frozen=True, slots=True)
class Fallback:
    """The parts that a vendor has refused of the messages that are sent under one key."""

    key: str = ""
    refused: tuple[frozenset[str], ...] = ()

    @property
    def steps(self) -> int:
        return len(self.refused)

    def after(self, rejected: Rejected) -> "Fallback":
        return Fallback(self.key, (*self.refused, rejected.refused))

    def applied(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages without the refused parts; after a second refusal without any picture."""
        for step, addresses in enumerate(self.refused):
            if not addresses:
                break
            messages = [without(message, addresses) for message in messages]
            messages = [undrawn(message) for message in messages] if step else messages
        return messages


async def send_with_fallback(
    ask: Ask,
    messages: Sequence[Message],
    known: Fallback,
    *,
    sink: str,
) -> tuple[Outcome, Fallback]:
    """Send; if the vendor refuses a part, send again without it. Returns what it refused, too."""
    current = known.applied(messages)
    outcome = await ask(current)
    while isinstance(outcome, Rejected) and known.steps < NARROWINGS:
        known = known.after(outcome)
        if (fewer := known.applied(messages)) == current:
            break
        logger.warning(
            "rejected in part, trying it without that part",
            extra={"action": "narrow", "sink": sink, "reason": outcome.reason},
        )
        current = fewer
        outcome = await ask(current)
    return outcome, known


class Requester:
    """Sends the requests of an attempt; ``monotonic`` gives seconds that never jump."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        policy: DeliveryPolicy,
        *,
        outbox: Outbox,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.sink, self.policy = name, sink, policy
        self._outbox = outbox
        self._monotonic = monotonic
        self._began = monotonic()
        self._fallback = Fallback()

    def begin(self) -> None:
        """Start an attempt."""
        self._began = self._monotonic()

    @property
    def pause_of_edits(self) -> float:
        """The seconds until the sink accepts edits."""
        return self.policy.pace.pause_of_edits(now=self._monotonic())

    async def probe(self) -> Outcome:
        return await self.ask(lambda: self.sink.probe())

    async def send(
        self,
        messages: Sequence[Message],
        *,
        layout: Layout | None = None,
        key: str,
        deliveries: Sequence[Delivery],
    ) -> Outcome:
        """
        Send deliveries; if a single one is rejected, send its plain form.

        ``layout`` is that of the messages, if they have been laid out.
        """
        long = is_long(deliveries)

        async def send(current: Sequence[Message]) -> Outcome:
            known = layout if current is messages else None
            fitting = await self.fitting(current, known=known, long=long)
            if fitting is None:
                return NO_ROOM
            if not self.policy.resend and not await self._outbox.mark_in_doubt(deliveries):
                return RateLimited(0.0)  # not sent: another process has claimed it
            return await self.sink.send(fitting, key=key)

        outcome, current = await self.send_with_fallback(send, messages, key)
        if not isinstance(outcome, Rejected) or len(current) > 1:
            return outcome
        return await self.send_plain(send, current, outcome)

    def edit_of(self, posted: str, *, key: str, long: bool) -> Ask:
        """A request that replaces what was posted."""

        async def edit(current: Sequence[Message]) -> Outcome:
            fitting = await self.fitting(current, edit=True, long=long)
            return NO_ROOM if fitting is None else await self.sink.edit(posted, fitting, key=key)

        return edit

    async def layout(
        self, messages: Sequence[Message], *, edit: bool = False, long: bool
    ) -> Layout:
        """Lay out messages; long ones in a thread, so that the loop goes on meanwhile."""
        if long:
            return await asyncio.to_thread(self.sink.layout, messages, edit=edit)
        return self.sink.layout(messages, edit=edit)

    async def fitting(
        self,
        messages: Sequence[Message],
        *,
        known: Layout | None = None,
        edit: bool = False,
        long: bool,
    ) -> Layout | None:
        """The layout of all messages, of the prepared ones if they fit; None if they do not fit."""
        prepared = await self.sink.prepare(messages)
        if prepared is not messages:
            layout = await self.layout(prepared, edit=edit, long=long)
            if layout.count == len(messages):
                return layout
        layout = known or await self.layout(messages, edit=edit, long=long)
        return layout if layout.count == len(messages) else None

    def may_have_arrived(self, deliveries: Sequence[Delivery]) -> bool:
        """Whether an earlier attempt was cut off, and nothing may be shown twice."""
        return not self.policy.resend and any(delivery.in_doubt for delivery in deliveries)

    async def send_with_fallback(
        self, ask: Ask, messages: Sequence[Message], key: str
    ) -> tuple[Outcome, Sequence[Message]]:
        """Send, without the parts that the vendor refuses; also return the messages sent last."""
        known = self._fallback if self._fallback.key == key else Fallback(key)
        paced = partial(self._send_paced, ask)
        outcome, self._fallback = await send_with_fallback(paced, messages, known, sink=self.name)
        return outcome, self._fallback.applied(messages)

    async def _send_paced(self, ask: Ask, messages: Sequence[Message]) -> Outcome:
        return await self.ask(lambda: ask(messages))

    async def send_plain(
        self,
        ask: Ask,
        messages: Sequence[Message],
        rejected: Rejected,
    ) -> Outcome:
        """Send the plain form; if that does not help, the messages stay rejected."""
        logger.warning(
            "rejected, trying its plain form",
            extra={"action": "plain_fallback", "sink": self.name, "reason": rejected.reason},
        )
        plain = [plain_form(message) for message in messages]
        outcome = await self.ask(lambda: ask(plain))
        # A RateLimited would repeat for ever: each time the first request has used up the pace.
        return rejected if isinstance(outcome, Rejected | RateLimited) else outcome

    async def ask(self, ask: Callable[[], Asked]) -> Outcome:
        """Send one request at the sink's pace, for which earlier ones of this attempt count."""
        now = self._monotonic()
        pause = self.policy.pace.pause(now=now)
        if pause > MAX_PACE_PAUSE or now + pause > self._began + ATTEMPT:
            return RateLimited(pause)
        await asyncio.sleep(pause)
        if not self._outbox.owns(self.name):
            return RateLimited(0.0)  # not sent: another process owns the sink now
        self.policy.pace.note(now=self._monotonic())
        outcome = await ask()
        return self._apply_limit(outcome)

    def _apply_limit(self, outcome: Outcome) -> Outcome:
        """Pause this sink, or all sinks of the vendor, as the outcome asks for."""
        pace, now = self.policy.pace, self._monotonic()
        if isinstance(outcome, Sent):
            pace.taken()
        if isinstance(outcome, RateLimited | Closed):
            pace.refused(now=now)
        if not isinstance(outcome, RateLimited):
            return outcome
        shared = pace.vendor if outcome.scope is LimitScope.VENDOR else None
        if not outcome.is_pause_stated:
            outcome = replace(outcome, pause=(shared or pace).next_pause())
        if outcome.scope is LimitScope.VENDOR:
            pace.rest_everywhere(outcome.pause, now=now)
        if outcome.scope is LimitScope.EDITS:
            pace.rest_edits(outcome.pause, now=now)
        # Other edits may be sent; but a hundred attempts would delay new messages.
        if outcome.scope is LimitScope.MESSAGE:
            pace.rest_edits(min(outcome.pause, NEXT_EDIT), now=now)
        return outcome
