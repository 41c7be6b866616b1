"""What every command begins with: the configuration, the event, and where to print."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relay import misskey, sample
from relay.config import Config, load
from relay.errors import ConfigError, FormatError
from relay.model import Event

PLACES = (Path("config.yaml"), Path("/etc/relay/config.yaml"))


def configuration(path: Path | None) -> Config:
    """The named file, or the first that there is of the usual ones."""
    if path is not None:
        return load(path)
    found = next((place for place in PLACES if place.exists()), None)
    if found is None:
        looked = " nor ".join(map(str, PLACES))
        raise ConfigError(
            f"there is no configuration: neither {looked}. "
            "Copy config.example.yaml to config.yaml, or see `relay demo` first"
        )
    return load(found)


def say(text: str = "") -> None:
    print(text, flush=True)


def say_json(value: object) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2))


def read_event(given: Namespace, hooks: Iterable[str]) -> Event:
    """The event that the arguments name."""
    hook = given.hook or next(iter(hooks), "sample")
    if given.event in sample.kinds():
        return sample.event(given.event, hook=hook)
    try:
        raw = sys.stdin.buffer.read() if given.event == "-" else Path(given.event).read_bytes()
    except OSError as error:
        kinds = ", ".join(sample.kinds())
        raise FormatError(
            f"{given.event}: {error.strerror}, and it is no kind of event ({kinds})"
        ) from None
    return misskey.parse(raw, hook=hook)


def sink_of(config: Config, name: str) -> Any:
    """The sink of that name. Raises ConfigError."""
    if name not in config.sinks:
        raise ConfigError(f"no sink is called {name}; there is {', '.join(config.sinks) or 'none'}")
    return config.sinks[name]
