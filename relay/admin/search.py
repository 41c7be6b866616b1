"""The search for deliveries: a filter in the URL, and pages by key."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from relay.outbox import DeliverySearch, Outbox
from relay.outcome import Delivery, State

SIZE = 50
MAX_TEXT_LENGTH = 500  # characters of a search text
ROWS_PER_QUERY = 500  # deliveries per query of a full-text search
REACH = 10_000
"""Deliveries searched for one page, so that a search never delays lanes for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The criteria of a search; an empty one accepts everything."""

    sink: str = ""
    state: str = ""
    kind: str = ""
    text: str = ""
    reason: str = ""
    """The exact reason of dead letters, whose page links here."""
    before: int | None = None
    """Only deliveries with a smaller id, for the next page."""
    top: int | None = None
    """The newest delivery of an open page, whose list does not move under the hand."""

    @property
    def query(self) -> str:
        """The query of the URL, with its question mark."""
        fields = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(fields)}" if fields else ""

    @property
    def is_empty(self) -> bool:
        return not (self.sink or self.state or self.kind or self.text or self.reason)

    @property
    def search(self) -> DeliverySearch:
        """The criteria for which the outbox has an index; the others are checked row by row."""
        state = State(self.state) if self.state else None
        return DeliverySearch(
            sink=self.sink or None, state=state, reason=self.reason or None, before=self.before
        )

    def of(self, state: str) -> "Filter":
        """The first page of another state."""
        return replace(self, state=state, before=None)

    def older_than(self, delivery_id: int | None) -> "Filter":
        return replace(self, before=delivery_id)

    def select(self, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
        """The deliveries that meet the criteria without an index."""
        forms = _forms(self.text)
        return [
            delivery
            for delivery in deliveries
            if self.kind in {"", delivery.kind} and (not self.text or _contains(delivery, forms))
        ]


def filter_of(query: Mapping[str, str]) -> Filter:
    """The filter of a URL's query; invalid values are ignored."""
    state = query.get("state", "")
    return Filter(
        sink=_word(query, "sink"),
        state=state if state in set(State) else "",
        kind=_word(query, "kind"),
        text=_word(query, "text").strip()[:200],
        reason=_word(query, "reason"),
        before=_number(query, "before"),
        top=_number(query, "top"),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name, "")
    return int(value) if value.isdecimal() and 0 < len(value) < 19 else None


def _word(query: Mapping[str, str], name: str) -> str:
    """A value without NUL, which PostgreSQL's texts cannot contain."""
    return query.get(name, "").replace("\0", "")[:MAX_TEXT_LENGTH]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of deliveries; ``older`` is the key of the next page, None on the last."""

    deliveries: Sequence[Delivery]
    older: int | None = None
    is_cut: bool = False
    """Whether the search stopped early: older deliveries may match, too."""


async def search(outbox: Outbox, criteria: Filter) -> ResultPage:
    if not criteria.kind and not criteria.text:
        rows = await outbox.deliveries(criteria.search, limit=SIZE + 1)
        return ResultPage(rows[:SIZE], rows[SIZE - 1].id if len(rows) > SIZE else None)
    matches: list[Delivery] = []
    query = criteria.search
    for _ in range(0, REACH, ROWS_PER_QUERY):
        rows = await outbox.deliveries(query, limit=ROWS_PER_QUERY)
        # In a thread, so that lanes and hooks keep the event loop.
        matches += await asyncio.to_thread(criteria.select, rows)
        if len(matches) >= SIZE:
            return ResultPage(matches[:SIZE], matches[SIZE - 1].id)
        if len(rows) < ROWS_PER_QUERY:
            return ResultPage(matches)
        query = replace(query, before=rows[-1].id)
    return ResultPage(matches, query.before, is_cut=True)


def _forms(text: str) -> Sequence[str]:
    """The forms that a text can have in JSON, in lower case."""
    small = text.casefold()
    return [small, *(json.dumps(small, ensure_ascii=escaped)[1:-1] for escaped in (False, True))]


def _contains(delivery: Delivery, forms: Sequence[str]) -> bool:
    """Whether the event or the reason contains one of these forms."""
    text = forms[0]
    if text in (delivery.reason or "").casefold() or text in delivery.event_id.casefold():
        return True
    raw = delivery.raw.decode(errors="replace").casefold()
    return any(form in raw for form in forms[1:])
