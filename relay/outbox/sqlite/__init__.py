"""The outbox in a file: durable to the last commit, for one process."""

from relay.outbox.sqlite.outbox import SQLiteOutbox

__all__ = ["SQLiteOutbox"]
