"""Changes of what a chat was told: edits, and what has to be taken back."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from relay.delivery.renderer import NOTHING, Renderer, Restricted
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

Ended = tuple[Sequence[Delivery], Outcome]


class Editor:
    """Puts a message in the place of another one."""

    def __init__(self, requester: Requester, renderer: Renderer, *, outbox: Outbox) -> None:
        self._requester, self._renderer, self._outbox = requester, renderer, outbox
        self._sink, self._policy = requester.sink, requester.policy

    async def send(self, head: Delivery, edits: int, *, key: str) -> Ended:
        """Change the message that told the earlier version; where that can't be, say it anew."""
        if (pause := self._requester.pause_of_edits) > 0:
            return [head], RateLimited(pause, LimitScope.EDITS)
        told: PostedMessage | None = None
        if self._sink.can_edit:
            told = await self._outbox.posted_message(edits, hold=self._policy.hold)
        parts = () if told is None else [part.delivery for part in told.parts]
        restricted = await self._restricted([head, *parts])
        if self._renderer.takes_back(head, self._policy):
            return [head], await self._taken_back(head, edits, told, restricted, key=key)
        revised = None if told is None else await self._revised(told, head, restricted)
        if told is not None and revised is not None:
            edit = self._requester.edit_of(told.message, key=key, long=is_long([head]))
            outcome, _ = await self._requester.narrowed(edit, revised, key)
            if isinstance(outcome, Failed):  # to repeat a change shows nothing twice
                return [head], replace(outcome, ambiguous=False)
            if isinstance(outcome, Rejected) and outcome.is_removed:
                return [head], outcome  # what somebody took out of the chat is not said again
            if not isinstance(outcome, Rejected | Closed):
                return [head], outcome
        return await self._say_anew(head, restricted, key=f"{key}n")

    async def _restricted(self, deliveries: Sequence[Delivery]) -> Restricted:
        found = {subject for one in deliveries for subject in self._renderer.subjects(one)}
        return await self._outbox.restricted(found) if found else NOTHING

    async def _say_anew(self, head: Delivery, restricted: Restricted, *, key: str) -> Ended:
        if self._requester.may_have_arrived([head]):
            return [head], INTERRUPTED
        message = self._renderer.anew(head, self._policy, restricted)
        if isinstance(message, Rejected):
            return [head], message
        outcome = await self._requester.send([message], key=key, deliveries=[head])
        return [replace(head, edits=None) if isinstance(outcome, Sent) else head], outcome

    # --- what became private

    async def _taken_back(
        self,
        head: Delivery,
        edits: int,
        told: PostedMessage | None,
        restricted: Restricted,
        *,
        key: str,
    ) -> Outcome:
        """
        Take out of the chat what it may not show any more, in whatever form it lets us.

        Where it does not, that is tried again; it is given up as late as any message.
        """
        if told is None:
            return await self._untold(edits)
        left = await self._left(told, head, restricted)
        edit = self._requester.edit_of(told.message, key=key, long=is_long([head]))
        outcome, shown = await self._requester.narrowed(edit, left, key)
        if isinstance(outcome, Rejected) and not outcome.is_removed:
            outcome = await self._requester.plainly(edit, shown, outcome)
        empty = self._renderer.emptied(head, self._policy)
        if isinstance(outcome, Rejected) and not outcome.is_removed and len(left) > 1 and empty:
            # Better without what else was told together with it than with it.
            outcome = await self._requester.plainly(edit, [empty], outcome)
        match outcome:
            case Rejected(is_removed=True):
                return Sent(message=told.message)
            case Rejected(reason):
                return Failed(f"{STILL_SHOWN}: {reason}", alone=True)
            case Closed(reason):
                return await self._refused(outcome)
            case Failed(reason):
                return replace(outcome, reason=f"{STILL_SHOWN}: {reason}", ambiguous=False)
        return outcome

    async def _refused(self, closed: Closed) -> Outcome:
        """Of the sink, or of this message alone? If it is the sink, it is done when that opens."""
        answer = await self._requester.probe()
        reason = f"{STILL_SHOWN}: {closed.reason}"
        if isinstance(answer, Closed):
            return replace(closed, reason=closed.reason)
        return Failed(reason, alone=isinstance(answer, Sent | Rejected))

    async def _untold(self, edits: int) -> Outcome:
        """There is no message that could be changed: perhaps there never was."""
        earlier = await self._outbox.delivery(edits)
        if earlier is None or (earlier.state is State.DELIVERED and self._sink.can_edit):
            return Rejected(f"{STILL_SHOWN}: its message is not known any more")
        if earlier.state is State.DELIVERED:
            return Rejected(f"{STILL_SHOWN}: what was sent here cannot be changed")
        is_doubted = (earlier.reason or "").startswith(MAY_HAVE_ARRIVED)
        if earlier.in_doubt or earlier.crashes or is_doubted:
            return Rejected(f"{STILL_SHOWN}: it {MAY_HAVE_ARRIVED}, and nobody knows as what")
        return Rejected(WITHHELD)

    # --- messages as they are now

    async def _revised(
        self, told: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message] | None:
        """All parts of a message; None if one may not be shown any more."""
        made = await self._remade(told, head, restricted)
        found = [one for one in made if isinstance(one, Message)]
        return found if len(found) == len(made) else None

    async def _left(
        self, told: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message]:
        """The parts of a message that may be shown, and what is left of those that may not."""
        made = await self._remade(told, head, restricted)
        left = [
            self._renderer.emptied(part.delivery, self._policy)
            if isinstance(one, Rejected)
            else one
            for part, one in zip(told.parts, made, strict=True)
        ]
        return [one for one in left if one is not None]

    async def _remade(
        self, told: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message | Rejected]:
        make: Callable[[], Sequence[Message | Rejected]] = partial(
            self._made, told, head, restricted
        )
        return make() if not is_long([head]) else await asyncio.to_thread(make)

    def _made(
        self, told: PostedMessage, head: Delivery, restricted: Restricted
    ) -> Sequence[Message | Rejected]:
        found = []
        for part in told.parts:
            edit = _last(head, part.edit) if part.delivery.id == head.edits else part.edit
            if part.newest_edit is not None and not self._renderer.may_show(
                part.newest_edit, self._policy
            ):
                edit = (
                    part.newest_edit
                )  # though its own turn has not come: it is not shown once more
            found.append(self._renderer.revised(part.delivery, edit, self._policy, restricted))
        return found


def _last(edit: Delivery, other: Delivery | None) -> Delivery:
    """Of two edits of a message: one that was set aside for a while must not undo a later one."""
    return edit if other is None or other.id < edit.id else other
