"""Commands find the configuration, and the outbox that belongs to it."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from relay.cli.context import (
    check_misplaced_outbox,
    configuration,
    outbox_file,
    resolved_outbox,
    wake,
)
from relay.config import Config, outbox_of
from relay.errors import ConfigError, OutboxError
from relay.outbox import SQLiteOutbox


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A service's folders, with an outbox; we are elsewhere."""
    folders = tmp_path / "etc", tmp_path / "state"
    for folder in (*folders, tmp_path / "here"):
        folder.mkdir()
    (folders[1] / "relay.db").touch()
    monkeypatch.chdir(tmp_path / "here")
    return folders


def found(address: str, place: Path, service: tuple[Path, Path], **environ: str) -> str:
    return resolved_outbox(address, place, environ=environ, service=service)


@pytest.mark.parametrize("name", ["relay.db", "other.db", "data/relay.db"])
def test_the_services_outbox_is_found_from_everywhere(
    service: tuple[Path, Path], name: str
) -> None:
    folder, state = service
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).touch()  # what lies in the working directory is another's
    place = folder / "config.yaml"
    assert found(f"sqlite:{name}", place, service) == f"sqlite:{state}/{name}"


def test_an_outbox_is_beside_its_configuration(service: tuple[Path, Path], tmp_path: Path) -> None:
    place = tmp_path / "other" / "config.yaml"
    assert found("sqlite:relay.db", place, service) == f"sqlite:{tmp_path}/other/relay.db"
    assert found("sqlite:relay.db", Path("config.yaml"), service) == "sqlite:relay.db"
    assert found("sqlite:relay.db", Path("../x/c.yaml"), service) == "sqlite:../x/relay.db"


def test_under_systemd_it_is_in_the_state_directory(
    service: tuple[Path, Path], tmp_path: Path
) -> None:
    for place in (service[0] / "config.yaml", tmp_path / "config.yaml"):
        address = found("sqlite:relay.db", place, service, STATE_DIRECTORY="/a/b:/c")
        assert address == "sqlite:/a/b/relay.db"


def test_without_a_state_directory_that_of_the_configuration_is_taken(
    service: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = service[0]
    address = resolved_outbox(
        "sqlite:relay.db", folder / "config.yaml", environ={}, service=(folder, tmp_path / "none")
    )
    assert address == f"sqlite:{folder}/relay.db"


@pytest.mark.parametrize(
    "address", ["sqlite:/somewhere/relay.db", "postgresql://relay@db.example/relay"]
)
def test_a_whole_address_stays_what_it_is(service: tuple[Path, Path], address: str) -> None:
    place = service[0] / "config.yaml"
    assert found(address, place, service, STATE_DIRECTORY="/a/b") == address


# --- an outbox where earlier versions kept it


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A configuration elsewhere, and the outbox of an earlier version in the working directory."""
    (tmp_path / "here").mkdir()
    (tmp_path / "con fig").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    asyncio.run(SQLiteOutbox.open(Path("relay.db")).close())
    Path("relay.db.lock").touch()
    place = tmp_path / "con fig" / "config.yaml"
    place.write_text("sinks: {here: {type: console}}\nroutes: [{to: here}]\n", encoding="utf-8")
    return place, tmp_path / "here" / "relay.db"


def test_no_empty_outbox_begins_beside_one_of_an_earlier_version(
    installed: tuple[Path, Path],
) -> None:
    place, old = installed
    with pytest.raises(OutboxError, match="earlier versions kept it in the working dir") as error:
        check_misplaced_outbox(configuration(place), place)
    assert f"mv {old} {old}.lock '{place.parent}'/" in str(error.value)
    assert f"outbox: sqlite:{old}" in str(error.value)


def test_what_it_says_to_do_is_what_helps(installed: tuple[Path, Path]) -> None:
    place, old = installed
    with pytest.raises(OutboxError) as error:
        check_misplaced_outbox(configuration(place), place)
    (command,) = re.findall(r"then (mkdir .*)", str(error.value))
    subprocess.run(command, shell=True, check=True)
    assert not old.exists()
    check_misplaced_outbox(configuration(place), place)
    assert outbox_file(configuration(place)) == place.parent / "relay.db"


def test_an_outbox_that_is_in_its_place_is_used(installed: tuple[Path, Path]) -> None:
    place, _ = installed
    (place.parent / "relay.db").touch()
    check_misplaced_outbox(configuration(place), place)
    assert outbox_file(configuration(place)) == place.parent / "relay.db"


@pytest.mark.parametrize("written", ["sqlite:/nowhere/relay.db", "postgresql://relay@db/relay"])
def test_a_whole_address_has_nothing_to_do_with_the_working_directory(
    installed: tuple[Path, Path], written: str
) -> None:
    place, _ = installed
    place.write_text(f"{place.read_text()}outbox: {written}\n", encoding="utf-8")
    check_misplaced_outbox(configuration(place), place)
    assert configuration(place).outbox == written


def test_a_file_that_is_no_outbox_keeps_nobody_from_starting(
    installed: tuple[Path, Path],
) -> None:
    place, old = installed
    old.with_name("relay.db.lock").unlink()
    old.write_text("something else", encoding="utf-8")
    check_misplaced_outbox(configuration(place), place)
    assert old.read_text(encoding="utf-8") == "something else"


@pytest.mark.parametrize(
    ("text", "outbox"),
    [
        ("outbox: sqlite:/a/b.db\nhooks: {alice: {secret: '${NOT_SET}'}}", "sqlite:/a/b.db"),
        ("lisen: 1", "sqlite:relay.db"),
        ("outbox: mysql:x", "sqlite:relay.db"),
        ("", "sqlite:relay.db"),
        ("- a list", "sqlite:relay.db"),
    ],
)
def test_the_outbox_is_told_whatever_else_is_wrong(tmp_path: Path, text: str, outbox: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    assert outbox_of(file) == outbox


def test_no_outbox_is_told_of_what_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("outbox: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml:1:\d+: not YAML"):
        outbox_of(file)


def test_who_looks_in_the_wrong_folder_is_told_where_one_is(service: tuple[Path, Path]) -> None:
    with pytest.raises(OutboxError) as error:
        outbox_file(Config(outbox="sqlite:/nowhere/relay.db"))
    assert str(error.value) == "there is no outbox /nowhere/relay.db: relay serve creates it"
    Path("relay.db").touch()
    with pytest.raises(OutboxError) as error:
        outbox_file(Config(outbox="sqlite:/nowhere/relay.db"))
    here = Path("relay.db").absolute()
    assert f"if you mean {here}, write outbox: sqlite:{here}" in str(error.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sqlite:relay.db", "relay is not running: see relay serve"),
        ("postgresql://relay@db.example/relay", "a running relay continues within 30 seconds"),
    ],
)
async def test_where_no_relay_answers_nothing_is_claimed_of_those_elsewhere(
    service: tuple[Path, Path], address: str, words: str
) -> None:
    assert await wake(Config(outbox=address), ["team"]) == words
