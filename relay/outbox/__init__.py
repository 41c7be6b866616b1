"""The durable queue between intake and lanes."""

from relay.outbox.base import ClosedSink, Outbox
from relay.outbox.sqlite import FileLock, SQLiteOutbox

__all__ = ["ClosedSink", "FileLock", "Outbox", "SQLiteOutbox"]
