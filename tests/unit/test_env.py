"""Variables, and files of secrets: as they are named, or as systemd passes them on."""

from pathlib import Path

import pytest

from relay.config import load
from relay.config.env import MAX_SECRET, UnreadError, content, credential, filled, place

ENVIRON = {"NAME": "value", "EMPTY": "", "BRACES": "${NAME}"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("${NAME}", "value", id="a variable"),
        pytest.param("a ${NAME} b ${NAME}", "a value b value", id="in the middle, and twice"),
        pytest.param("${UNSET:-text}", "text", id="a default"),
        pytest.param("${NAME:-text}", "value", id="a default that is not needed"),
        pytest.param("${EMPTY:-text}", "text", id="a default for an empty one"),
        pytest.param("${UNSET:-}", "", id="an empty default"),
        pytest.param("${UNSET:-a:-b}", "a:-b", id="a default with a colon"),
        pytest.param("$${NAME}", "${NAME}", id="a literal one"),
        pytest.param("${BRACES}", "${NAME}", id="what a variable holds is not read again"),
        pytest.param("costs $5", "costs $5", id="a dollar"),
        pytest.param("(foo|bar)$", "(foo|bar)$", id="the end in a regular expression"),
        pytest.param("$", "$", id="a dollar alone"),
        pytest.param("$lower", "$lower", id="a small name without braces"),
    ],
)
def test_variables_are_put_in(text, meant):
    assert filled(text, ENVIRON) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("${UNSET}", "the environment variable UNSET is not set", id="not set"),
        pytest.param("a${EMPTY}", "the environment variable EMPTY is empty", id="empty"),
        pytest.param("${NA-ME}", "begins a variable", id="no name"),
        pytest.param("${1A}", "begins a variable", id="a digit first"),
        pytest.param("${}", "begins a variable", id="no name at all"),
        pytest.param("${NAME", "begins a variable", id="not closed"),
        pytest.param("${NÄME}", "begins a variable", id="a letter that names do not have"),
        pytest.param("$NAME", r"a variable is written \$\{NAME\}", id="no braces"),
    ],
)
def test_what_is_no_variable_is_told(text, why):
    with pytest.raises(UnreadError, match=why):
        filled(text, ENVIRON)


def test_a_file_gives_its_text(tmp_path):
    (tmp_path / "file").write_text("  s3cret \n\n", encoding="utf-8")
    assert content(tmp_path / "file") == "s3cret"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"s3cret\xff", "the file is not UTF-8 text", id="not text"),
        pytest.param(b"\n", "the file is empty", id="nothing"),
    ],
)
def test_a_file_that_holds_no_secret_is_told_without_its_text(tmp_path, raw, why):
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(UnreadError) as error:
        content(tmp_path / "file")
    assert str(error.value) == why


def test_what_is_no_file_is_told_without_its_name(tmp_path):
    # Who confuses `secret_file` and `secret` writes the secret itself there.
    for name in ("s3cret", ".", "s3cret\0", "s" * 5000):
        with pytest.raises(UnreadError, match=r"^the file cannot be read: ") as error:
            content(tmp_path / name)
        assert "s3cret" not in str(error.value)


def test_an_endless_file_is_read_to_a_limit(tmp_path):
    (tmp_path / "file").write_text("a" * (MAX_SECRET + 10), encoding="utf-8")
    assert len(content(tmp_path / "file")) == MAX_SECRET


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
