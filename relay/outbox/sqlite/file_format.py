"""
Parses the headers of SQLite's files: of a database, its write-ahead log, and the log's index.

https://www.sqlite.org/fileformat.html, https://www.sqlite.org/walformat.html
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

MAGIC = b"SQLite format 3\0"
HEADER = 100  # bytes of a database
INDEX = 100  # bytes of the index: its header twice, and how far the last checkpoint got
LOG_HEADER = 32
FRAME_HEADER = 24
# In the byte order of the machine: version, changes, whether it is initialized, the size of a page,
# the number of frames, and the salt of the log.
INDEX_HEADER = struct.Struct("=I4xIBxHI12x8s8x")
COPIED = struct.Struct("=I")
VERSION = 3_007_000
LOG_MAGIC = {0x377F0682, 0x377F0683}

Read = Callable[[int, int], bytes]
"""Reads a file: takes a number of bytes and an offset."""


@dataclass(frozen=True, slots=True)
class DatabaseHeader:
    """The header of a database file: the bytes of all its pages."""

    size: int


@dataclass(frozen=True, slots=True)
class LogIndex:
    """The header of the log's index: ``frames`` in the log, of which ``copied`` are in the file."""

    page: int
    frames: int
    salt: bytes
    copied: int

    @property
    def size(self) -> int:
        """The least size of the log, in bytes."""
        return LOG_HEADER + self.frames * self.frame if self.frames else 0

    @property
    def frame(self) -> int:
        return FRAME_HEADER + self.page


def database(head: bytes) -> DatabaseHeader | None:
    """None if the file is not a database."""
    if len(head) < HEADER or not head.startswith(MAGIC):
        return None
    (page,) = struct.unpack_from(">H", head, 16)
    (pages,) = struct.unpack_from(">I", head, 28)
    return DatabaseHeader(size=pages * (65536 if page == 1 else page))


def index(head: bytes) -> LogIndex | None:
    """None while a process is writing it: then its two copies differ."""
    if len(head) < INDEX or head[:48] != head[48:96]:
        return None
    version, _, is_made, page, frames, salt = INDEX_HEADER.unpack_from(head)
    if version != VERSION or not is_made:
        return None
    size = (page & 0xFE00) + ((page & 1) << 16)
    return LogIndex(page=size, frames=frames, salt=salt, copied=COPIED.unpack_from(head, 96)[0])


def is_log_of(head: bytes, index: LogIndex) -> bool:
    """Whether a log with this header is the one that the index describes."""
    if len(head) < LOG_HEADER:
        return False
    return struct.unpack_from(">I", head)[0] in LOG_MAGIC and head[16:24] == index.salt


def has_first_page(read: Read, index: LogIndex, head: bytes) -> bool:
    """Whether a database's first page, with this header, is in its log."""
    for place in reversed(range(LOG_HEADER, index.size, index.frame)):
        if read(4, place) == b"\0\0\0\1" and read(len(head), place + FRAME_HEADER) == head:
            return True
    return False
