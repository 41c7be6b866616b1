"""Requests by a proxy: all of relay's own take the same decision, and none tells its password."""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.outcome import Cause, Failed, Outcome, Sent
from relay.secret import Secret
from relay.sinks.http import PROXY_REFUSES, open_session
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.proxy import proxies
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Message
from tests import chats
from tests.fakes.discord import FakeDiscord
from tests.fakes.proxy import FakeProxy

HELLO = Message()
PASSWORD = "me:pass-Word_1"


@pytest.fixture
async def proxy() -> AsyncIterator[FakeProxy]:
    async with FakeProxy().running() as fake:
        yield fake


@pytest.fixture
async def strict_proxy() -> AsyncIterator[FakeProxy]:
    async with FakeProxy(password=PASSWORD).running() as fake:
        yield fake


class Chat:
    """Takes every message of every chat, and notes the headers."""

    def __init__(self) -> None:
        self.heads: list[Mapping[str, str]] = []
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.heads.append(request.headers)
        if request.path.startswith("/services/"):
            return web.Response(text="ok")
        if request.path.startswith("/_matrix/"):
            if request.method == "GET":
                return web.json_response({"errcode": "M_NOT_FOUND", "error": "none"}, status=404)
            return web.json_response({"event_id": "$1"})
        return web.json_response({"ok": True, "ts": "1.1", "channel": "C1"})


@pytest.fixture
async def chat(aiohttp_server: AiohttpServer) -> tuple[Chat, str]:
    fake = Chat()
    return fake, str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")


def sinks(base: str) -> list[Any]:
    matrix = {"type": "matrix", "homeserver": base, "room": "!a", "token": "t", "emojis": "names"}
    return [
        SlackSettings.model_validate({"type": "slack", "url": f"{base}/services/T/B/x"}),
        SlackSettings.model_validate(
            {"type": "slack", "token": "xoxb-1", "channel": "C1", "api_base": f"{base}/api/"}
        ),
        MatrixSettings.model_validate(matrix),
    ]


async def sent(
    sink: Any, setting: str | Secret, environ: Mapping[str, str] | None = None
) -> Outcome:
    async with open_session(proxies(setting, environ or {})) as session:
        outcome: Outcome = await chats.send(sink, [HELLO], key="1", session=session)
        return outcome


@pytest.mark.parametrize("which", range(3))
async def test_every_sink_takes_the_proxy(
    proxy: FakeProxy, chat: tuple[Chat, str], which: int
) -> None:
    _, base = chat
    assert isinstance(await sent(sinks(base)[which], "env", {"http_proxy": proxy.url}), Sent)
    assert proxy.asked
    assert all(f" {base}/" in one for one in proxy.asked)


@pytest.mark.parametrize("which", range(3))
async def test_no_sink_takes_it_where_no_proxy_says_so(
    proxy: FakeProxy, chat: tuple[Chat, str], which: int
) -> None:
    environ = {"HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.0/8"}
    assert isinstance(await sent(sinks(chat[1])[which], "env", environ), Sent)
    assert isinstance(await sent(sinks(chat[1])[which], "none", {"HTTP_PROXY": proxy.url}), Sent)
    assert proxy.asked == []


async def test_a_password_goes_to_the_proxy_and_no_further(
    strict_proxy: FakeProxy, chat: tuple[Chat, str]
) -> None:
    fake, base = chat
    setting = Secret(strict_proxy.url_with_password)
    assert isinstance(await sent(sinks(base)[0], setting), Sent)
    assert "Proxy-Authorization: Basic " in strict_proxy.heads[0]
    assert not any("Authorization" in head for one in fake.heads for head in one)


async def test_a_proxy_that_wants_another_password_closes_no_sink(
    strict_proxy: FakeProxy, chat: tuple[Chat, str]
) -> None:
    setting = Secret(strict_proxy.url.replace("//", "//me:wrong-Word_1@"))
    for sink in sinks(chat[1]):
        assert await sent(sink, setting) == Failed(PROXY_REFUSES, unsent=True)
    https = sinks("https://chat.example")[2]
    assert await sent(https, setting) == Failed(PROXY_REFUSES, unsent=True)
    assert chat[0].heads == []


@pytest.mark.parametrize("status", [403, 502, 503])
async def test_a_proxy_that_does_not_connect_is_named(status: int) -> None:
    async with FakeProxy(status=status).running() as proxy:
        outcome = await sent(sinks("https://chat.example")[2], "env", {"ALL_PROXY": proxy.url})
    assert outcome == Failed(f"the proxy does not connect: {status} No", unsent=True)
    assert set(proxy.asked) == {"CONNECT chat.example:443"}


@pytest.mark.parametrize("base", ["https://chat.example", "http://127.0.0.1:9"])
async def test_a_proxy_that_cannot_be_reached_is_named(base: str, unused_tcp_port: int) -> None:
    setting = Secret(f"http://127.0.0.1:{unused_tcp_port}")
    for sink in sinks(base):
        outcome = await sent(sink, setting)
        assert isinstance(outcome, Failed)
        assert not outcome.ambiguous
        assert outcome.reason == "the proxy: connection refused"
        assert outcome.cause is Cause.PROXY


def certificate(folder: Path) -> Path:
    """A file with a key, and a certificate of this machine that nobody has signed."""
    file = folder / "cert.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=chat.example".split()
    subprocess.run(
        [*command, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"),
         "-out", str(file)],
        check=True, capture_output=True,
    )  # fmt: skip
    return file


@pytest.fixture
def signed_by_nobody(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path), tmp_path / "key.pem")
    return context


@pytest.fixture
async def encrypted(aiohttp_server: AiohttpServer, signed_by_nobody: ssl.SSLContext) -> int:
    """The port of a chat that speaks TLS, with a certificate that nobody has signed."""
    return (await aiohttp_server(Chat().app, ssl=signed_by_nobody)).port or 0


async def test_tls_goes_through_the_proxy_to_the_chat_itself(
    proxy: FakeProxy, encrypted: int
) -> None:
    proxy.places["chat.example"] = ("127.0.0.1", encrypted)
    outcome = await sent(sinks("https://chat.example")[2], "env", {"HTTPS_PROXY": proxy.url})
    # The proxy sees no more than the name, and cannot be the chat: its certificate is looked at.
    assert outcome == Failed("its certificate is not trusted", unsent=True)
    assert set(proxy.asked) == {"CONNECT chat.example:443"}
    assert "Bearer" not in proxy.heads[0]


async def test_tls_to_the_chat_goes_inside_the_tls_of_the_proxy(
    signed_by_nobody: ssl.SSLContext, aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    chat = Chat()
    port = (await aiohttp_server(chat.app, ssl=signed_by_nobody)).port
    async with FakeProxy(password=PASSWORD).running(signed_by_nobody) as proxy:
        file = tmp_path / "config.yaml"
        file.write_text(
            f"proxy: https://{PASSWORD}@127.0.0.1:{proxy.port}\n"
            "sinks: {team: {type: slack, token: xoxb-1, channel: C0123456789,"
            f" api_base: 'https://127.0.0.1:{port}/api/'}}}}\n"
            "hooks: {h: {secret: a-long-secret-of-mine}}\nroutes: [{to: team}]\n",
            encoding="utf-8",
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", "send-test", "--sink", "team", "--config", str(file)),
            env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "cert.pem")},
        )
        assert await process.wait() == 0
    assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{port}"}
    assert "xoxb" not in "".join(proxy.heads)
    assert [head["Authorization"] for head in chat.heads] == ["Bearer xoxb-1"]


async def test_passwords_of_netrc_are_sent_to_nobody(
    proxy: FakeProxy, chat: tuple[Chat, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, base = chat
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password of-My-Own\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    await sent(sinks(base)[0], "env", {"HTTP_PROXY": proxy.url})
    assert "Authorization" not in proxy.heads[0]
    assert "Authorization" not in fake.heads[0]


@pytest.mark.parametrize("command", [["check", "--online"], ["send-test", "--sink", "team"]])
async def test_commands_take_the_proxy_of_the_configuration(
    strict_proxy: FakeProxy, fake_discord: FakeDiscord, command: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        f"proxy: {strict_proxy.url_with_password}\n"
        f"sinks: {{team: {{type: discord, url: '{fake_discord.url}'}}}}\n"
        "hooks: {h: {secret: a-long-secret-of-mine}}\nroutes: [{to: team}]\n",
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", *command, "--config", str(file)
    )
    assert await process.wait() == 0
    assert any(fake_discord.url in one for one in strict_proxy.asked)
