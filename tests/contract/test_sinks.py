"""
What holds for every sink: its sends arrive, once; their outcomes are honest; no secret shows.

The strict fakes stand for Discord and Slack, a homeserver of a few lines for Matrix: a real one
cannot fail on demand. `test_sinks_matrix.py` has the real one.
"""

import asyncio
import gzip
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sized
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.outcome import Cause, Closed, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.secret import Secret
from relay.sinks.base import SinkSettings
from relay.sinks.console import ConsoleSettings
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.errors import MAX_PAUSE, MIN_PAUSE
from relay.sinks.http import MAX_ANSWER, open_session
from relay.sinks.matrix import client as matrix
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.proxy import proxies
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Message, plain_form
from relay.text.tree import Link, Text
from tests import chats
from tests.fakes import faults
from tests.fakes.discord import FakeDiscord
from tests.fakes.faults import STORED, Fault, Faults
from tests.fakes.records import without_id
from tests.fakes.slack import FakeSlack

SECRET = "kX9-the-secret-of-this-sink-Q"
HELLO = Message(title=(Text("hello"),), body=(Text("<@1> & <!channel> @everyone"),))
LINKED = Message(title=(Text("t"),), url="http://localhost/n", body=(Link("mailto:", ()),))
PATIENT = aiohttp.ClientTimeout(total=60)  # a loaded machine is no bug
IMPATIENT = aiohttp.ClientTimeout(total=60, sock_read=2)
KINDS = ("discord", "webhook", "bot", "matrix")


def sink_at(kind: str, base: str, secret: str = SECRET, channel: str = "C1") -> Any:
    """A sink of one kind whose vendor is at ``base``."""
    if kind == "discord":
        return DiscordSettings(type="discord", url=f"{base}/api/webhooks/1/{secret}")
    if kind == "webhook":
        return SlackSettings(type="slack", url=f"{base}/services/T00000001/B00000001/{secret}")
    if kind == "bot":
        return SlackSettings(type="slack", token=secret, channel=channel, api_base=f"{base}/api/")
    return MatrixSettings(type="matrix", homeserver=base, token=secret, room="!a")


class Homeserver:
    """As much of one as a sink asks for; its faults meet only messages."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.events: dict[str, str] = {}
        self.app = web.Application()
        self.app.on_shutdown.append(self.faults.close)
        base = "/_matrix/client/v3"
        member = f"{base}/rooms/{{room}}/state/m.room.member/{{user}}"
        self.app.router.add_get(f"{base}/rooms/{{room}}/state/m.room.encryption/", self._plain)
        self.app.router.add_get(f"{base}/account/whoami", self._whoami)
        self.app.router.add_get(member, self._member)
        self.app.router.add_put(f"{base}/rooms/{{room}}/send/m.room.message/{{key}}", self._put)

    async def _plain(self, request: web.Request) -> web.Response:
        return web.json_response({"errcode": "M_NOT_FOUND"}, status=404)

    async def _whoami(self, request: web.Request) -> web.Response:
        return web.json_response({"user_id": "@bot:m.example"})

    async def _member(self, request: web.Request) -> web.Response:
        return web.json_response({"membership": "join"})

    async def _put(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        return await self.faults.middleware(request, self._store)

    async def _store(self, request: web.Request) -> web.Response:
        await request.read()
        request[STORED] = True
        event = self.events.setdefault(request.match_info["key"], f"${len(self.events)}")
        return web.json_response({"event_id": event})


@dataclass
class Seam:
    """A sink, and its vendor's server as far as a test needs it."""

    kind: str
    sink: Any
    secret: str
    faults: Faults
    requests: list[tuple[str, str]]
    events: Sized
    """What was stored."""
    keys: Iterator[str] = field(default_factory=lambda: map(str, range(1000)))

    @property
    def arrived(self) -> int:
        return len(self.events)

    @property
    def sends(self) -> int:
        """How many requests have come that were to store a message."""
        return sum(method in {"POST", "PUT"} for method, _ in self.requests)


@pytest.fixture(autouse=True)
def secrets(caplog: pytest.LogCaptureFixture) -> Iterator[set[str]]:
    """What no log line of any library may have in it, at any level."""
    caplog.set_level(logging.DEBUG)
    found = {SECRET}
    yield found
    for record in caplog.get_records("call"):
        if record.name != "aiohttp.access":  # the line of the server under test
            shown = f"{record.getMessage()} {vars(record)}"
            assert not [secret for secret in found if secret in shown]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def seam(kind: str, aiohttp_server: AiohttpServer, secrets: set[str]) -> Seam:
    fake: Any = Homeserver()
    if kind == "discord":
        fake = FakeDiscord(
            webhook_limit=None, channel_limit=None, global_limit=None, invalid_limit=None
        )
    elif kind != "matrix":
        fake = FakeSlack(rate=None)
    fake.base_url = base = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    if kind == "matrix":
        sink, secret = sink_at("matrix", base), SECRET
    elif kind == "bot":
        sink, secret = sink_at("bot", base, fake.token, fake.channel), fake.token
    else:
        sink, secret = sink_at(kind, base), fake.url.rsplit("/", 1)[1]
        sink = sink.model_copy(update={"url": Secret(fake.url)})
    secrets.add(secret)
    events = fake.events if kind == "matrix" else fake.accepted
    return Seam(kind, sink, secret, fake.faults, fake.requests, events)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(timeout=PATIENT) as session:
        yield session


async def send(sink: SinkSettings, session: aiohttp.ClientSession, key: str = "1") -> Outcome:
    """Send HELLO; the outcome, which shows nothing."""
    outcome = without_id(await chats.send(sink, [HELLO], key=key, session=session))
    assert SECRET not in repr(outcome)
    return outcome


# --- arrivals


async def test_sends_arrive_each_with_one_request(
    seam: Seam, session: aiohttp.ClientSession
) -> None:
    messages = [HELLO, LINKED, Message(), plain_form(HELLO), plain_form(LINKED)]
    for number, message in enumerate(messages):
        outcome = await chats.send(seam.sink, [message], key=str(number), session=session)
        assert isinstance(outcome, Sent)
    assert (seam.arrived, seam.sends) == (len(messages), len(messages))


async def test_the_console_prints(
    session: aiohttp.ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = ConsoleSettings(type="console")
    strange = Message(title=(Text("a\ud800b\x1b[31m"),))
    for message in (HELLO, LINKED, Message(), plain_form(HELLO), strange):
        assert isinstance(await chats.send(sink, [message], key="1", session=session), Sent)
    printed = capsys.readouterr().out
    assert "hello" in printed
    assert "\x1b" not in printed
    assert await chats.opened(sink, session).check() is None


async def test_a_terminal_that_has_gone_is_a_failure(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w")
    monkeypatch.setattr("sys.stdout", gone)
    outcome = await chats.send(ConsoleSettings(type="console"), [HELLO], key="1", session=session)
    monkeypatch.undo()
    assert outcome == Failed("no space left on device")
    with pytest.raises(OSError, match="No space"):
        gone.close()


# --- several messages


async def test_several_go_in_one_request(seam: Seam, session: aiohttp.ClientSession) -> None:
    several = [Message(title=(Text(f"number {n}"),), body=(Text("text"),)) for n in range(12)]
    assert seam.sink.layout(several).count == seam.sink.open(session).max_batch == 10
    assert isinstance(await chats.send(seam.sink, several[:10], key="1", session=session), Sent)
    assert (seam.arrived, seam.sends) == (1, 1)
    shown = json.dumps(seam.sink.layout(several[:10]).payload)
    assert sorted(range(10), key=lambda n: shown.index(f"number {n}")) == [*range(10)]


# --- changes

CHANGED = Message(title=(Text("changed"),), body=(Text("<@1> @everyone"),))


changing = pytest.mark.parametrize("kind", ["discord", "bot", "matrix"])


async def test_a_webhook_of_slack_cannot_change_what_it_has_made(
    session: aiohttp.ClientSession,
) -> None:
    webhook = sink_at("webhook", "https://hooks.invalid/x")
    assert not webhook.open(session).can_edit
    assert isinstance(await chats.edit(webhook, "", [CHANGED], key="1", session=session), Rejected)


@changing
async def test_what_was_sent_can_be_changed_again_and_again(
    seam: Seam, session: aiohttp.ClientSession
) -> None:
    sink = seam.sink
    sent = await chats.send(sink, [HELLO, HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    assert sent.message
    for key in ("2", "3"):
        outcome = await chats.edit(sink, sent.message, [HELLO, CHANGED], key=key, session=session)
        assert outcome == sent


@changing
@pytest.mark.parametrize("fault", [faults.status(503), faults.stored(faults.disconnect())])
async def test_a_change_that_may_have_arrived_is_ambiguous(
    seam: Seam, session: aiohttp.ClientSession, fault: Fault
) -> None:
    sink = seam.sink
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    seam.faults.fail_next(fault)
    outcome = await chats.edit(sink, sent.message, [CHANGED], key="2", session=session)
    assert isinstance(outcome, Failed)
    assert outcome.ambiguous
    assert seam.secret not in repr(outcome)
    assert await chats.edit(sink, sent.message, [CHANGED], key="2", session=session) == sent


@changing
async def test_what_has_no_room_together_any_more_is_not_changed(
    seam: Seam, session: aiohttp.ClientSession
) -> None:
    sent = await chats.send(seam.sink, [HELLO, HELLO], key="1", session=session)
    grown = [replace(HELLO, body=(Text("long " * 10_000),))] * 2
    before = len(seam.requests)
    outcome = await chats.edit(seam.sink, sent.message, grown, key="2", session=session)
    assert isinstance(outcome, Rejected)
    assert len(seam.requests) == before


# --- faults


async def _fails(seam: Seam, session: aiohttp.ClientSession, fault: Fault) -> Failed:
    """Send through one fault: one request, and nobody knows what came of it."""
    await send(seam.sink, session, next(seam.keys))  # a connection is open, and the room known
    before, arrived = seam.sends, seam.arrived
    seam.faults.fail_next(fault)
    outcome = await send(seam.sink, session, next(seam.keys))
    assert isinstance(outcome, Failed)
    assert outcome.ambiguous
    assert seam.secret not in repr(outcome)
    assert seam.faults.played == [fault]
    assert seam.sends == before + 1
    assert seam.arrived == arrived + fault.stored
    return outcome


def fault_id(fault: Fault) -> str:
    when = "after" if fault.stored else "before"
    return f"{fault.kind} {fault.status} {fault.content_type} {when} the store"


@pytest.mark.parametrize("fault", [*faults.BEFORE_STORE, *faults.AFTER_STORE], ids=fault_id)
async def test_after_a_fault_nobody_knows_and_nothing_is_repeated(
    seam: Seam, session: aiohttp.ClientSession, fault: Fault
) -> None:
    await _fails(seam, session, fault)
    # The next one finds all well.
    assert await send(seam.sink, session, next(seam.keys)) == Sent()


async def test_an_answer_that_does_not_come_is_not_waited_for(seam: Seam) -> None:
    async with open_session(timeout=IMPATIENT) as session:
        assert (await _fails(seam, session, faults.slow())).reason == "no answer in time"


@pytest.mark.parametrize("retry_after", [*faults.ABSURD_RETRY_AFTER, None, "0", "17"])
async def test_a_limit_is_waited_for_however_it_is_written(
    seam: Seam, session: aiohttp.ClientSession, retry_after: str | None
) -> None:
    seam.faults.fail_next(faults.rate_limited(retry_after))
    outcome = await send(seam.sink, session)
    assert isinstance(outcome, RateLimited)
    assert MIN_PAUSE <= outcome.pause <= MAX_PAUSE
    assert retry_after != "17" or outcome.pause == 17
    assert (seam.arrived, seam.sends) == (0, 1)


async def test_a_ban_by_a_firewall_is_waited_for(
    seam: Seam, session: aiohttp.ClientSession
) -> None:
    page = "<html><head><title>Access denied</title></head><body>error code: 1015</body></html>"
    ban = Fault("answer", status=429, body=page, content_type="text/html", retry_after="3600")
    seam.faults.fail_next(ban)
    bans = seam.kind == "discord"  # addresses, whatever their webhooks
    assert await send(seam.sink, session) == RateLimited(
        3600, LimitScope.VENDOR if bans else LimitScope.SINK
    )
    assert (seam.arrived, seam.sends) == (0, 1)


# --- before anything is written


async def test_no_name_no_door_no_tls_are_no_send(
    kind: str,
    session: aiohttp.ClientSession,
    unused_tcp_port: int,
    aiohttp_server: AiohttpServer,
) -> None:
    plain = await aiohttp_server(web.Application())
    for base in (
        "https://host.invalid",
        f"https://{'a' * 70}.invalid",
        f"http://127.0.0.1:{unused_tcp_port}",
        f"https://127.0.0.1:{plain.port}",
    ):
        outcome = await send(sink_at(kind, base), session)
        assert isinstance(outcome, Failed)
        assert not outcome.ambiguous


async def test_a_closed_session_sends_nothing(seam: Seam, session: aiohttp.ClientSession) -> None:
    await session.close()
    assert await send(seam.sink, session) == Failed("the session is closed", unsent=True)
    assert seam.requests == []


async def test_a_proxy_is_used_only_where_the_config_says_so(
    seam: Seam,
    session: aiohttp.ClientSession,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_tcp_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert await send(seam.sink, session) == Sent()
    sends = seam.sends
    async with open_session(proxies("env", os.environ)) as trusting:
        outcome = await send(seam.sink, trusting)
    assert isinstance(outcome, Failed)
    assert not outcome.ambiguous
    assert seam.sends == sends


# --- strange servers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
def serve(aiohttp_server: AiohttpServer) -> Serve:
    """Start a server that answers every request alike; its address."""

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        return str((await aiohttp_server(app)).make_url("")).rstrip("/")

    return start


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    kind: str, serve: Serve, session: aiohttp.ClientSession, status: int
) -> None:
    stolen = list[str]()

    async def other(request: web.Request) -> web.Response:
        stolen.append(request.path)
        return web.Response(text="ok")

    elsewhere = await serve(other)

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": elsewhere + request.path_qs})

    outcome = await send(sink_at(kind, await serve(redirect)), session)
    assert isinstance(outcome, Closed if status in {301, 308} else Failed)
    assert outcome.reason.startswith(f"{status} ")
    assert f"it sends us to {elsewhere}/" in outcome.reason
    assert SECRET not in outcome.reason
    assert stolen == []


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("as_json", [False, True])
async def test_a_server_that_repeats_our_words_does_not_betray_us(
    kind: str, serve: Serve, session: aiohttp.ClientSession, status: int, as_json: bool
) -> None:
    async def repeat(request: web.Request) -> web.Response:
        words = f"Cannot {request.method} {request.url} {request.headers.get('Authorization')}"
        found = dict.fromkeys(("error", "message", "errcode", "code", "id"), words)
        if as_json:
            return web.json_response(found, status=status)
        return web.Response(status=status, text=words)

    sink = sink_at(kind, await serve(repeat))
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed | Rejected | Failed | RateLimited | Sent)
    assert SECRET not in str(await chats.opened(sink, session).check())


async def test_an_endless_answer_is_read_to_a_bound(
    kind: str, serve: Serve, session: aiohttp.ClientSession
) -> None:
    written = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal written
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while written < 100 * MAX_ANSWER:
                await answer.write(b"x" * 65536)
                written += 65536
        except ConnectionError:
            return answer
        return answer

    outcome = await send(sink_at(kind, await serve(pour)), session)
    assert isinstance(outcome, Failed)
    assert len(outcome.reason) <= 300
    assert written < 20 * MAX_ANSWER


async def test_a_packed_answer_is_unpacked_to_a_bound(
    kind: str, serve: Serve, session: aiohttp.ClientSession
) -> None:
    bomb = gzip.compress(bytes(30 * MAX_ANSWER))

    async def throw(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    assert isinstance(await send(sink_at(kind, await serve(throw)), session), Failed)


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=none\r\n\r\n\xff\xfe",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    ],
)
async def test_what_is_no_http_is_a_failure(
    kind: str, session: aiohttp.ClientSession, raw: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(sink_at(kind, f"http://127.0.0.1:{port}"), session)
    assert isinstance(outcome, Failed)
    assert outcome.ambiguous is (kind != "matrix")  # it had only asked about the room


async def test_a_refusal_that_breaks_off_is_still_one(
    kind: str, session: aiohttp.ClientSession
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 50\r\n\r\nno such")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(sink_at(kind, f"http://127.0.0.1:{port}"), session)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "404 no such"


# --- what Matrix asks before it sends


@pytest.mark.parametrize("room", ["!a", "#a:m.example"])
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (500, "M_UNKNOWN", Failed("500 M_UNKNOWN no", unsent=True)),
        (400, "M_INVALID_PARAM", Closed("400 M_INVALID_PARAM no")),
        (401, "M_UNKNOWN_TOKEN", Closed("401 M_UNKNOWN_TOKEN no")),
        (429, "M_LIMIT_EXCEEDED", RateLimited(7)),
    ],
)
async def test_a_failed_question_is_no_send_and_no_fault_of_the_message(
    serve: Serve,
    session: aiohttp.ClientSession,
    room: str,
    status: int,
    code: str,
    expected: Outcome,
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        body = {"errcode": code, "error": "no", "retry_after_ms": 7000}
        return web.json_response(body, status=status)

    sink = sink_at("matrix", await serve(refuse)).model_copy(update={"room": room})
    assert await send(sink, session) == expected


async def test_who_may_not_ask_to_enter_now_asks_again_later(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/join"):
            body: dict[str, object] = {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 9000}
            return web.json_response(body, status=429)
        return web.json_response({"errcode": "M_FORBIDDEN"}, status=403)

    assert await send(sink_at("matrix", await serve(answer)), session) == RateLimited(9)


async def test_a_slow_homeserver_is_not_asked_for_ever(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response()

    monkeypatch.setattr(matrix, "PREPARATION", 0.05)
    async with open_session() as patient:
        outcome = await send(sink_at("matrix", await serve(sleep)), patient)
    assert outcome == Failed("the homeserver is slow to tell of the room", unsent=True)


# --- check


async def test_a_check_of_what_works_finds_nothing_and_sends_nothing(
    seam: Seam, session: aiohttp.ClientSession
) -> None:
    assert await chats.opened(seam.sink, session).check() is None
    assert isinstance(await chats.opened(seam.sink, session).probe(), Sent)
    assert seam.arrived == 0


async def test_a_check_tells_what_is_wrong(
    kind: str, serve: Serve, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    async def unknown(request: web.Request) -> web.Response:
        return web.Response(status=404, text="<h1>Nothing here</h1>")

    async def strange(request: web.Request) -> web.Response:
        return web.Response(text="Welcome to nginx!")

    async def limited(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "60"})

    nowhere = sink_at(kind, f"http://127.0.0.1:{unused_tcp_port}")
    assert await chats.opened(nowhere, session).check() == "cannot be reached: connection refused"
    outcome = await chats.opened(nowhere, session).probe()
    assert outcome == Failed("connection refused", unsent=True)
    assert isinstance(outcome, Failed)
    assert outcome.cause is Cause.CONNECTION
    told = {
        unknown: "cannot be reached: 404 Nothing here",
        limited: "asks us to wait for 60 seconds: check again then",
    }
    for handler, sentence in told.items():
        assert await chats.opened(sink_at(kind, await serve(handler)), session).check() == sentence
    assert await chats.opened(sink_at(kind, await serve(strange)), session).check() is not None


async def test_a_probe_tells_whether_a_sick_sink_answers_again(
    kind: str, serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def sick(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "60"})

    assert isinstance(await chats.opened(sink_at(kind, await serve(sick)), session).probe(), Failed)
    assert isinstance(
        await chats.opened(sink_at(kind, await serve(busy)), session).probe(), RateLimited
    )
