"""
The durable queue between intake and lanes.

base       the interface: what every outbox does
records    what goes in and comes out
sqlite     for one process, in a file
postgres   for several processes
sql        what both databases share
cursors    how far Misskey's lists were read
decisions  what the router decides on the events of the journal
lifecycle  which of them an address names; opening, serving, pruning
siblings   which events are about the same subject, and how their deliveries merge
ordering   which delivery of a sink goes next
copy       from a file into a database on a server
"""

from relay.outbox.base import Lanes, Outbox
from relay.outbox.lifecycle import (
    check_driver,
    copy_outbox,
    file_of,
    open_outbox,
    serve_outbox,
    view_outbox,
)
from relay.outbox.records import (
    Backlog,
    Claim,
    ClaimRequest,
    ClosedSink,
    DeadGroup,
    Decide,
    DeliverySearch,
    JournalEntry,
    PostedMessage,
    PostedPart,
    Pruned,
    RoutedBatch,
    RoutedEvent,
    StoredEvent,
)
from relay.outbox.sqlite import SQLiteOutbox
from relay.outbox.sqlite.file import FileLock, backup, files_of, is_foreign

__all__ = [
    "Backlog",
    "Claim",
    "ClaimRequest",
    "ClosedSink",
    "DeadGroup",
    "Decide",
    "DeliverySearch",
    "FileLock",
    "JournalEntry",
    "Lanes",
    "Outbox",
    "PostedMessage",
    "PostedPart",
    "Pruned",
    "RoutedBatch",
    "RoutedEvent",
    "SQLiteOutbox",
    "StoredEvent",
    "backup",
    "check_driver",
    "copy_outbox",
    "file_of",
    "files_of",
    "is_foreign",
    "open_outbox",
    "serve_outbox",
    "view_outbox",
]
