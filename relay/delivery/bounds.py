"""Reads later events about the notes of a message, right before it is sent."""

import asyncio
from collections.abc import Mapping, Sequence

from relay.delivery.renderer import NOTHING, Renderer, Restricted
from relay.delivery.requester import is_long
from relay.errors import RelayError
from relay.outbox.base import Outbox
from relay.outcome import Delivery


class UnroutedError(RelayError):
    """An event about one of the notes was accepted, and is not routed yet: it goes first."""


class Bounds:
    """The later events about the notes of deliveries."""

    def __init__(self, renderer: Renderer, *, outbox: Outbox) -> None:
        self._renderer, self._outbox = renderer, outbox

    async def notes(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        """The ids of all notes in the deliveries, by subject; of long ones read in a thread."""
        if is_long(deliveries):
            return await asyncio.to_thread(self._notes, deliveries)
        return self._notes(deliveries)

    def _notes(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        notes: dict[str, str] = {}
        for delivery in deliveries:
            notes |= self._renderer.notes(delivery)
        return notes

    async def restricted(self, notes: Mapping[str, str]) -> Restricted:
        """Later versions of the notes that not everybody may see. Raises UnroutedError."""
        if not notes:
            return NOTHING
        restrictions = await self._outbox.restrictions(notes)
        if restrictions.has_unrouted:
            raise UnroutedError
        return restrictions.events
