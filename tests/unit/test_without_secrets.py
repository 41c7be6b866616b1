"""Commands that look and send nothing need no secret; what they may not read is told with a fix."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from relay.config import load, load_without_secrets
from relay.errors import ConfigError
from relay.outbox import SQLiteOutbox
from tests.factories import accept, an_event

CONFIG = """\
outbox: sqlite:relay.db
proxy: http://${PROXY_PASSWORD}@proxy.example:3128
web: {password: "${PAGE}"}
hooks:
  alice: {secret: ["${ALICE}", "${BEFORE}"], server: "${SERVER}"}
  bob: {secret_file: secrets/bob}
sinks:
  discord: {type: discord, url: "${DISCORD}", timezone: "${ZONE}"}
  slack: {type: slack, url_file: secrets/slack}
  bot: {type: slack, token: "${BOT}", channel: "${CHANNEL}"}
  room: {type: matrix, homeserver: "${HOMESERVER}", room: "${ROOM}", token_file: secrets/matrix}
routes:
  - {to: [discord, slack, bot, room], match: {visibility: "${WHO}"}}
"""


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    outbox = SQLiteOutbox.open(tmp_path / "relay.db")
    await accept(outbox, an_event(), b'{"type": "test"}', {"discord": "#1", "room": "#1"}, now=0)
    await outbox.close()
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("sinks",),
        ("sinks", "--json"),
        ("sinks", "pause", "discord"),
        ("deliveries",),
        ("deliveries", "show", "1"),
        ("dead", "list"),
        ("dead", "list", "--json"),
        ("backup", "copy.db"),
    ],
    ids=" ".join,
)
def test_a_command_that_looks_works_without_secrets(
    relay: Any, folder: Path, command: tuple[str, ...]
) -> None:
    answer = relay(*command)
    assert (answer.code, answer.err) == (0, "")


def test_the_names_of_the_sinks_are_there(relay: Any, folder: Path) -> None:
    assert [one["sink"] for one in relay("sinks", "--json").json] == [
        "discord", "slack", "bot", "room"
    ]  # fmt: skip
    assert "did you mean discord?" in relay("sinks", "pause", "discrod").err


@pytest.mark.parametrize(
    "command", [("check",), ("send-test", "--sink", "room"), ("route", "note")]
)
def test_other_commands_tell_all_that_is_missing(
    relay: Any, folder: Path, command: tuple[str, ...]
) -> None:
    answer = relay(*command)
    assert answer.code == 2
    for name in ("PROXY_PASSWORD", "PAGE", "ALICE", "BEFORE", "DISCORD", "BOT", "ROOM", "WHO"):
        assert f"the environment variable {name} is not set" in answer.err


def test_a_mistake_of_another_kind_is_one_without_secrets_too(folder: Path) -> None:
    file = folder / "config.yaml"
    file.write_text(CONFIG.replace("type: slack, url_file", "type: slakc, url_file"), "utf-8")
    with pytest.raises(ConfigError, match=r"sinks\.slack\.type: should be .* did you mean slack\?"):
        load_without_secrets(file, environ={})


def test_where_the_outbox_is_nobody_can_guess(folder: Path) -> None:
    file = folder / "config.yaml"
    file.write_text(CONFIG.replace("sqlite:relay.db", "${OUTBOX}"), "utf-8")
    with pytest.raises(ConfigError, match=r"1:1: outbox: the environment variable OUTBOX"):
        load_without_secrets(file, environ={})


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Root may read everything, so tests that root starts become nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user gets into."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "config.yaml").write_text("hooks: {h: {secret_file: secrets/alice}}\n", "utf-8")
    (folder / "config.yaml").chmod(0o644)
    (folder / "secrets").mkdir(mode=0o755)
    (folder / "secrets").chmod(0o755)
    (folder / "secrets" / "alice").write_text("a-secret-of-alice", "utf-8")
    yield folder
    (folder / "secrets").chmod(0o755)
    shutil.rmtree(folder)


def refused(folder: Path) -> str:
    with suppress(ConfigError):  # all that is imported on the way: nobody may not read that here
        load(folder / "config.yaml", environ={})
    with as_somebody_else(), pytest.raises(ConfigError) as caught:
        load(folder / "config.yaml", environ={})
    return str(caught.value)


def test_a_secret_that_may_not_be_read_is_told_with_file_user_and_fix(open_folder: Path) -> None:
    file = open_folder / "secrets" / "alice"
    file.chmod(0o000)
    told = refused(open_folder)
    assert f"hooks.h.secret: {file} cannot be read by the user " in told
    assert re.search(rf": chown \S+ {re.escape(str(file))}, or let systemd", told)


def test_a_folder_of_secrets_that_lets_nobody_in_is_told(open_folder: Path) -> None:
    folder = open_folder / "secrets"
    folder.chmod(0o600)
    assert f"hooks.h.secret: the folder {folder} is closed to the user " in refused(open_folder)


def test_a_configuration_that_may_not_be_read_is_told_with_user_and_fix(open_folder: Path) -> None:
    file = open_folder / "config.yaml"
    file.chmod(0o000)
    assert f"{file}: cannot be read: {file} cannot be read by the user " in refused(open_folder)
