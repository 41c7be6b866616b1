"""The durable queue between intake and lanes."""

from relay.outbox.base import ClosedSink, Outbox
from relay.outbox.file import FileLock, check, set_aside
from relay.outbox.sqlite import SQLiteOutbox

__all__ = ["ClosedSink", "FileLock", "Outbox", "SQLiteOutbox", "check", "set_aside"]
