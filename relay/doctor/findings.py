"""Findings of the checks: a problem and its remedy."""

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
    "kind-not-asked",
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
    "matrix-device-untrusted",
    "matrix-no-readers",
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
    "ingress-unreachable",
    "ingress-redirected",
    "ingress-secret-refused",
    "ingress-path-lost",
    "ingress-fails",
    "ingress-strange",
    "ingress-body-changed",
    "ingress-large-body",
    "ingress-headers-lost",
    "ingress-slow",
]
"""The names of all findings, for scripts; docs/doctor.md has a row for each."""


class Level(StrEnum):
    """An error stops events or exposes secrets; a warning may be intended."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """``where`` names a part of the installation; ``problem`` and ``remedy`` are a line each."""

    name: Name
    level: Level
    where: str
    problem: str
    remedy: str


def error(name: Name, where: str, problem: str, remedy: str) -> Finding:
    return Finding(name, Level.ERROR, where, problem, remedy)


def warning(name: Name, where: str, problem: str, remedy: str) -> Finding:
    return Finding(name, Level.WARNING, where, problem, remedy)
