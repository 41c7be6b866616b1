"""
The state of an installation as values, which the checks judge without I/O.

A fact that is None has not been collected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from relay.config import Config
from relay.misskey.probe import Seen
from relay.outbox import ClosedSink
from relay.outcome import Outcome


@dataclass(frozen=True, slots=True)
class FileAccess:
    """
    A file or folder, and what the other users of the machine can do with it.

    ``holds`` describes its secret content, if it has any.
    """

    path: Path
    holds: str | None
    is_readable: bool
    is_writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """
    The disk that the outbox is on. Sizes are in bytes.

    ``kind`` is the type of the file system, like ``ext4``; empty if unknown. ``outbox`` is the size
    of the outbox, None before its first start.
    """

    path: Path
    kind: str
    free: int
    outbox: int | None
    journal: int = 0
    has_folder: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxContents:
    """The contents of the outbox; or ``problem``, the reason why it cannot be read."""

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    closed: Sequence[ClosedSink] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    The account that posts for a Matrix sink.

    ``session`` is the name of the login that its token belongs to. ``is_limited``: whether Synapse
    applies the rate limit of ordinary users to it.
    """

    session: str = ""
    is_limited: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A hook's Misskey server by its own account; or ``problem``, the reason why it has none."""

    origin: str
    software: str = ""
    version: str = ""
    calls_itself: str = ""
    """The origin that its webhooks will name."""
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One probe to one hook, as it was sent, and as relay reports that it arrived."""

    hook: str
    sent: Seen
    seen: Seen | None = None
    """None if the answer is not relay's."""
    status: int = 0
    """0 if there was no answer."""
    reason: str = ""
    seconds: float = 0.0

    @property
    def arrived(self) -> bool:
        """Whether the body reached relay unchanged."""
        return self.seen is not None and replace(self.seen, lost=()) == self.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The address that Misskey calls, its IP addresses, and the results of probes."""

    address: str
    ips: Sequence[str] = ()
    small: Sequence[ProbeResult] = ()
    large: Sequence[ProbeResult] = ()
    direct: Sequence[ProbeResult] = ()
    """Probes to the listener itself, past the web server in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One installation, as far as it was examined."""

    config: Config
    files: Sequence[FileAccess] = ()
    disk: Disk | None = None
    contents: OutboxContents | None = None
    sinks: Mapping[str, Outcome] = field(default_factory=dict)
    """The outcome of a probe of each sink."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """The accounts of Matrix sinks."""
    servers: Sequence[Server] = ()
    clocks: Mapping[str, float] = field(default_factory=dict)
    """The seconds by which the clock of a host is ahead of this one."""
    ingress: Ingress | None = None
