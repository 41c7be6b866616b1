"""
The durable queue between intake and lanes.

base            what every outbox does; ``holdings``: what is in it
sqlite          for one process, in a file; ``postgres`` for several
opening         which of them an address means
arrival         what comes in; ``sibling``: which events tell of the same
decision        what becomes of those that come in together
line            who goes next
ceiling         how much may wait; ``retention``: how long what was settled is kept
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
    DeliverySearch,
    NewEvent,
    PostedMessage,
    PostedPart,
    Pruned,
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
    "DeliverySearch",
    "FileLock",
    "Lanes",
    "NewEvent",
    "Outbox",
    "PostedMessage",
    "PostedPart",
    "Pruned",
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
