"""
What SQLite's files say of themselves: the head of a database, of its journal, and of its index.

https://www.sqlite.org/fileformat.html, https://www.sqlite.org/walformat.html
"""

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

MAGIC = b"SQLite format 3\0"
HEAD = 100  # bytes of a database
INDEX = 100  # bytes of the index: its head twice, and how far the last checkpoint came
JOURNAL_HEAD = 32
FRAME_HEAD = 24
VERSION = 3_007_000
JOURNAL_MAGIC = {0x377F0682, 0x377F0683}

Read = Callable[[int, int], bytes]
"""Bytes of a file: how many, and from where on."""


@dataclass(frozen=True, slots=True)
class Database:
    """The head of a database file: the bytes that its pages take."""

    size: int


@dataclass(frozen=True, slots=True)
class Index:
    """The head of the journal's index; ``frames`` are in the journal, ``copied`` are in the file"""

    page: int
    frames: int
    salt: bytes
    copied: int

    @property
    def size(self) -> int:
        """The bytes that the journal must have."""
        return JOURNAL_HEAD + self.frames * self.frame if self.frames else 0

    @property
    def frame(self) -> int:
        return FRAME_HEAD + self.page


def database(head: bytes) -> Database | None:
    """None if it is none."""
    if len(head) < HEAD or not head.startswith(MAGIC):
        return None
    (page,) = struct.unpack_from(">H", head, 16)
    (pages,) = struct.unpack_from(">I", head, 28)
    return Database(size=pages * (65536 if page == 1 else page))


def index(head: bytes) -> Index | None:
    """None while somebody writes it: it stands there twice."""
    byte_order = "<" if sys.byteorder == "little" else ">"
    if len(head) < INDEX or head[:48] != head[48:96]:
        return None
    if struct.unpack_from(f"{byte_order}I", head)[0] != VERSION or not head[12]:
        return None
    (page,) = struct.unpack_from(f"{byte_order}H", head, 14)
    (frames,) = struct.unpack_from(f"{byte_order}I", head, 16)
    (copied,) = struct.unpack_from(f"{byte_order}I", head, 96)
    size = (page & 0xFE00) + ((page & 1) << 16)
    return Index(page=size, frames=frames, salt=head[32:40], copied=copied)


def is_journal_of(head: bytes, index: Index) -> bool:
    """Whether a journal with this head is the one that the index is about."""
    if len(head) < JOURNAL_HEAD:
        return False
    return struct.unpack_from(">I", head)[0] in JOURNAL_MAGIC and head[16:24] == index.salt


def has_first_page(read: Read, index: Index, head: bytes) -> bool:
    """Whether a database's first page with this head is in its journal."""
    for place in reversed(range(JOURNAL_HEAD, index.size, index.frame)):
        if read(4, place) == b"\0\0\0\1" and read(len(head), place + FRAME_HEAD) == head:
            return True
    return False
