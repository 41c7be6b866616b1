"""A secret's file is found where systemd put it, under the name that systemd gives it."""

from pathlib import Path

import pytest

from relay.config import load
from relay.config.env import credential, place

ETC = Path("/etc/relay")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        pytest.param("/etc/relay/alice", "alice", id="beside the configuration"),
        pytest.param("/etc/relay/secrets/alice", "secrets_alice", id="in a folder there"),
        pytest.param("/etc/relay/x/../alice", "alice", id="by a detour"),
        pytest.param("/run/secrets/alice", "run_secrets_alice", id="elsewhere"),
    ],
)
def test_a_credential_is_named_as_systemd_names_the_files_of_a_folder(file: str, name: str) -> None:
    assert credential(Path(file), base=ETC) == name


def test_a_file_is_where_its_name_says_unless_systemd_has_handed_it_over(tmp_path: Path) -> None:
    (tmp_path / "secrets_alice").touch()
    handed = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert place("secrets/alice", base=ETC, environ={}) == ETC / "secrets/alice"
    assert place("secrets/alice", base=ETC, environ=handed) == tmp_path / "secrets_alice"
    assert place("secrets/bob", base=ETC, environ=handed) == ETC / "secrets/bob"
    assert place("a\0b", base=ETC, environ=handed) == ETC / "a\0b"


def test_one_configuration_serves_the_shell_and_systemd(tmp_path: Path) -> None:
    config, closed, handed = (tmp_path / name for name in ("config.yaml", "secrets", "handed"))
    config.write_text("hooks: {alice: {secret_file: secrets/alice}}", encoding="utf-8")
    for folder, name, text in ((closed, "alice", "shell"), (handed, "secrets_alice", "systemd")):
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
    for environ, text in (({}, "shell"), ({"CREDENTIALS_DIRECTORY": str(handed)}, "systemd")):
        found = load(config, environ=environ)
        assert found.hooks["alice"].secret[0].reveal() == text
