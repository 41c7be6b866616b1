"""``relay matrix login``, as far as it needs no real homeserver."""

import io
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.cli import main as cli
from relay.secret import Secret
from relay.sinks.http import open_session
from relay.sinks.matrix.crypto.login import Credentials, Login, LoginError, log_in

HOMESERVER = "https://matrix.example"
LOGIN = ["matrix", "login", "--homeserver", HOMESERVER]


@pytest.fixture
def logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked of the homeserver, which takes every login; the folder is a new one."""
    asked: list[dict[str, Any]] = []

    async def logged_in(homeserver: str, credentials: Credentials, **options: Any) -> Login:
        asked.append({"homeserver": homeserver, "proof": credentials.proof, **options})
        return Login("@bot:matrix.example", Secret("t0psecret"), Secret("relaykeys1.t0psecret"))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relay.cli.matrix.logged_in", logged_in)
    return asked


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_the_password_comes_from_standard_input_and_is_not_shown(
    logins: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    type_in(monkeypatch, "pass word \n")
    assert cli.main([*LOGIN, "--user", "bot", "--folder", "here/secrets", "--name", "mods"]) == 0
    (asked,) = logins
    assert asked["proof"]["password"] == "pass word "
    assert asked["proof"]["identifier"] == {"type": "m.id.user", "user": "bot"}
    assert Path("here/secrets/mods").read_text(encoding="utf-8") == "t0psecret\n"
    assert Path("here/secrets/mods-keys").read_text(encoding="utf-8") == "relaykeys1.t0psecret\n"
    printed = capsys.readouterr()
    assert "keys_file: here/secrets/mods-keys" in printed.out
    assert "pass word" not in printed.out + printed.err
    assert "t0psecret" not in printed.out + printed.err


@pytest.mark.parametrize(
    "typed", ["t0ken", "http://localhost/relay?loginToken=t0ken", "http://h/?a=b&loginToken=t0ken"]
)
def test_a_single_sign_on_ends_at_an_address_with_the_token(
    logins: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: Any, typed: str
) -> None:
    type_in(monkeypatch, f"{typed}\n")
    assert cli.main([*LOGIN, "--sso"]) == 0
    assert logins[0]["proof"] == {"type": "m.login.token", "token": "t0ken"}
    address = f"{HOMESERVER}/_matrix/client/v3/login/sso/redirect?redirectUrl=http%3A%2F%2Flocal"
    assert address in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "typed", "error"),
    [
        pytest.param([], "x", "--user is missing", id="no user"),
        pytest.param(["--user", "bot"], "", "there is no secret on", id="no password"),
        pytest.param(["--user", "bot", "--homeserver", "@bot:matrix.example"], "x",
                     "--homeserver: is an account or a room", id="no homeserver"),
        pytest.param(["--user", "bot", "--homeserver", "http://matrix.example"], "x",
                     "--homeserver: must be https", id="an open way"),
    ],
)  # fmt: skip
def test_wrong_usage_logs_nobody_in(
    logins: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    options: list[str],
    typed: str,
    error: str,
) -> None:
    type_in(monkeypatch, typed)
    assert cli.main([*LOGIN, *options]) == 2
    assert error in capsys.readouterr().err
    assert logins == []
    assert not Path("secrets").exists()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(None, "earlier: cannot be read: No such file", id="no file"),
        pytest.param("t0psecret", "earlier: should be the keys of relay's device", id="no keys"),
        pytest.param("relaykeys1.AAAA", "earlier: is damaged", id="a part of them"),
    ],
)
def test_keys_of_an_earlier_login_are_read_before_anybody_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    content: str | None,
    error: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("earlier").write_text(content, encoding="utf-8")
    type_in(monkeypatch, "password\n")
    assert cli.main([*LOGIN, "--user", "bot", "--identity", "earlier"]) == 2
    printed = capsys.readouterr().err
    assert error in printed
    assert "t0psecret" not in printed


def test_a_folder_that_cannot_be_written_is_noticed_before_the_login(
    logins: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    Path("taken").write_text("a file", encoding="utf-8")
    type_in(monkeypatch, "password\n")
    assert cli.main([*LOGIN, "--user", "bot", "--folder", "taken"]) == 2
    assert "taken: cannot be written" in capsys.readouterr().err
    assert logins == []


@pytest.mark.parametrize("is_token", [False, True])
async def test_no_header_has_what_the_login_takes(
    aiohttp_server: AiohttpServer, is_token: bool
) -> None:
    requests = list[tuple[str, str | None]]()

    async def answer(request: web.Request) -> web.Response:
        requests.append((request.path, request.headers.get("Authorization")))
        session = {"user_id": "@bot:a", "device_id": "D", "access_token": "new"}
        is_login = request.path.endswith("/login")
        return web.json_response(session if is_login else {}, status=200 if is_login else 403)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    base = str((await aiohttp_server(app)).make_url(""))
    async with open_session() as session:
        with pytest.raises(LoginError):
            await log_in(base, Credentials("bot", Secret("t0psecret"), is_token=is_token), session)
    login, *others = requests
    assert login == ("/_matrix/client/v3/login", None)
    assert {header for _, header in others} == {"Bearer new"}


def test_without_its_library_it_says_how_to_install_it(
    logins: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main([*LOGIN, "--user", "bot"]) == 2
    assert capsys.readouterr().err.startswith(
        "relay matrix login needs the extra [encryption]: pip install '.[encryption]'"
    )
    assert logins == []
