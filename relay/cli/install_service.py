"""``install-service``: print a systemd unit with the paths of this installation."""

import os
import shlex
import stat
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

from relay.cli.context import config_path
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add
from relay.config import credential, outbox_of, secret_files
from relay.outbox import file_of
from relay.resources import resource

# The paths in deploy/relay.service.
COMMAND = "/opt/relay/.venv/bin/relay"
FOLDER = "/etc/relay"
STATE = "/var/lib/relay"
SECRETS = f"LoadCredential=secrets:{FOLDER}/secrets"


def template() -> str:
    """The unit as it is in deploy/."""
    return resource("deploy/relay.service").read_text(encoding="utf-8")


def install_service(args: Namespace) -> int:
    config = config_path(args.config).absolute()
    program = Path(sys.prefix, "bin", "relay")
    command = [str(program)] if program.exists() else [sys.executable, "-m", "relay"]
    echo(unit(command, config, secret_files(config)).rstrip("\n"))
    outbox = file_of(outbox_of(config))
    if outbox is not None and not outbox.is_absolute() and config.parent != Path(FOLDER):
        warn(
            f"warning: the service keeps its outbox in {STATE}, and commands look for it next to "
            f"the configuration: write outbox: sqlite:{STATE}/{outbox} into {config}"
        )
    for path in dict.fromkeys(closed([Path(command[0]), Path(sys.executable), config])):
        warn(
            f"warning: the service's own user cannot read {path}: "
            "install relay where everybody can read it, as in /opt/relay, and its configuration in "
            f"{FOLDER}; secrets stay private, because systemd passes them on"
        )
    return 0


def unit(command: Iterable[str], config: Path, secrets: Iterable[Path]) -> str:
    """The unit that runs ``command`` with a configuration and its files with secrets."""
    lines = dict.fromkeys(_credentials(config.parent, secrets))
    paths = {
        f"{COMMAND} serve --config {FOLDER}/config.yaml": " ".join(
            _quoted(word) for word in (*command, "serve", "--config", str(config))
        ),
        SECRETS: "\n".join(lines)
        or f"# LoadCredential= is not needed: {config.name} names no files with secrets.",
        f"EnvironmentFile=-{FOLDER}/": f"EnvironmentFile=-{_escaped(config.parent)}/",
    }
    text = template()
    for original, replacement in paths.items():
        text = text.replace(original, replacement)
    return text


def _credentials(folder: Path, secrets: Iterable[Path]) -> Iterator[str]:
    """A line for the folder `secrets`, and one for each file elsewhere."""
    for secret in secrets:
        file = Path(os.path.normpath(secret))
        if file.parent == folder / "secrets":
            yield f"LoadCredential=secrets:{_escaped(file.parent)}"
        else:
            yield f"LoadCredential={credential(file, base=folder)}:{_escaped(file)}"


def _escaped(path: Path) -> str:
    """https://www.freedesktop.org/software/systemd/man/systemd.unit.html#Specifiers"""
    return str(path).replace("%", "%%")


def _quoted(word: str) -> str:
    return shlex.quote(word.replace("%", "%%").replace("$", "$$"))


def closed(paths: Iterable[Path]) -> Iterator[Path]:
    """The files and folders on the way to each path that other users cannot read or enter."""
    for path in paths:
        for way in (path, path.resolve()):
            for step in (*reversed(way.parents), way):
                mode = step.stat().st_mode
                needed = stat.S_IXOTH if step.is_dir() else stat.S_IROTH
                if not mode & needed:
                    yield step


def add_command(commands: Commands) -> None:
    add(
        commands,
        "install-service",
        install_service,
        about="print a systemd unit that runs this installation",
        example="relay install-service > /etc/systemd/system/relay.service",
    )
