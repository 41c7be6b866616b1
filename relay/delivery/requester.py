"""Requests to one sink, at its pace: one after the other, for as long as a lease allows."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial

from relay.delivery.fallback import Fallback, narrowed
from relay.delivery.renderer import DeliveryPolicy
from relay.outbox.base import Outbox
from relay.outcome import Closed, Delivery, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.sinks.base import NO_ROOM, Layout, Sink
from relay.text.message import Message, plain_form

logger = logging.getLogger(__name__)

Asked = Coroutine[None, None, Outcome]
Ask = Callable[[Sequence[Message]], Asked]
NEXT_EDIT = 5.0  # seconds after a message that must not be changed now, until the next is tried
PATIENCE = 60.0  # seconds within a lease before another request of the same attempt
INTERRUPTED = Failed("relay ended while it was sent", ambiguous=True)
LONG = 8192  # bytes of a webhook, from which on its message may take long to make
ATTEMPT = 200.0  # seconds within which all of its requests begin; with the last a lease suffices


def is_long(deliveries: Sequence[Delivery]) -> bool:
    """Whether making messages of these may take so long that it is done in a thread."""
    return any(len(delivery.raw) >= LONG for delivery in deliveries)


class Requester:
    """``monotonic`` gives seconds that never jump."""

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
        """Another attempt."""
        self._began = self._monotonic()

    @property
    def pause_of_edits(self) -> float:
        """The seconds for which the sink takes no changes of messages."""
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
        Send deliveries; if a single one is rejected, its plain form, too.

        ``layout`` is that of the messages, if they have been laid out.
        """
        long = is_long(deliveries)

        async def send(shown: Sequence[Message]) -> Outcome:
            known = layout if shown is messages else None
            fitting = await self.fitting(shown, known=known, long=long)
            if fitting is None:
                return NO_ROOM
            if not self.policy.resend and not await self._outbox.mark_in_doubt(deliveries):
                return RateLimited(0.0)  # not sent: another process has it now
            return await self.sink.send(fitting, key=key)

        outcome, shown = await self.narrowed(send, messages, key)
        if not isinstance(outcome, Rejected) or len(shown) > 1:
            return outcome
        return await self.plainly(send, shown, outcome)

    def edit_of(self, posted: str, *, key: str, long: bool) -> Ask:
        """A request that replaces what was posted."""

        async def edit(shown: Sequence[Message]) -> Outcome:
            fitting = await self.fitting(shown, edit=True, long=long)
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
        """The layout of all the messages, prepared if that fits, too; None if they do not fit."""
        prepared = await self.sink.prepare(messages)
        if prepared is not messages:
            layout = await self.layout(prepared, edit=edit, long=long)
            if layout.count == len(messages):
                return layout
        layout = known or await self.layout(messages, edit=edit, long=long)
        return layout if layout.count == len(messages) else None

    def may_have_arrived(self, deliveries: Sequence[Delivery]) -> bool:
        """Whether an earlier attempt was cut off, where nothing may come twice."""
        return not self.policy.resend and any(one.in_doubt for one in deliveries)

    async def narrowed(
        self, ask: Ask, messages: Sequence[Message], key: str
    ) -> tuple[Outcome, Sequence[Message]]:
        """Ask, if need be without what the vendor refuses; and what it was asked in the end."""
        known = self._fallback if self._fallback.key == key else Fallback(key)
        paced = partial(self._told, ask)
        outcome, self._fallback = await narrowed(paced, messages, known, sink=self.name)
        return outcome, self._fallback.applied(messages)

    async def _told(self, ask: Ask, messages: Sequence[Message]) -> Outcome:
        return await self.ask(lambda: ask(messages))

    async def plainly(
        self,
        ask: Ask,
        messages: Sequence[Message],
        rejected: Rejected,
    ) -> Outcome:
        """Ask once more, in plain form; where that is no better, it stays rejected."""
        logger.warning(
            "rejected, trying its plain form",
            extra={"action": "plain_fallback", "sink": self.name, "reason": rejected.reason},
        )
        plain = [plain_form(one) for one in messages]
        outcome = await self.ask(lambda: ask(plain))
        # A RateLimited here would come for ever: each time the first one has used up the pace.
        return rejected if isinstance(outcome, Rejected | RateLimited) else outcome

    async def ask(self, ask: Callable[[], Asked]) -> Outcome:
        """One request, at the sink's pace: one before it in this attempt has counted, too."""
        now = self._monotonic()
        pause = self.policy.pace.pause(now=now)
        if pause > PATIENCE or now + pause > self._began + ATTEMPT:
            return RateLimited(pause)
        await asyncio.sleep(pause)
        if not self._outbox.owns(self.name):
            return RateLimited(0.0)  # not sent: another process does that now
        self.policy.pace.note(now=self._monotonic())
        outcome = await ask()
        return self._heeded(outcome)

    def _heeded(self, outcome: Outcome) -> Outcome:
        """What one sink is refused can be a matter of all sinks of the vendor's."""
        pace, now = self.policy.pace, self._monotonic()
        if isinstance(outcome, Sent):
            pace.taken()
        if isinstance(outcome, RateLimited | Closed):
            pace.refused(now=now)
        if not isinstance(outcome, RateLimited):
            return outcome
        shared = pace.vendor if outcome.scope is LimitScope.VENDOR else None
        if not outcome.is_named:
            outcome = replace(outcome, pause=(shared or pace).next_pause())
        if outcome.scope is LimitScope.VENDOR:
            pace.rest_everywhere(outcome.pause, now=now)
        if outcome.scope is LimitScope.EDITS:
            pace.rest_edits(outcome.pause, now=now)
        if (
            outcome.scope is LimitScope.MESSAGE
        ):  # others may go; but a hundred would hold up new ones
            pace.rest_edits(min(outcome.pause, NEXT_EDIT), now=now)
        return outcome
