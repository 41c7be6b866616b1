"""
Statements about many rows at once.

Each statement releases the interpreter lock and waits to get it back, which takes longer than all
the rest while the event loop is busy.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

Values = tuple[object, ...]

SIZES = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""The numbers of rows in a statement: few, so that all statements stay prepared."""


def write(db: sqlite3.Connection, template: str, rows: Sequence[Values]) -> tuple[int, int]:
    """The number of rows that were changed, and the id of the last one that was inserted."""
    changed = last = 0
    for statement, values in _filled(template, rows):
        cursor = db.execute(statement, values)
        changed += cursor.rowcount
        last = cursor.lastrowid or 0
    return changed, last


def fetched(db: sqlite3.Connection, template: str, rows: Sequence[Values]) -> Iterator[sqlite3.Row]:
    for statement, values in _filled(template, rows):
        yield from db.execute(statement, values).fetchall()


def _filled(template: str, rows: Sequence[Values]) -> Iterator[tuple[str, list[object]]]:
    """A statement about rows, as several statements of the sizes above with their values."""
    done = 0
    while done < len(rows):
        size = next(size for size in SIZES if size <= len(rows) - done)
        chunk = rows[done : done + size]
        done += size
        yield _statement(template, size, len(chunk[0])), [*chain.from_iterable(chunk)]


@lru_cache
def _statement(template: str, size: int, width: int) -> str:
    marks = f"({', '.join('?' * width)})"
    return template.format(rows=", ".join([marks] * size))
