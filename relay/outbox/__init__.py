"""The durable queue between intake and lanes."""

from relay.outbox.base import (
    Backlog,
    Claim,
    ClosedSink,
    Outbox,
    Part,
    Pruned,
    Received,
    Search,
    Told,
)
from relay.outbox.opening import file_of, open_outbox, serve_outbox
from relay.outbox.sqlite import SQLiteOutbox
from relay.outbox.sqlite.backup import backup
from relay.outbox.sqlite.file import FileLock

__all__ = [
    "Backlog",
    "Claim",
    "ClosedSink",
    "FileLock",
    "Outbox",
    "Part",
    "Pruned",
    "Received",
    "SQLiteOutbox",
    "Search",
    "Told",
    "backup",
    "file_of",
    "open_outbox",
    "serve_outbox",
]
