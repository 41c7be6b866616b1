"""The courier: takes what was claimed to its chat, once, and tells how that ended."""

import asyncio
import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import aiohttp

from relay.delivery.breaker import CRASHES
from relay.delivery.editor import LONG, Change
from relay.delivery.renderer import NOTHING, Manner, Press, Restricted
from relay.delivery.requester import INTERRUPTED, Asking
from relay.errors import OutboxError, RelayError
from relay.outbox.base import Outbox
from relay.outbox.records import Claim
from relay.outcome import MAY_HAVE_ARRIVED, WITHHELD, Delivery, Failed, Outcome, Rejected
from relay.sinks.base import Sink
from relay.text.message import Message

logger = logging.getLogger(__name__)

WORN_OUT = Rejected(f"relay ended {CRASHES} times while it was sent")


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
        self._asking = Asking(
            name, duty.sink, duty.manner, outbox=outbox, session=session, monotonic=monotonic
        )
        self._change = Change(self._asking, duty.press, outbox=outbox)

    async def load(self, claim: Claim) -> Load:
        """Render what was claimed, and take along of its company what fits, uncut."""
        claimed = claim.deliveries
        if claimed[0].edits is None and self._asking.may_have_arrived(claimed):
            return Load(claimed, INTERRUPTED)
        if max(one.crashes for one in claimed) >= CRASHES:
            return Load(claimed, WORN_OUT)
        try:
            restricted = await self._restricted([*claimed, *claim.company])
        except OutboxError as error:
            return Load(claimed, Failed(str(error), unsent=True))
        messages: list[Message] = []
        is_repeated = self._manner.is_idempotent and any(map(_is_in_doubt, claimed))
        for one in claimed:
            message = await self._made(one, restricted, claim.later.get(one.id))
            if isinstance(message, Rejected) and message.reason == WITHHELD and is_repeated:
                # The same request again: what was shown is known by its answer, and taken back.
                message = self._press.emptied(one, self._manner) or message
            if not isinstance(message, Message):
                return Load(claimed, message)
            messages.append(message)
        company = await self._presentable(claim.company, restricted)
        fitting = self._sink.together([*messages, *(message for _, message in company)])
        wanted = [one for one, _ in company[: fitting - len(messages)]]
        joined = await self._joined(wanted, claimed[0])
        messages += [message for _, message in company[: len(joined)]]
        return Load([*claimed, *joined], messages)

    async def _restricted(self, deliveries: Sequence[Delivery]) -> Restricted:
        """Later versions of all notes in these that not everybody may see."""
        long = any(len(one.raw) >= LONG for one in deliveries)
        found = (
            await asyncio.to_thread(self._subjects, deliveries)
            if long
            else (self._subjects(deliveries))
        )
        return await self._outbox.restricted(found) if found else NOTHING

    def _subjects(self, deliveries: Sequence[Delivery]) -> Collection[str]:
        return {found for one in deliveries for found in self._press.subjects(one)}

    async def carry(self, load: Load) -> tuple[Sequence[Delivery], Outcome]:
        """
        Send a load; how that ended, and its deliveries.

        An edit that became a message of its own edits nothing any more.
        """
        head = load.deliveries[0]
        self._asking.begin()
        if not isinstance(load.messages, Sequence):
            return load.deliveries, load.messages
        try:
            key = _key(load.deliveries)
            if head.edits is not None:
                return await self._change.carry(head, head.edits, key=key)
            outcome = await self._asking.send(load.messages, key=key, deliveries=load.deliveries)
            return load.deliveries, outcome
        except OutboxError as error:  # asked before anything is sent
            return load.deliveries, Failed(str(error), unsent=True)
        except Exception as error:
            return load.deliveries, replace(self._bug(error), ambiguous=True)

    async def probe(self) -> Outcome:
        """Ask a sink that kept failing whether it works, before a message may come twice by it."""
        self._asking.begin()
        try:
            return await self._asking.probe()
        except Exception as error:
            return self._bug(error)

    async def _made(
        self, delivery: Delivery, restricted: Restricted, later: Delivery | None = None
    ) -> Message | Rejected | Failed:
        """A message; a long one is made and laid out beside the loop, for others wait for that."""
        if len(delivery.raw) < LONG:
            return self._message(delivery, restricted, later)
        message = await asyncio.to_thread(self._message, delivery, restricted, later)
        if isinstance(message, Message):
            with suppress(Exception):  # a bug: it will be met again when the message is sent
                await asyncio.to_thread(self._sink.payload, [message])  # sinks remember layouts
        return message

    def _message(
        self, delivery: Delivery, restricted: Restricted, later: Delivery | None
    ) -> Message | Rejected | Failed:
        """What waited for another attempt may have become private meanwhile: ``later`` tells."""
        try:
            if later is not None and not self._press.may_show(later, self._manner):
                made: Message | Rejected = Rejected(WITHHELD)
            elif delivery.edits is not None:
                made = self._press.revised(delivery, None, self._manner, restricted)
            else:
                made = self._press.message(delivery, self._manner, restricted)
        except RelayError as error:
            return Rejected(str(error))
        except Exception as error:
            return self._bug(error)
        if isinstance(made, Rejected) and _is_in_doubt(delivery) and not self._manner.is_idempotent:
            return Rejected(f"{made.reason}, and {MAY_HAVE_ARRIVED} before")
        return made

    async def _presentable(
        self, company: Sequence[Delivery], restricted: Restricted
    ) -> list[tuple[Delivery, Message]]:
        """Those of a company that can be rendered, up to the first that cannot: its turn comes."""
        found = []
        for one in company:
            await asyncio.sleep(0)  # others wait for the loop
            message = await self._made(one, restricted)
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

    def _bug(self, error: Exception) -> Failed:
        # Frames without the error's text: that can hold an address, which is a key.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("bug", extra={"action": "bug", "sink": self._name, "trace": frames})
        return Failed(f"a bug in relay: {type(error).__name__}")


def _is_in_doubt(delivery: Delivery) -> bool:
    """Whether an attempt may have shown it already."""
    return delivery.in_doubt or delivery.crashes > 0


def _key(deliveries: Sequence[Delivery]) -> str:
    """
    The same for all attempts of the same deliveries, and never of others.

    Not made of ids: an outbox that was restored from a backup gives the same ones again, and a
    homeserver would answer a new message with the event of an old one.
    """
    first, *others = [one.key for one in sorted(deliveries, key=lambda one: one.id)]
    digest = hashlib.sha256(repr(others).encode()).hexdigest()[:12]
    return f"{first}" + (f"-{digest}" if others else "")
