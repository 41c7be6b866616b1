"""Edits and withdraws messages that were sent before."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from relay.delivery.bounds import Bounds
from relay.delivery.renderer import Renderer, Restricted
from relay.delivery.requester import INTERRUPTED, Requester, is_long
from relay.outbox.base import Outbox
from relay.outbox.records import PostedMessage
from relay.outcome import (
    MAY_HAVE_ARRIVED,
    STILL_SHOWN,
    WITHHELD,
    Closed,
    Delivery,
    Failed,
    LimitScope,
    Outcome,
    RateLimited,
    Rejected,
    Sent,
    State,
)
from relay.text.message import Message

Attempted = tuple[Sequence[Delivery], Outcome]

REMOVE = "look for it in the chat, and delete it there"


class Editor:
    """Replaces messages by those of later versions of their notes."""

    def __init__(
        self, requester: Requester, renderer: Renderer, bounds: Bounds, *, outbox: Outbox
    ) -> None:
        self._requester, self._renderer, self._outbox = requester, renderer, outbox
        self._bounds = bounds
        self._sink, self._policy = requester.sink, requester.policy

    async def send(self, head: Delivery, edits: int, *, key: str) -> Attempted:
        """Edit the message of the earlier version; where that is impossible, send a new one."""
        if (pause := self._requester.pause_of_edits) > 0:
            return [head], RateLimited(pause, LimitScope.EDITS)
        posted: PostedMessage | None = None
        if self._sink.can_edit:
            posted = await self._outbox.posted_message(edits, hold=self._policy.hold)
        parts = () if posted is None else [part.delivery for part in posted.parts]
        restricted = await self._bounds.restricted(await self._bounds.notes([head, *parts]))
        if self._renderer.takes_back(head, self._policy):
            return [head], await self._withdraw(head, edits, posted, restricted, key=key)
        revised = None if posted is None else await self._revised(posted, head, restricted)
        if posted is not None and revised is not None:
            edit = self._requester.edit_of(posted.message, key=key, long=is_long([head]))
            outcome, _ = await self._requester.send_with_fallback(edit, revised, key)
            if isinstance(outcome, Failed):  # repeating an edit shows nothing twice
                return [head], replace(outcome, ambiguous=False)
            if isinstance(outcome, Rejected) and outcome.is_removed:
                return [head], outcome  # a message that a person deleted is not sent again
            if not isinstance(outcome, Rejected | Closed):
                return [head], outcome
        return await self._send_new(head, restricted, key=f"{key}n")

    async def _send_new(self, head: Delivery, restricted: Restricted, *, key: str) -> Attempted:
        if self._requester.may_have_arrived([head]):
            return [head], INTERRUPTED
        message = self._renderer.anew(head, self._policy, restricted)
        if isinstance(message, Rejected):
            return [head], message
        outcome = await self._requester.send([message], key=key, deliveries=[head])
        return [replace(head, edits=None) if isinstance(outcome, Sent) else head], outcome

    # --- notes that became private

    async def _withdraw(
        self,
        head: Delivery,
        edits: int,
        posted: PostedMessage | None,
        restricted: Restricted,
        *,
        key: str,
    ) -> Outcome:
        """
        Remove from the chat the parts that it may not show any more, in any form that it accepts.

        If it accepts none, that is tried again as often as any delivery.
        """
        if posted is None:
            return await self._not_posted(edits)
        left = await self._left(posted, head, restricted)
        edit = self._requester.edit_of(posted.message, key=key, long=is_long([head]))
        outcome, current = await self._requester.send_with_fallback(edit, left, key)
        if isinstance(outcome, Rejected) and not outcome.is_removed:
            outcome = await self._requester.send_plain(edit, current, outcome)
        empty = self._renderer.emptied(head, self._policy)
        if isinstance(outcome, Rejected) and not outcome.is_removed and len(left) > 1 and empty:
            # Better to lose the other parts of the message than to show this one.
            outcome = await self._requester.send_plain(edit, [empty], outcome)
        match outcome:
            case Rejected(is_removed=True):
                return Sent(message=posted.message)
            case Rejected(reason):
                return Failed(f"{STILL_SHOWN}: {reason}", alone=True, cause=outcome.cause)
            case Closed(reason):
                return await self._closed(outcome)
            case Failed(reason):
                return replace(outcome, reason=f"{STILL_SHOWN}: {reason}", ambiguous=False)
        return outcome

    async def _closed(self, closed: Closed) -> Outcome:
        """Probe whether the sink is closed; if not, only this message is refused."""
        answer = await self._requester.probe()
        reason = f"{STILL_SHOWN}: {closed.reason}"
        if isinstance(answer, Closed):
            return replace(closed, reason=closed.reason)
        is_alone = isinstance(answer, Sent | Rejected)
        return Failed(reason, alone=is_alone, cause=closed.cause)

    async def _not_posted(self, edits: int) -> Outcome:
        """The outcome where there is no message to edit: perhaps there never was one."""
        earlier = await self._outbox.delivery(edits)
        if earlier is None or (earlier.state is State.DELIVERED and self._sink.can_edit):
            return Rejected(f"{STILL_SHOWN}: its message is not known any more: {REMOVE}")
        if earlier.state is State.DELIVERED:
            return Rejected(f"{STILL_SHOWN}: messages here cannot be changed: {REMOVE}")
        is_doubted = (earlier.reason or "").startswith(MAY_HAVE_ARRIVED)
        if earlier.in_doubt or earlier.crashes or is_doubted:
            return Rejected(
                f"{STILL_SHOWN}: it {MAY_HAVE_ARRIVED}, but its message is not known: {REMOVE}"
            )
        return Rejected(WITHHELD)

    # --- rendering the current versions

    async def _revised(
        self, posted: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message] | None:
        """All parts of a message; None if one may not be shown any more."""
        rendered = await self._render(posted, head, restricted)
        messages = [message for message in rendered if isinstance(message, Message)]
        return messages if len(messages) == len(rendered) else None

    async def _left(
        self, posted: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message]:
        """The parts of a message, and in place of those that may not be shown their remains."""
        rendered = await self._render(posted, head, restricted)
        left = [
            self._renderer.emptied(part.delivery, self._policy)
            if isinstance(message, Rejected)
            else message
            for part, message in zip(posted.parts, rendered, strict=True)
        ]
        return [message for message in left if message is not None]

    async def _render(
        self, posted: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message | Rejected]:
        if is_long([head]):
            return await asyncio.to_thread(self._render_parts, posted, head, restricted)
        return self._render_parts(posted, head, restricted)

    def _render_parts(
        self, posted: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message | Rejected]:
        rendered = []
        for part in posted.parts:
            edit = _last(head, part.edit) if part.delivery.id == head.edits else part.edit
            newest = part.newest_edit
            if newest is not None and not self._renderer.may_show(newest, self._policy):
                edit = newest  # although it is not due yet: the note must not be shown once more
            rendered.append(self._renderer.revised(part.delivery, edit, self._policy, restricted))
        return rendered


def _last(edit: Delivery, other: Delivery | None) -> Delivery:
    """The later of two edits: one that was set aside for a while must not undo the other."""
    return edit if other is None or other.id < edit.id else other
