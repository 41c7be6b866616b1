"""How far lists of Misskey's API were read: stored with the events that they brought."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, Protocol

from relay.outbox.records import Cursor, JournalEntry


class Cursors(Protocol):
    """The part of an outbox that polling needs."""

    async def journal_polled(
        self, entries: Sequence[JournalEntry], cursor: Cursor, *, before: Cursor | None
    ) -> int:
        """
        Commit events that Misskey was asked for, and the cursor behind them, at once.

        Returns the number of events that had not come before. The cursor is left alone if it is no
        longer ``before``: then another process has moved it.
        """
        ...

    async def cursor(self, blank: Cursor) -> Cursor | None:
        """The cursor of the hook, server and list of ``blank``; None if that was never read."""
        ...


CURSOR = """
SELECT hook, server, list, position, since FROM poll_cursor
WHERE hook = $1 AND server = $2 AND list = $3
"""
MOVE = """
INSERT INTO poll_cursor (hook, server, list, position, since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hook, server, list) DO UPDATE
SET position = excluded.position, since = excluded.since
WHERE poll_cursor.position = $6 AND poll_cursor.since = $7
"""


def moved(cursor: Cursor, before: Cursor | None) -> Sequence[object]:
    """The values of MOVE; without a cursor ``before`` none is replaced."""
    place = (None, None) if before is None else (before.position, before.since)
    return (*astuple(cursor), *place)


class CursorReader(ABC):
    """Reads cursors from either database."""

    @abstractmethod
    async def _row(self, statement: str, *values: object) -> Mapping[str, Any] | None:
        """The only row of a statement's result; None if it has none."""

    async def cursor(self, blank: Cursor) -> Cursor | None:
        row = await self._row(CURSOR, blank.hook, blank.server, blank.list)
        return None if row is None else Cursor(**row)
