"""Secrets that a process was given, looked for in all that it said: by every test that runs one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from relay.config import load
from relay.errors import RelayError
from relay.secret import Secret

COMMON = frozenset({"secret", "a secret"})
"""Words that tests take for secrets, and that relay says, too."""


def secrets_of(file: Path, environ: Mapping[str, str]) -> set[str]:
    """The secrets of a configuration, and of an address also its last part, which is the key."""
    try:
        config = load(file, environ=environ)
    except RelayError:
        return set()
    parts = (*config.hooks.values(), *config.sinks.values(), config.web)
    found = {secret.reveal() for part in parts for secret in _secrets(dict(part or ()).values())}
    return (found | {one.rpartition("/")[2] for one in found}) - COMMON - {""}


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif not isinstance(value, str) and hasattr(value, "__iter__"):
        for inner in value:
            yield from _secrets(inner)


def leaks(secrets: set[str], *said: str) -> list[str]:
    """The secrets that were told after all."""
    return [one for one in secrets if any(one in text for text in said)]
