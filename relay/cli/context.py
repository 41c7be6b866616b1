"""What commands work with: the configuration, and the outbox that it names."""

import os
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from relay.app.control import ask, socket_of
from relay.config import Config, Samples, load, load_without_secrets, outbox_of
from relay.errors import ConfigError, OutboxError
from relay.misskey import samples as sample
from relay.model import Event
from relay.outbox import Outbox, file_of, files_of, is_foreign, open_outbox, view_outbox
from relay.suggestion import closest

PLACES = (Path("config.yaml"), Path("/etc/relay/config.yaml"))
SERVICE = (Path("/etc/relay"), Path("/var/lib/relay"))
"""Where the configuration of a service is, and where systemd lets it work."""
EXAMPLE = """\
hooks:
  alice: {secret_file: alice.secret}   # the secret of the webhook in Misskey
sinks:
  team: {type: discord, url_file: discord.url}
routes:
  - match: {event: [mention, reply]}
    to: team"""


def configuration(path: Path | None, *, samples: Samples = tuple) -> Config:
    """What the named file says, or the first that there is of the usual ones."""
    place = place_of(path)
    return _placed(load(place, samples=samples), place)


def configuration_without_secrets(path: Path | None) -> Config:
    """The same for commands that look at the outbox, and send nothing."""
    place = place_of(path)
    return _placed(load_without_secrets(place), place)


def _placed(config: Config, place: Path) -> Config:
    """With paths that hold in every folder."""
    found = config.model_copy(update={"outbox": found_outbox(config.outbox, place)})
    found._home = home_of(place)
    return found


def found_outbox(
    address: str,
    place: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    service: tuple[Path, Path] = SERVICE,
) -> str:
    """The outbox of the configuration at ``place``, by a path that holds in every folder."""
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
    The folder in which relay keeps what is its own: that of the configuration.

    Or where systemd lets a service work, which says so to the service alone: so commands know it
    for the usual place of its configuration.
    https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#RuntimeDirectory=
    """
    folder, state = service
    if of_systemd := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(of_systemd)
    is_service = place.absolute().parent == folder and os.path.lexists(state)
    return state if is_service else place.parent


def check_left_outbox(config: Config, place: Path) -> None:
    """
    Raises OutboxError where an empty outbox would begin beside one of an earlier version.

    Those kept it in the working directory.
    """
    file = file_of(config.outbox)
    if file is None or os.path.lexists(file):
        return
    written = file_of(outbox_of(place))
    old = None if written is None or written.is_absolute() else written.absolute()
    if old is None or not os.path.isfile(old) or is_foreign(old):
        return
    moved = " ".join(shlex.quote(str(one)) for one in files_of(old))
    raise OutboxError(
        f"there is no outbox {file.absolute()} yet, but {old} is one: earlier versions kept it in "
        "the working directory. Stop the relay that uses it, if one runs; then "
        f"mkdir -p -m 700 {shlex.quote(str(file.absolute().parent))} && "
        f"mv {moved} {shlex.quote(str(file.absolute().parent))}/\n"
        f"or let it stay, and write outbox: sqlite:{old}"
    )


def place_of(path: Path | None) -> Path:
    """Where the configuration is. Raises ConfigError, which tells how to begin."""
    found = path or first_place()
    if found is not None:
        return found
    raise ConfigError(
        f"There is no configuration: neither {' nor '.join(map(str, PLACES))}.\n"
        f"Name one with --config FILE, or begin with this in {PLACES[0]}:\n\n{EXAMPLE}\n\n"
        "`relay demo` shows what relay does, and needs none."
    )


def first_place() -> Path | None:
    return next((place for place in PLACES if place.exists()), None)


def samples() -> list[Event]:
    """One event of each kind."""
    return [sample.event(kind) for kind in sample.kinds()]


def check_sink(config: Config, name: str) -> None:
    """Raises ConfigError if there is no such sink."""
    if name not in config.sinks:
        raise ConfigError(f"no sink is called {name}{closest(name, config.sinks)}")


def sink_of(config: Config, name: str) -> Any:
    """The sink of that name. Raises ConfigError."""
    check_sink(config, name)
    return config.sinks[name]


async def news(config: Config, sinks: Sequence[str]) -> str:
    """Tell the relay that runs, if one does, that something waits; the words for what follows."""
    file, later = file_of(config.outbox), "a running relay looks within 30 seconds"
    try:
        if await ask(socket_of(file, config.home), "POST", "/wake", list(sinks)) is not None:
            return "the relay that runs looks now"
    except OutboxError:
        return later
    # A database on a server may have a relay on another machine.
    return later if file is None else "no relay runs: see relay serve"


def existing_file(config: Config) -> Path:
    """The file of the outbox. Raises OutboxError if it is not there, or in no file."""
    path = file_of(config.outbox)
    if path is None:
        raise OutboxError("the outbox is in no file: pg_dump makes copies of it")
    with suppress(PermissionError):  # who opens it is told what to do
        if not path.exists():
            raise OutboxError(_missing(path))
    return path


def _missing(path: Path) -> str:
    """With where one may be that is meant."""
    told = f"there is no outbox {path.absolute()}: relay serve makes it"
    others = (Path(path.name).absolute(), SERVICE[1] / path.name)
    found = next((one for one in others if one != path.absolute() and os.path.exists(one)), None)
    if found is None:
        return told
    return f"{told}; there is {found}: if that is meant, write outbox: sqlite:{found}"


@asynccontextmanager
async def outbox_to_read(config: Config) -> AsyncIterator[Outbox]:
    """The outbox, if there is one, also where nothing can be written. Raises OutboxError."""
    if file_of(config.outbox) is not None:
        existing_file(config)
    async with view_outbox(config.outbox) as outbox:
        yield outbox


@asynccontextmanager
async def existing_outbox(config: Config) -> AsyncIterator[Outbox]:
    """The outbox to be changed, if there is one: to ask makes none. Raises OutboxError."""
    if file_of(config.outbox) is not None:
        existing_file(config)
    async with open_outbox(config.outbox) as outbox:
        yield outbox
