"""
Statements about many rows at once.

Each statement releases the interpreter lock and waits to get it back, which takes longer than all
the rest while the event loop is busy.
"""

import sqlite3
from collections.abc import Iterator, Sequence

Values = tuple[object, ...]

SIZES = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""The numbers of rows in a statement: few, so that all statements stay prepared."""


def write(db: sqlite3.Connection, template: str, rows: Sequence[Values]) -> int:
    """The number of rows that were changed."""
    return sum(
        db.execute(statement, values).rowcount for statement, values in _filled(template, rows)
    )


def fetched(db: sqlite3.Connection, template: str, rows: Sequence[Values]) -> Iterator[sqlite3.Row]:
    for statement, values in _filled(template, rows):
        yield from db.execute(statement, values).fetchall()


def _filled(template: str, rows: Sequence[Values]) -> Iterator[tuple[str, list[object]]]:
    """A statement about rows, as several statements of the sizes above with their values."""
    done = 0
    while done < len(rows):
        size = next(size for size in SIZES if size <= len(rows) - done)
        chunk = rows[done : done + size]
        marks = f"({', '.join('?' * len(chunk[0]))})"
        values = [value for row in chunk for value in row]
        yield template.format(rows=", ".join([marks] * size)), values
        done += size
