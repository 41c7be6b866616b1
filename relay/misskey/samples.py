"""Events that real servers sent, one of each kind: for ``check``, ``preview`` and ``demo``."""

from pathlib import Path

from relay import misskey
from relay.model import Event


def directory() -> Path:
    """Inside the package where it was installed, beside it in a checkout."""
    inside = Path(__file__).parents[1] / "samples"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "samples"


def kinds() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in directory().glob("*.json")))


def raw(kind: str) -> bytes:
    """The body of a webhook. Raises KeyError if there is no sample of that kind."""
    if kind not in kinds():
        raise KeyError(kind)
    return (directory() / f"{kind}.json").read_bytes()


def event(kind: str, *, hook: str = "sample") -> Event:
    return misskey.parse(raw(kind), hook=hook)
