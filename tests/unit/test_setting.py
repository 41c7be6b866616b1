"""Commands find the configuration, and the outbox that belongs to it."""

from pathlib import Path

import pytest

from relay.commands.setting import existing_file, found_outbox, news
from relay.config import Config, outbox_of
from relay.errors import ConfigError, OutboxError


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A service's folders, with an outbox; we are elsewhere."""
    folders = tmp_path / "etc", tmp_path / "state"
    for folder in (*folders, tmp_path / "here"):
        folder.mkdir()
    (folders[1] / "relay.db").touch()
    monkeypatch.chdir(tmp_path / "here")
    return folders


def test_the_services_outbox_is_found_from_everywhere(service: tuple[Path, Path]) -> None:
    folder, state = service
    found = found_outbox("sqlite:relay.db", folder / "config.yaml", service=service)
    assert found == f"sqlite:{state}/relay.db"


def test_an_outbox_in_the_working_directory_comes_first(service: tuple[Path, Path]) -> None:
    Path("relay.db").touch()
    place = service[0] / "config.yaml"
    assert found_outbox("sqlite:relay.db", place, service=service) == "sqlite:relay.db"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("sqlite:/somewhere/relay.db", id="a whole path"),
        pytest.param("sqlite:other.db", id="one that is not there"),
        pytest.param("postgresql://relay@db.example/relay", id="one on a server"),
    ],
)
def test_another_outbox_stays_what_it_is(service: tuple[Path, Path], address: str) -> None:
    assert found_outbox(address, service[0] / "config.yaml", service=service) == address


def test_a_configuration_elsewhere_never_touches_the_services_outbox(
    service: tuple[Path, Path],
) -> None:
    place = Path("config.yaml")
    assert found_outbox("sqlite:relay.db", place, service=service) == "sqlite:relay.db"


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


@pytest.mark.parametrize(
    ("address", "where"),
    [
        (
            "sqlite:relay.db",
            "/here/relay.db: relay serve makes it, in the folder in which it is started",
        ),
        ("sqlite:/nowhere/relay.db", "/nowhere/relay.db: relay serve makes it"),
    ],
)
def test_who_looks_in_the_wrong_folder_is_told_where_relay_looks(
    service: tuple[Path, Path], address: str, where: str
) -> None:
    with pytest.raises(OutboxError) as error:
        existing_file(Config(outbox=address))
    assert str(error.value).endswith(where)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sqlite:relay.db", "no relay runs: see relay serve"),
        ("postgresql://relay@db.example/relay", "a running relay looks within 30 seconds"),
    ],
)
async def test_where_no_relay_answers_nothing_is_claimed_of_those_elsewhere(
    service: tuple[Path, Path], address: str, words: str
) -> None:
    assert await news(Config(outbox=address), ["team"]) == words
