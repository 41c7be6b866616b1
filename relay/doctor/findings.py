"""What a check finds: what is so, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Name = Literal[
    "config-doubtful",
    "hook-unrouted",
    "secret-characters",
    "secret-blanks",
    "secret-short",
    "secret-long",
    "secret-shared",
    "max-body-small",
    "password-short",
    "reaction-routed",
    "kind-never-sent",
    "kind-unknown",
    "route-never-matches",
    "gate-narrower",
    "file-readable",
    "file-writable",
    "outbox-folder-missing",
    "outbox-missing",
    "outbox-unusable",
    "outbox-volatile",
    "outbox-network",
    "outbox-layer",
    "disk-low",
    "journal-large",
    "outbox-large",
    "retention-short",
    "deliveries-dead",
    "deliveries-orphaned",
    "sink-closed",
    "sink-unreachable",
    "sink-limited",
    "sink-refuses",
    "sink-elsewhere",
    "sink-moved",
    "discord-webhook-deleted",
    "discord-webhook-wrong",
    "discord-address-form",
    "discord-forum",
    "discord-tags",
    "discord-thread-closed",
    "discord-threads-full",
    "slack-not-in-channel",
    "slack-channel-archived",
    "slack-token-invalid",
    "slack-scope-missing",
    "slack-webhook-gone",
    "slack-workflow",
    "matrix-token-invalid",
    "matrix-room-encrypted",
    "matrix-room-upgraded",
    "matrix-muted",
    "matrix-not-in-room",
    "matrix-room-unknown",
    "matrix-homeserver-wrong",
    "matrix-session-shared",
    "matrix-rate-limit",
    "report-recipient",
    "server-unreachable",
    "server-elsewhere",
    "server-strange",
    "clock-wrong",
    "address-localhost",
    "address-private",
    "address-plain",
    "relay-silent",
    "way-unreachable",
    "way-redirected",
    "way-secret-refused",
    "way-path-lost",
    "way-fails",
    "way-strange",
    "way-body-changed",
    "way-large-body",
    "way-headers-lost",
    "way-slow",
]
"""Every finding that there is, for scripts; docs/doctor.md has a line for each."""


class Level(StrEnum):
    """Whether something is wrong, or only worth a thought."""

    WRONG = "wrong"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """``where`` is a part of the set-up; ``what`` and ``remedy`` are a line each, for people."""

    name: Name
    level: Level
    where: str
    what: str
    remedy: str


def wrong(name: Name, where: str, what: str, remedy: str) -> Finding:
    return Finding(name, Level.WRONG, where, what, remedy)


def advice(name: Name, where: str, what: str, remedy: str) -> Finding:
    return Finding(name, Level.ADVICE, where, what, remedy)
