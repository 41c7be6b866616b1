"""Accepts a stored event again, for the sinks that may still show it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from relay import misskey
from relay.model import Event, Gate
from relay.outbox.base import Outbox
from relay.outbox.records import JournalEntry, RoutedEvent, StoredEvent
from relay.outbox.siblings import subject
from relay.routing.gate import denial_reason, has_lapsed

LAPSED = "its author has changed who may see the note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """
    The result of a replay.

    ``event_id`` is the new one; ``sinks`` are those that get the event, each with the name of its
    route; ``withheld`` are those that may not show it, each with the reason.
    """

    event: Event
    event_id: str
    sinks: Mapping[str, str]
    withheld: Mapping[str, str]


async def replay(
    outbox: Outbox,
    stored: StoredEvent,
    event_id: str,
    *,
    choose: Callable[[Event], Mapping[str, str]],
    gates: Mapping[str, Gate],
    server_bound: Collection[str],
    now: int,
) -> Replayed:
    """
    Accept the bytes of a stored event as a new one, with a place of its own in each queue.

    ``choose`` names the sinks, each with its route; ``gates`` has theirs; ``server_bound`` are the
    hooks of one server each; ``now`` is in Unix milliseconds. The new event has no siblings, since
    an operator who replays an event wants to see it. Raises FormatError and OutboxError.
    """
    event = misskey.parse(stored.raw, hook=stored.hook, server=stored.server, now=now)
    chosen = choose(event)
    withheld = dict.fromkeys(await _lapsed(outbox, event, chosen, gates, server_bound), LAPSED)
    withheld |= {name: why for name in chosen if (why := denial_reason(gates[name], event))}
    sinks = {name: route for name, route in chosen.items() if name not in withheld}
    entry = JournalEntry(
        hook=stored.hook,
        event_id=f"{event_id.partition('/replay-')[0]}/replay-{now}",
        kind=event.kind,
        server=event.server,
        created_at=event.created_at,
        accepted_at=now,
        raw=stored.raw,
    )
    routed = RoutedEvent(sinks=sinks, withheld=withheld)
    if not sinks or await outbox.replay(entry, routed) is None:
        sinks = {}
    return Replayed(event=event, event_id=entry.event_id, sinks=sinks, withheld=withheld)


async def _lapsed(
    outbox: Outbox,
    event: Event,
    names: Collection[str],
    gates: Mapping[str, Gate],
    server_bound: Collection[str],
) -> Collection[str]:
    """The sinks that may not show an event any more, because its author restricted the note."""
    if event.note is None or not event.note.id:
        return ()
    about = subject(event, event.note, server_bound=server_bound)
    restrictions = await outbox.restrictions({about: event.note.id})
    versions = [
        misskey.parse(version.raw, hook=version.hook, server=version.server)
        for version in restrictions.events.get(about, ())
    ]
    return {name for name in names if has_lapsed(gates[name], event.note, versions)}
