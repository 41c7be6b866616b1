"""Which deliveries a page shows: filters that live in its URL, and pages by key."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from relay.outbox import DeliverySearch, Outbox
from relay.outcome import Delivery, State

SIZE = 50
LONGEST = 500  # characters of what is looked for
STEP = 500  # deliveries that are read at once while a text is looked for
REACH = 10_000
"""So many are looked through for one page: a search never stands in the way of a lane for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted; empty: any."""

    sink: str = ""
    state: str = ""
    kind: str = ""
    text: str = ""
    reason: str = ""
    """Why it is dead, to the letter: pages on dead letters lead here."""
    before: int | None = None
    """Only deliveries with a smaller id: the next page."""

    @property
    def query(self) -> str:
        """The query of the URL, with its question mark."""
        given = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(given)}" if given else ""

    @property
    def is_empty(self) -> bool:
        return not (self.sink or self.state or self.kind or self.text or self.reason)

    @property
    def search(self) -> DeliverySearch:
        """What the outbox has an index for; the rest is looked at one by one."""
        state = State(self.state) if self.state else None
        return DeliverySearch(
            sink=self.sink or None, state=state, reason=self.reason or None, before=self.before
        )

    def older_than(self, delivery_id: int | None) -> "Filter":
        return replace(self, before=delivery_id)

    def taken(self, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
        """Those of which what the outbox has no index for is as wanted."""
        forms = _forms(self.text)
        return [
            one
            for one in deliveries
            if (not self.kind or one.kind == self.kind) and (not self.text or _holds(one, forms))
        ]


def read(query: Mapping[str, str]) -> Filter:
    """The filter of a URL; what is no filter there asks for nothing."""
    state, before = query.get("state", ""), query.get("before", "")
    return Filter(
        sink=_word(query, "sink"),
        state=state if state in set(State) else "",
        kind=_word(query, "kind"),
        text=_word(query, "text").strip()[:200],
        reason=_word(query, "reason"),
        before=int(before) if before.isdecimal() and 0 < len(before) < 19 else None,
    )


def _word(query: Mapping[str, str], name: str) -> str:
    """PostgreSQL has no texts with a NUL in them."""
    return query.get(name, "").replace("\0", "")[:LONGEST]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of deliveries; ``older`` is where the next begins, None if there is none."""

    deliveries: Sequence[Delivery]
    older: int | None = None
    is_cut: bool = False
    """The search has not come to its end: there may be more of it further back."""


async def found(outbox: Outbox, wanted: Filter) -> Found:
    if not wanted.kind and not wanted.text:
        rows = await outbox.deliveries(wanted.search, limit=SIZE + 1)
        return Found(rows[:SIZE], rows[SIZE - 1].id if len(rows) > SIZE else None)
    taken: list[Delivery] = []
    search = wanted.search
    for _ in range(0, REACH, STEP):
        rows = await outbox.deliveries(search, limit=STEP)
        # Beside the loop: lanes and hooks have it meanwhile.
        taken += await asyncio.to_thread(wanted.taken, rows)
        if len(taken) >= SIZE:
            return Found(taken[:SIZE], taken[SIZE - 1].id)
        if len(rows) < STEP:
            return Found(taken)
        search = replace(search, before=rows[-1].id)
    return Found(taken, search.before, is_cut=True)


def _forms(text: str) -> Sequence[str]:
    """As a text can stand in JSON, in small letters."""
    small = text.casefold()
    return [small, *(json.dumps(small, ensure_ascii=escaped)[1:-1] for escaped in (False, True))]


def _holds(delivery: Delivery, forms: Sequence[str]) -> bool:
    """Whether the event, as it came, or what became of it has one of these in it."""
    text = forms[0]
    if text in (delivery.reason or "").casefold() or text in delivery.event_id.casefold():
        return True
    raw = delivery.raw.decode(errors="replace").casefold()
    return any(form in raw for form in forms[1:])
