"""What the checks are asked about; who gathers it does all the I/O. None: nobody has looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from relay.config import Config
from relay.misskey.probe import Seen
from relay.outbox import ClosedSink


@dataclass(frozen=True, slots=True)
class File:
    """
    A file or folder, and what the other users of the machine can do with it.

    ``holds`` is what nobody else should read there, in words; None: nothing.
    """

    path: Path
    holds: str | None
    is_readable: bool
    is_writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where the outbox lies: bytes, and the kind of the file system (``ext4``; empty: unknown)."""

    path: Path
    kind: str
    free: int
    outbox: int | None
    """None: there is no outbox yet."""
    journal: int = 0
    has_folder: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What the outbox holds; ``problem`` is why nobody can tell."""

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    closed: Sequence[ClosedSink] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    The account that posts for a Matrix sink.

    ``session`` is the name of the login that its token belongs to. ``is_limited``: whether Synapse
    holds it to the pace of people.
    """

    session: str = ""
    is_limited: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a hook's Misskey server says of itself; ``trouble`` is why it says nothing."""

    origin: str
    software: str = ""
    version: str = ""
    calls_itself: str = ""
    """The origin that its webhooks will name."""
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One probe to one hook: what was sent, and what the door says it has seen of it."""

    hook: str
    sent: Seen
    seen: Seen | None = None
    """None: nobody who answered had seen a probe."""
    status: int = 0
    """0: no answer came."""
    reason: str = ""
    seconds: float = 0.0

    @property
    def arrived(self) -> bool:
        """Whether the body got to relay as it was sent."""
        return self.seen is not None and replace(self.seen, lost=()) == self.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The address that Misskey calls, the IP addresses behind it, and what became of probes."""

    address: str
    places: Sequence[str] = ()
    small: Sequence[Try] = ()
    large: Sequence[Try] = ()
    direct: Sequence[Try] = ()
    """Those to the door itself, past whatever stands before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One installation, as far as it was looked at."""

    config: Config
    files: Sequence[File] = ()
    disk: Disk | None = None
    stock: Stock | None = None
    sinks: Mapping[str, str | None] = field(default_factory=dict)
    """What each sink's vendor objects to; None: nothing."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """Those of Matrix sinks."""
    servers: Sequence[Server] = ()
    clocks: Mapping[str, float] = field(default_factory=dict)
    """By host: the seconds by which its clock is ahead of ours."""
    way: Way | None = None
