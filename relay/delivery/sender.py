"""Makes one attempt: renders the claimed deliveries and sends them in one request."""

import asyncio
import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from relay.delivery.bounds import Bounds, UnroutedError
from relay.delivery.breaker import CRASHES
from relay.delivery.editor import Editor
from relay.delivery.lane_config import LaneConfig
from relay.delivery.renderer import FRESH, Restricted
from relay.delivery.requester import INTERRUPTED, LONG, Requester, is_long
from relay.errors import OutboxError, RelayError
from relay.outbox.base import Outbox
from relay.outbox.records import Claim
from relay.outcome import MAY_HAVE_ARRIVED, WITHHELD, Delivery, Failed, Outcome, Rejected
from relay.sinks.base import Layout
from relay.text.message import Message

logger = logging.getLogger(__name__)

WORN_OUT = Rejected(f"relay ended {CRASHES} times while it was sent")


@dataclass(frozen=True, slots=True)
class Batch:
    """The deliveries of one request with their messages, or the reason why there are none."""

    deliveries: Sequence[Delivery]
    messages: Sequence[Message] | Rejected | Failed
    layout: Layout | None = None
    """The layout of the messages, if they were laid out to see how many fit."""
    behind: Sequence[Delivery] = ()
    """The candidates that are left for the next request."""

    @property
    def is_sendable(self) -> bool:
        """Whether there are messages, so that the outcome is an answer of the sink."""
        return isinstance(self.messages, Sequence)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A batch that was prepared before it was claimed."""

    batch: Batch
    notes: Mapping[str, str]
    restricted: Restricted
    until: float
    """When its messages are too old, because they say of a moment whether it is over."""


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
        self._monotonic = monotonic
        self._ahead: Ahead | None = None
        self._requester = Requester(
            name, lane_config.sink, self._policy, outbox=outbox, monotonic=monotonic
        )
        self._bounds = Bounds(self._renderer, outbox=outbox)
        self._editor = Editor(self._requester, self._renderer, self._bounds, outbox=outbox)

    @property
    def fitting(self) -> Sequence[Delivery]:
        """The deliveries that were prepared for the next request."""
        return () if self._ahead is None else self._ahead.batch.deliveries

    async def prepare(self, claim: Claim) -> Batch:
        """
        Render the claimed deliveries, and add as many candidates as fit without truncation.

        Raises UnroutedError if they have to wait.
        """
        claimed, ahead = claim.deliveries, self._ahead
        self._ahead = None
        if claimed[0].edits is None and self._requester.may_have_arrived(claimed):
            return Batch(claimed, INTERRUPTED)
        if max(delivery.crashes for delivery in claimed) >= CRASHES:
            return Batch(claimed, WORN_OUT)
        candidates: Sequence[Delivery] = claim.candidates[
            : max(0, self._sink.max_batch - len(claimed))
        ]
        try:
            if ahead is not None and await self._is_valid(ahead, claimed):
                return replace(ahead.batch, deliveries=claimed, behind=claim.candidates)
            candidates, restricted = await self._restricted(claimed, candidates)
        except OutboxError as error:
            return Batch(claimed, Failed(str(error), unsent=True))
        messages: list[Message] = []
        is_repeated = self._policy.is_idempotent and any(map(_is_in_doubt, claimed))
        for delivery in claimed:
            later = claim.later_edits.get(delivery.id)
            message = await self._render(delivery, restricted, later)
            if isinstance(message, Rejected) and message.reason == WITHHELD and is_repeated:
                # The same request again: its answer names the message, which is then withdrawn.
                message = self._renderer.emptied(delivery, self._policy) or message
            if not isinstance(message, Message):
                return Batch(claimed, message)
            messages.append(message)
        together = [*messages, *await self._presentable(candidates, restricted)]
        layout = await self._layout(together, long=is_long([*claimed, *candidates]))
        room = 0 if layout is None else max(0, layout.count - len(messages))
        joined = await self._joined(candidates[:room], claimed[0])
        if len(joined) < room:  # another process has claimed the others meanwhile
            layout = None
        together = together[: len(messages) + len(joined)]
        return Batch([*claimed, *joined], together, layout, claim.candidates[len(joined) :])

    async def _restricted(
        self, claimed: Sequence[Delivery], candidates: Sequence[Delivery]
    ) -> tuple[Sequence[Delivery], Restricted]:
        """Later versions of their notes; candidates are left out if one of them has to wait."""
        notes = await self._bounds.notes([*claimed, *candidates])
        try:
            return candidates, await self._bounds.restricted(notes)
        except UnroutedError:
            if not candidates:
                raise
        return await self._restricted(claimed, ())

    async def _is_valid(self, ahead: Ahead, claimed: Sequence[Delivery]) -> bool:
        """Whether a batch is what was claimed, and nothing has been restricted since."""
        if self._monotonic() > ahead.until or [_content(delivery) for delivery in claimed] != [
            _content(delivery) for delivery in ahead.batch.deliveries
        ]:
            return False
        return await self._bounds.restricted(ahead.notes) == ahead.restricted

    async def _look_ahead(self, batch: Batch) -> None:
        """
        Prepare the next batch, while this one is on its way.

        Not if relay has crashed with it before: otherwise a message that ends the process whenever
        it is rendered would repeat the one before it each time.
        """
        behind = batch.behind[: self._sink.max_batch]
        if not behind or any(delivery.crashes for delivery in batch.deliveries):
            return
        until = self._monotonic() + FRESH / 1000
        try:
            notes = await self._bounds.notes(behind)
            restricted = await self._bounds.restricted(notes)
        except Exception:  # it is met again at their turn, and must not repeat what is being sent
            return
        messages = await self._presentable(behind, restricted)
        layout = await self._layout(messages, long=is_long(behind)) if messages else None
        number = len(messages[:1]) if layout is None else layout.count
        if number:
            next_batch = Batch(behind[:number], messages[:number], layout)
            self._ahead = Ahead(next_batch, notes, restricted, until)

    async def _layout(self, messages: Sequence[Message], *, long: bool) -> Layout | None:
        """Lay out several messages to see how many fit; None for a single one, or after a bug."""
        if len(messages) == 1:
            return None
        try:
            return await self._requester.layout(messages, long=long)
        except Exception as error:  # it is met again when the messages are sent
            self._bug(error)
            return None

    async def send(self, batch: Batch) -> tuple[Sequence[Delivery], Outcome]:
        """
        Send a batch; return its deliveries and the outcome.

        An edit that was sent as a message of its own is returned as an ordinary delivery. Raises
        UnroutedError, before anything was sent, if it has to wait.
        """
        head = batch.deliveries[0]
        self._requester.begin()
        if not isinstance(batch.messages, Sequence):
            return batch.deliveries, batch.messages
        try:
            key = _key(batch.deliveries)
            if head.edits is not None:
                return await self._editor.send(head, head.edits, key=key)
            looking = asyncio.ensure_future(self._look_ahead(batch))
            try:
                outcome = await self._requester.send(
                    batch.messages, layout=batch.layout, key=key, deliveries=batch.deliveries
                )
            finally:
                await looking
            return batch.deliveries, outcome
        except UnroutedError:
            raise
        except OutboxError as error:  # the outbox is asked before anything is sent
            return batch.deliveries, Failed(str(error), unsent=True)
        except Exception as error:
            return batch.deliveries, replace(self._bug(error), ambiguous=True)

    async def probe(self) -> Outcome:
        """Ask a failing sink whether it works, by a request that shows nothing."""
        self._requester.begin()
        try:
            return await self._requester.probe()
        except Exception as error:
            return self._bug(error)

    async def _render(
        self, delivery: Delivery, restricted: Restricted, later: Delivery | None = None
    ) -> Message | Rejected | Failed:
        """Render a delivery; a long one in a thread, so that the loop goes on meanwhile."""
        if len(delivery.raw) < LONG:
            return self._message(delivery, restricted, later)
        return await asyncio.to_thread(self._message, delivery, restricted, later)

    def _message(
        self, delivery: Delivery, restricted: Restricted, later: Delivery | None
    ) -> Message | Rejected | Failed:
        """Render a delivery; ``later`` is an edit that may have made it private."""
        try:
            if later is not None and not self._renderer.may_show(later, self._policy):
                message: Message | Rejected = Rejected(WITHHELD)
            elif delivery.edits is not None:
                message = self._renderer.revised(delivery, None, self._policy, restricted)
            else:
                message = self._renderer.message(delivery, self._policy, restricted)
        except RelayError as error:
            return Rejected(str(error))
        except Exception as error:
            return self._bug(error)
        is_in_doubt = _is_in_doubt(delivery) and not self._policy.is_idempotent
        if isinstance(message, Rejected) and is_in_doubt:
            return Rejected(f"{message.reason}, and {MAY_HAVE_ARRIVED} before")
        return message

    async def _presentable(
        self, candidates: Sequence[Delivery], restricted: Restricted
    ) -> list[Message]:
        """Render candidates up to the first that cannot be rendered: its turn comes later."""
        messages = []
        for delivery in candidates:
            await asyncio.sleep(0)  # let other tasks run
            message = await self._render(delivery, restricted)
            if not isinstance(message, Message):
                break
            messages.append(message)
        return messages

    async def _joined(self, candidates: Sequence[Delivery], head: Delivery) -> Sequence[Delivery]:
        if not candidates:
            return ()
        try:
            return await self._outbox.extend_claim(candidates, head=head)
        except OutboxError:
            return ()  # nothing was sent: the head is sent alone, if its outcome can be stored

    def _bug(self, error: Exception) -> Failed:
        # Frames without the error's text: that can hold an address, which is a key.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("bug", extra={"action": "bug", "sink": self._name, "trace": frames})
        return Failed(f"a bug in relay: {type(error).__name__}")


def _content(delivery: Delivery) -> tuple[int, int]:
    """Its message depends on both: a sibling may replace the event of a delivery that waits."""
    return delivery.id, delivery.event


def _is_in_doubt(delivery: Delivery) -> bool:
    """Whether an attempt may have shown the delivery already."""
    return delivery.in_doubt or delivery.crashes > 0


def _key(deliveries: Sequence[Delivery]) -> str:
    """
    The idempotency key of a request: the same for all attempts at the same deliveries.

    It has no ids, because an outbox that was restored from a backup assigns the same ids again, and
    a homeserver would answer a new message with the event of an old one.
    """
    first, *others = [
        delivery.key for delivery in sorted(deliveries, key=lambda delivery: delivery.id)
    ]
    digest = hashlib.sha256(repr(others).encode()).hexdigest()[:12]
    return f"{first}" + (f"-{digest}" if others else "")
