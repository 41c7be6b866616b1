"""
What SQLite's files say of themselves: the head of a database, of its journal, and of its index.

https://www.sqlite.org/fileformat.html, https://www.sqlite.org/walformat.html
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

MAGIC = b"SQLite format 3\0"
HEAD = 100  # bytes of a database
INDEX = 100  # bytes of the index: its head twice, and how far the last checkpoint came
JOURNAL_HEAD = 32
FRAME_HEAD = 24
# In the byte order of the machine: version, changes, whether it is made, the size of a page, the
# number of frames, and the salt of the journal.
ONE_HEAD = struct.Struct("=I4xIBxHI12x8s8x")
COPIED = struct.Struct("=I")
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
    if len(head) < INDEX or head[:48] != head[48:96]:
        return None
    version, _, is_made, page, frames, salt = ONE_HEAD.unpack_from(head)
    if version != VERSION or not is_made:
        return None
    size = (page & 0xFE00) + ((page & 1) << 16)
    return Index(page=size, frames=frames, salt=salt, copied=COPIED.unpack_from(head, 96)[0])


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
