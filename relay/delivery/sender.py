"""The courier: takes what was claimed to its chat, once, and tells how that ended."""

import asyncio
import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from relay.delivery.breaker import CRASHES
from relay.delivery.editor import Editor
from relay.delivery.renderer import NOTHING, DeliveryPolicy, Renderer, Restricted
from relay.delivery.requester import INTERRUPTED, LONG, Requester, is_long
from relay.errors import OutboxError, RelayError
from relay.outbox.base import Outbox
from relay.outbox.records import Claim
from relay.outcome import MAY_HAVE_ARRIVED, WITHHELD, Delivery, Failed, Outcome, Rejected
from relay.sinks.base import Layout, Sink
from relay.text.message import Message

logger = logging.getLogger(__name__)

WORN_OUT = Rejected(f"relay ended {CRASHES} times while it was sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneConfig:
    """What is asked of a lane; the fingerprint changes with any setting of its sink."""

    sink: Sink
    policy: DeliveryPolicy
    renderer: Renderer
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What shares one request: deliveries, and a message of each; or why there is none."""

    deliveries: Sequence[Delivery]
    messages: Sequence[Message] | Rejected | Failed
    layout: Layout | None = None
    """That of the messages, if they had to be laid out to see how many fit."""

    @property
    def is_carried(self) -> bool:
        """Whether its outcome tells of the sink."""
        return isinstance(self.messages, Sequence)


class Sender:
    """Renders and sends for one sink; ``monotonic`` gives seconds that never jump."""

    def __init__(
        self,
        name: str,
        lane_config: LaneConfig,
        *,
        outbox: Outbox,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._sink, self._policy, self._renderer = (
            lane_config.sink,
            lane_config.policy,
            lane_config.renderer,
        )
        self._outbox = outbox
        self._requester = Requester(
            name,
            lane_config.sink,
            lane_config.policy,
            outbox=outbox,
            monotonic=monotonic,
        )
        self._editor = Editor(self._requester, lane_config.renderer, outbox=outbox)

    async def prepare(self, claim: Claim) -> Batch:
        """Render what was claimed, and take along of its candidates those that fit, uncut."""
        claimed = claim.deliveries
        if claimed[0].edits is None and self._requester.may_have_arrived(claimed):
            return Batch(claimed, INTERRUPTED)
        if max(one.crashes for one in claimed) >= CRASHES:
            return Batch(claimed, WORN_OUT)
        try:
            restricted = await self._restricted([*claimed, *claim.candidates])
        except OutboxError as error:
            return Batch(claimed, Failed(str(error), unsent=True))
        messages: list[Message] = []
        is_repeated = self._policy.is_idempotent and any(map(_is_in_doubt, claimed))
        for one in claimed:
            message = await self._made(one, restricted, claim.later_edits.get(one.id))
            if isinstance(message, Rejected) and message.reason == WITHHELD and is_repeated:
                # The same request again: what was shown is known by its answer, and taken back.
                message = self._renderer.emptied(one, self._policy) or message
            if not isinstance(message, Message):
                return Batch(claimed, message)
            messages.append(message)
        candidates = await self._presentable(claim.candidates, restricted)
        together = [*messages, *(message for _, message in candidates)]
        layout = await self._layout(together, long=is_long([*claimed, *claim.candidates]))
        room = 0 if layout is None else max(0, layout.count - len(messages))
        joined = await self._joined([delivery for delivery, _ in candidates[:room]], claimed[0])
        if len(joined) < room:  # others have been claimed elsewhere meanwhile
            layout = None
        return Batch([*claimed, *joined], together[: len(messages) + len(joined)], layout)

    async def _layout(self, messages: Sequence[Message], *, long: bool) -> Layout | None:
        """What of the messages fits into one request; None: only the first, or a bug."""
        if len(messages) == 1:
            return None
        try:
            return await self._requester.layout(messages, long=long)
        except Exception as error:  # met again, and reported, when the messages are sent
            self._bug(error)
            return None

    async def _restricted(self, deliveries: Sequence[Delivery]) -> Restricted:
        """Later versions of all notes in these that not everybody may see."""
        found = (
            await asyncio.to_thread(self._subjects, deliveries)
            if is_long(deliveries)
            else self._subjects(deliveries)
        )
        return await self._outbox.restricted(found) if found else NOTHING

    def _subjects(self, deliveries: Sequence[Delivery]) -> Collection[str]:
        return {found for one in deliveries for found in self._renderer.subjects(one)}

    async def send(self, batch: Batch) -> tuple[Sequence[Delivery], Outcome]:
        """
        Send a batch; how that ended, and its deliveries.

        An edit that became a message of its own edits nothing any more.
        """
        head = batch.deliveries[0]
        self._requester.begin()
        if not isinstance(batch.messages, Sequence):
            return batch.deliveries, batch.messages
        try:
            key = _key(batch.deliveries)
            if head.edits is not None:
                return await self._editor.send(head, head.edits, key=key)
            outcome = await self._requester.send(
                batch.messages, layout=batch.layout, key=key, deliveries=batch.deliveries
            )
            return batch.deliveries, outcome
        except OutboxError as error:  # asked before anything is sent
            return batch.deliveries, Failed(str(error), unsent=True)
        except Exception as error:
            return batch.deliveries, replace(self._bug(error), ambiguous=True)

    async def probe(self) -> Outcome:
        """Ask a sink that kept failing whether it works, before a message may come twice by it."""
        self._requester.begin()
        try:
            return await self._requester.probe()
        except Exception as error:
            return self._bug(error)

    async def _made(
        self, delivery: Delivery, restricted: Restricted, later: Delivery | None = None
    ) -> Message | Rejected | Failed:
        """A message; a long one is made in a thread, so that the loop goes on meanwhile."""
        if len(delivery.raw) < LONG:
            return self._message(delivery, restricted, later)
        return await asyncio.to_thread(self._message, delivery, restricted, later)

    def _message(
        self, delivery: Delivery, restricted: Restricted, later: Delivery | None
    ) -> Message | Rejected | Failed:
        """What waited for another attempt may have become private meanwhile: ``later`` tells."""
        try:
            if later is not None and not self._renderer.may_show(later, self._policy):
                made: Message | Rejected = Rejected(WITHHELD)
            elif delivery.edits is not None:
                made = self._renderer.revised(delivery, None, self._policy, restricted)
            else:
                made = self._renderer.message(delivery, self._policy, restricted)
        except RelayError as error:
            return Rejected(str(error))
        except Exception as error:
            return self._bug(error)
        if isinstance(made, Rejected) and _is_in_doubt(delivery) and not self._policy.is_idempotent:
            return Rejected(f"{made.reason}, and {MAY_HAVE_ARRIVED} before")
        return made

    async def _presentable(
        self, candidates: Sequence[Delivery], restricted: Restricted
    ) -> list[tuple[Delivery, Message]]:
        """Render candidates up to the first that cannot be rendered: its turn comes later."""
        found = []
        for one in candidates:
            await asyncio.sleep(0)  # others wait for the loop
            message = await self._made(one, restricted)
            if not isinstance(message, Message):
                break
            found.append((one, message))
        return found

    async def _joined(self, candidates: Sequence[Delivery], head: Delivery) -> Sequence[Delivery]:
        if not candidates:
            return ()
        try:
            return await self._outbox.extend_claim(candidates, head=head)
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
