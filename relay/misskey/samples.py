"""Events that real servers sent, one of each kind: for ``check``, ``preview`` and ``demo``."""

from relay import misskey
from relay.model import Event
from relay.resources import resource


def kinds() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in resource("samples").glob("*.json")))


def raw(kind: str) -> bytes:
    """The body of a webhook. Raises KeyError if there is no sample of that kind."""
    if kind not in kinds():
        raise KeyError(kind)
    return (resource("samples") / f"{kind}.json").read_bytes()


def event(kind: str, *, hook: str = "sample") -> Event:
    return misskey.parse(raw(kind), hook=hook)
