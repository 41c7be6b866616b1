"""What init writes is right, closed to others, and never in place of something else."""

import re
import stat
import sys
from pathlib import Path

import pytest

from relay.cli import main as cli
from relay.cli.init_presets import PRESETS
from relay.config import load

ANSWERS = {
    "server": "https://misskey.example",
    "address": "https://relay.example",
    "homeserver": "https://matrix.example",
    "room": "#moderators:matrix.example",
    "url": "https://chat.example/webhooks/1/t0psecret",
    "token": "t0psecret",
}
SECRETS = {
    "mentions": "https://chat.example/webhooks/1/t0psecret",
    "notes": "https://chat.example/t0psecret",
    "reports": "t0psecret",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answer").touch()
    return tmp_path


def arguments(use: str, **changes: str) -> list[str]:
    """All answers to the questions of a use, as options."""
    given = ["init", "--use", use, "--no-wait"]
    if not Path("answer").read_bytes():
        Path("answer").write_text(f"{SECRETS[use]}\n", encoding="utf-8")
    for key, answer in (ANSWERS | changes).items():
        if key in {"server", "address"}:
            given += [f"--{key}", answer]
        for question in PRESETS[use].questions:
            if question.key == key:
                given += [f"--{key}-file", "answer"] if question.is_secret else [f"--{key}", answer]
    return given


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("use", PRESETS)
def test_what_is_written_is_a_configuration_without_a_warning(folder, capsys, use):
    assert cli.main(arguments(use)) == 0
    config = load(Path("config.yaml"))
    assert config.warnings == ()
    assert list(config.hooks) == [use]
    assert config.hooks[use].server == ANSWERS["server"]
    assert [route.to for route in config.compiled_routes()] == [(PRESETS[use].sink,)]
    assert "https://relay.example/hooks/" + use in capsys.readouterr().out


@pytest.mark.parametrize("use", PRESETS)
def test_secrets_are_in_files_that_only_their_owner_reads(folder, capsys, use):
    cli.main(arguments(use))
    assert "t0psecret" not in Path("config.yaml").read_text(encoding="utf-8")
    assert mode(Path("secrets")) == 0o700
    assert {path.name for path in Path("secrets").iterdir()} == {use, PRESETS[use].sink}
    assert {mode(path) for path in Path("secrets").iterdir()} == {0o600}
    made = Path("secrets", use).read_text(encoding="utf-8").strip()
    answer = capsys.readouterr()
    assert made not in answer.out + answer.err  # it is shown on a terminal only


def test_misskeys_secret_is_strong_plain_and_new_each_time(folder):
    made = set()
    for name in ("one", "two"):
        cli.main([*arguments("mentions"), "--config", f"{name}/config.yaml"])
        made.add(Path(name, "secrets", "mentions").read_text(encoding="utf-8").strip())
    assert len(made) == 2
    assert all(re.fullmatch("[0-9a-f]{48}", one) for one in made)


@pytest.mark.parametrize("name", ["config.yaml", "secrets/mentions", "secrets/discord"])
def test_nothing_is_overwritten(folder, capsys, name):
    file = Path(name)
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine", encoding="utf-8")
    assert cli.main(arguments("mentions")) == 2
    assert capsys.readouterr().err == f"{name} exists, and init overwrites nothing\n"
    assert file.read_text(encoding="utf-8") == "mine"
    others = {path for path in folder.rglob("*") if path.is_file()}
    assert others == {folder / "answer", folder / name}


@pytest.mark.parametrize(
    ("use", "changes", "told"),
    [
        pytest.param("mentions", {"server": "misskey"}, "--server: should be an", id="no address"),
        pytest.param("mentions", {"address": "x"}, "--address: should be an", id="no way in"),
        pytest.param("reports", {"room": "mods"}, "--room: should be a room id", id="no room"),
        pytest.param("reports", {"homeserver": "http://m"}, "must be https", id="an open way"),
        pytest.param("reports", {"room": '#a":b'}, "without", id="what ends a text of YAML"),
        pytest.param("reports", {"room": "#${A}:b"}, "without", id="a variable"),
        pytest.param("reports", {"room": "#a:b\nx: y"}, "one line", id="two lines"),
    ],
)
def test_a_wrong_answer_writes_nothing(folder, capsys, use, changes, told):
    assert cli.main(arguments(use, **changes)) == 2
    assert told in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["answer"]


def test_an_answer_to_what_nobody_asks_is_told(folder, capsys):
    assert cli.main([*arguments("mentions"), "--room", "#a:b"]) == 2
    assert capsys.readouterr().err == "--room is not for mentions\n"


def test_a_wrong_secret_is_told_without_it(folder, capsys):
    Path("answer").write_text("http://chat.example/webhooks/1/t0psecret", encoding="utf-8")
    assert cli.main(arguments("mentions")) == 2
    told = capsys.readouterr().err
    assert told.startswith("--url-file: must be https")
    assert "t0psecret" not in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param([], "choose a purpose: --use mentions, --use notes", id="the use"),
        pytest.param(["--use", "notes"], "--server is missing", id="an answer"),
    ],
)
def test_without_a_terminal_what_is_missing_is_told(folder, capsys, given, told):
    assert cli.main(["init", *given]) == 2
    assert told in capsys.readouterr().err


def test_on_a_terminal_it_asks_until_an_answer_is_right(folder, capsys, monkeypatch):
    typed = iter(["4", "3", "misskey", *(ANSWERS[it] for it in ("server", "homeserver")), "mods"])
    rest = iter([ANSWERS["room"], "bot", ANSWERS["address"]])
    logins = []

    def with_login(answers):
        logins.append((answers["homeserver"], answers["user"], answers["password"]))
        return {**answers, "token": "t0psecret", "keys": "relaykeys1.e30="}

    monkeypatch.setattr("relay.cli.init.with_login", with_login)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda ask: next(typed, None) or next(rest))
    monkeypatch.setattr("getpass.getpass", lambda ask: "t0psecret")
    assert cli.main(["init", "--no-wait"]) == 0
    told = capsys.readouterr()
    assert "t0psecret" not in told.out + told.err
    assert told.err.count("it should be") == 2
    config = load(Path("config.yaml"))
    assert config.sinks["matrix"].room == ANSWERS["room"]
    assert logins == [(ANSWERS["homeserver"], "bot", "t0psecret")]
    assert config.sinks["matrix"].keys.reveal() == "relaykeys1.e30="
    assert mode(Path("secrets", "matrix-keys")) == 0o600


def test_without_the_extra_it_asks_for_a_token_and_says_how_to_install_it(
    folder, capsys, monkeypatch
):
    monkeypatch.setattr("relay.cli.init.missing_extra", lambda: "needs the extra [encryption]: pip")
    options = arguments("reports")
    start = options.index("--token-file")
    del options[start : start + 2]
    assert cli.main(options) == 2
    told = capsys.readouterr().err
    assert told.startswith("Writing in encrypted rooms needs the extra [encryption]: pip")
    assert "--token-file is missing" in told
