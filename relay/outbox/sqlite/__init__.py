"""
The outbox in a file: durable to the last commit, for one process.

outbox      the interface, and the statements of one step
journal, claims    transactions of several steps; ``writer`` commits jobs together, in one thread
file        connecting, copying, locking; ``permissions``: advice where a file cannot be used
disk        the reserve for a full disk
guard       whether the files are still the ones that were opened; ``file_format``: their headers
schema, statements    tables and SQL; ``rows``: statements about many rows
"""

from relay.outbox.sqlite.outbox import SQLiteOutbox

__all__ = ["SQLiteOutbox"]
