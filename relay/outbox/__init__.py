"""The durable queue between intake and lanes."""

from relay.outbox.base import Backlog, ClosedSink, Outbox
from relay.outbox.file import FileLock
from relay.outbox.opening import file_of, open_outbox, serve_outbox
from relay.outbox.sqlite import SQLiteOutbox

__all__ = [
    "Backlog",
    "ClosedSink",
    "FileLock",
    "Outbox",
    "SQLiteOutbox",
    "file_of",
    "open_outbox",
    "serve_outbox",
]
