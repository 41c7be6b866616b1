"""Finds the configuration and opens its outbox, for every command."""

import os
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from relay.app.control import ask, socket_of
from relay.config import Config, Samples, load, load_without_secrets, outbox_of
from relay.errors import ConfigError, ControlError, OutboxError
from relay.misskey import samples as sample
from relay.model import Event
from relay.outbox import Outbox, file_of, files_of, is_foreign, open_outbox, view_outbox
from relay.suggestion import closest

DEFAULT_PATHS = (Path("config.yaml"), Path("/etc/relay/config.yaml"))
SERVICE = (Path("/etc/relay"), Path("/var/lib/relay"))
"""The folder of a service's configuration, and its state directory."""
EXAMPLE = """\
hooks:
  alice: {secret_file: alice.secret}   # the secret of the webhook in Misskey
sinks:
  team: {type: discord, url_file: discord.url}
routes:
  - match: {event: [mention, reply]}
    to: team"""


def configuration(path: Path | None, *, samples: Samples = tuple) -> Config:
    """The configuration of a file, or of the first default path that exists."""
    file = config_path(path)
    return _with_absolute_paths(load(file, samples=samples), file)


def configuration_without_secrets(path: Path | None) -> Config:
    """The configuration for commands that use only the outbox, and send nothing."""
    file = config_path(path)
    return _with_absolute_paths(load_without_secrets(file), file)


def _with_absolute_paths(config: Config, file: Path) -> Config:
    resolved = config.model_copy(update={"outbox": resolved_outbox(config.outbox, file)})
    resolved._home = home_of(file)
    return resolved


def resolved_outbox(
    address: str,
    place: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    service: tuple[Path, Path] = SERVICE,
) -> str:
    """The URL of the outbox, with the path made independent of the working folder."""
    file = file_of(address)
    if file is None or file.is_absolute():
        return address
    return f"sqlite:{home_of(place, environ=environ, service=service) / file}"


def home_of(
    place: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    service: tuple[Path, Path] = SERVICE,
) -> Path:
    """
    The folder of relay's own files: that of the configuration, or a service's state directory.

    systemd names the state directory to the service only; so commands recognise a service by the
    default path of its configuration.
    https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#RuntimeDirectory=
    """
    folder, state = service
    if directory := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(directory)
    is_service = place.absolute().parent == folder and os.path.lexists(state)
    return state if is_service else place.parent


def check_misplaced_outbox(config: Config, place: Path) -> None:
    """
    Raise OutboxError if there is no outbox yet, but one of an earlier version elsewhere.

    Earlier versions kept it in the working directory.
    """
    file = file_of(config.outbox)
    if file is None or os.path.lexists(file):
        return
    relative = file_of(outbox_of(place))
    old = None if relative is None or relative.is_absolute() else relative.absolute()
    if old is None or not os.path.isfile(old) or is_foreign(old):
        return
    files = " ".join(shlex.quote(str(path)) for path in files_of(old))
    raise OutboxError(
        f"there is no outbox {file.absolute()} yet, but {old} is one: earlier versions kept it in "
        "the working directory. Stop the relay that uses it, if one runs; then "
        f"mkdir -p -m 700 {shlex.quote(str(file.absolute().parent))} && "
        f"mv {files} {shlex.quote(str(file.absolute().parent))}/\n"
        f"or keep it there, and write outbox: sqlite:{old}"
    )


def config_path(path: Path | None) -> Path:
    """The path of the configuration. Raises ConfigError with instructions if there is none."""
    file = path or default_path()
    if file is not None:
        return file
    raise ConfigError(
        f"There is no configuration: neither {' nor '.join(map(str, DEFAULT_PATHS))}.\n"
        f"Name one with --config FILE, or begin with this in {DEFAULT_PATHS[0]}:\n\n{EXAMPLE}\n\n"
        "`relay demo` shows what relay does, and needs no configuration."
    )


def default_path() -> Path | None:
    return next((place for place in DEFAULT_PATHS if place.exists()), None)


def samples() -> list[Event]:
    """One event of each kind."""
    return [sample.event(kind) for kind in sample.kinds()]


def check_sink(config: Config, name: str) -> None:
    """Raise ConfigError if there is no such sink."""
    if name not in config.sinks:
        raise ConfigError(f"no sink is called {name}{closest(name, config.sinks)}")


def sink_of(config: Config, name: str) -> Any:
    """The sink of that name. Raises ConfigError."""
    check_sink(config, name)
    return config.sinks[name]


async def wake(config: Config, sinks: Sequence[str]) -> str:
    """Let a running relay look for new deliveries now, and describe what happens next."""
    file, later = file_of(config.outbox), "a running relay continues within 30 seconds"
    try:
        if await ask(socket_of(file, config.home), "POST", "/wake", list(sinks)) is not None:
            return "the running relay continues now"
    except ControlError:
        return later
    # A database on a server may have a relay on another machine.
    return later if file is None else "relay is not running: see relay serve"


def outbox_file(config: Config) -> Path:
    """The file of the outbox. Raises OutboxError if it is missing, or not a file."""
    path = file_of(config.outbox)
    if path is None:
        raise OutboxError("the outbox is not a file: use pg_dump to copy it")
    with suppress(PermissionError):  # opening it reports the fix
        if not path.exists():
            raise OutboxError(_missing(path))
    return path


def _missing(path: Path) -> str:
    """The error for a missing outbox, with the path of another that may be meant."""
    problem = f"there is no outbox {path.absolute()}: relay serve creates it"
    for other in (Path(path.name).absolute(), SERVICE[1] / path.name):
        if other != path.absolute() and os.path.exists(other):
            return f"{problem}; if you mean {other}, write outbox: sqlite:{other}"
    return problem


@asynccontextmanager
async def outbox_to_read(config: Config) -> AsyncIterator[Outbox]:
    """The existing outbox, opened read-only. Raises OutboxError."""
    if file_of(config.outbox) is not None:
        outbox_file(config)
    async with view_outbox(config.outbox) as outbox:
        yield outbox


@asynccontextmanager
async def outbox_to_change(config: Config) -> AsyncIterator[Outbox]:
    """The existing outbox, opened for changes; it is never created. Raises OutboxError."""
    if file_of(config.outbox) is not None:
        outbox_file(config)
    async with open_outbox(config.outbox) as outbox:
        yield outbox
