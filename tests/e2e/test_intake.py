"""The public listener over real HTTP: what is taken, and what is refused with which answer."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from multidict import CIMultiDict

from relay import misskey
from relay.errors import OutboxError
from relay.intake import server as intake
from relay.listener import EVERYBODY, KNOWN, STRANGERS, listen
from relay.misskey import probe
from relay.model import Event
from relay.outbox import JournalEntry
from relay.secret import Secret
from tests.e2e.waiting import until
from tests.fakes.misskey import a_note, a_note_event, encode, requests

SECRET = "correct horse battery staple"
MAX_BODY = 300_000
Post = Callable[..., Awaitable[ClientResponse]]


class Shelf:
    """Takes events as an outbox does, until it is full."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_full = False

    async def accept(self, entry: JournalEntry) -> bool:
        if self.is_full:
            raise OutboxError("no space left on the device")
        event = misskey.parse(
            entry.raw, hook=entry.hook, server=entry.server, now=entry.accepted_at
        )
        known = {(one.hook, one.id) for one in self.events}
        self.events.append(event)
        return (entry.hook, entry.event_id) not in known


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def address(shelf: Shelf) -> AsyncIterator[tuple[str, int]]:
    """Where relay listens, served as relay serves it."""
    hooks = {
        "alice": intake.Hook(name="alice", secrets=(Secret(SECRET), Secret("the old one"))),
        "home": intake.Hook(
            name="home", secrets=(Secret(SECRET),), server="https://misskey.example"
        ),
    }
    hooks = intake.Hooks(by_name=hooks, max_body=MAX_BODY)
    door = intake.Door(lambda: hooks, shelf.accept, clock=lambda: 1_795_308_362_292)
    runner = intake.runner(door, grace=0)
    async with listen(runner, "127.0.0.1:0", mode=EVERYBODY):
        yield runner.addresses[0]


@pytest.fixture
async def client(address: tuple[str, int]) -> AsyncIterator[ClientSession]:
    host, port = address
    async with ClientSession(f"http://{host}:{port}") as session:
        yield session


@pytest.fixture
def post(client: ClientSession) -> Post:
    async def send(
        body: bytes = b"", *, path: str = "/hooks/alice", secret: str | None = SECRET, **more: Any
    ) -> ClientResponse:
        headers = more.pop("headers", {})
        if secret is not None:
            headers = {**headers, "X-Misskey-Hook-Secret": secret}
        return await client.post(path, data=body, headers=headers, allow_redirects=False, **more)

    return send


NOTE = a_note_event(1, text="hello")


@pytest.mark.parametrize("path", ["/hooks/alice", "/hooks/alice/"])
async def test_an_event_is_taken_with_and_without_a_slash(
    post: Post, shelf: Shelf, path: str
) -> None:
    answer = await post(NOTE.body, path=path)
    assert (answer.status, await answer.read()) == (204, b"")
    assert [one.note.text for one in shelf.events if one.note] == ["hello"]


async def test_a_repeated_event_is_answered_like_the_first(post: Post, shelf: Shelf) -> None:
    assert [(await post(NOTE.body)).status for _ in range(3)] == [204, 204, 204]


async def test_every_secret_of_a_hook_is_valid(post: Post) -> None:
    assert (await post(NOTE.body, secret="the old one")).status == 204


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("c", id="too short"),
        pytest.param(SECRET + "x", id="too long"),
        pytest.param("x" * 5000, id="very long"),
        pytest.param("café", id="not ASCII"),
        pytest.param(SECRET.upper(), id="in other letters"),
    ],
)
async def test_a_wrong_secret_is_401_with_one_and_the_same_answer(
    post: Post, shelf: Shelf, secret: str | None
) -> None:
    answer = await post(NOTE.body, secret=secret)
    text = (
        "wrong or missing secret in X-Misskey-Hook-Secret"
        " (in forks X-Iceshrimp-Hook-Secret, X-Firefish-Hook-Secret, ...)\n"
    )
    assert (answer.status, await answer.text(), shelf.events) == (401, text, [])


@pytest.mark.parametrize("name", ["Iceshrimp", "Firefish", "Catodon", "Calckey", "foundkey"])
async def test_a_fork_is_let_in_by_its_own_headers(post: Post, shelf: Shelf, name: str) -> None:
    bare = {key: value for key, value in NOTE.event.items() if key != "server"}
    headers = {f"X-{name}-Hook-Secret": SECRET, f"X-{name}-Host": "misskey.example"}
    for path in ("/hooks/alice", "/hooks/home"):
        body = json.dumps(bare).encode()
        assert (await post(body, path=path, secret=None, headers=headers)).status == 204
    assert [it.server for it in shelf.events] == ["https://misskey.example"] * 2


async def test_a_fork_that_names_another_host_is_refused_where_the_hook_has_a_server(
    post: Post, shelf: Shelf
) -> None:
    bare = {key: value for key, value in NOTE.event.items() if key != "server"}
    headers = {"X-Iceshrimp-Hook-Secret": SECRET, "X-Iceshrimp-Host": "other.example"}
    answer = await post(json.dumps(bare).encode(), path="/hooks/home", secret=None, headers=headers)
    assert (answer.status, shelf.events) == (400, [])


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([("X-Iceshrimp-Hook-Secret", "a guess")], id="another guess"),
        pytest.param([("X-Misskey-Hook-Secret", "a guess")], id="the same header again"),
        pytest.param(
            [("X-Firefish-Hook-Secret", "the old one")], id="another secret that is valid"
        ),
        pytest.param([("X-A-Hook-Secret", "")], id="an empty one"),
        pytest.param([(f"X-{n}-Hook-Secret", f"guess {n}") for n in range(40)], id="many guesses"),
    ],
)
async def test_a_request_is_one_guess(
    post: Post, shelf: Shelf, others: list[tuple[str, str]]
) -> None:
    headers = CIMultiDict([("X-Misskey-Hook-Secret", SECRET), *others])
    assert (await post(NOTE.body, secret=None, headers=headers)).status == 401
    assert shelf.events == []
    same = CIMultiDict([("X-Misskey-Hook-Secret", SECRET), ("X-Calckey-Hook-Secret", SECRET)])
    assert (await post(NOTE.body, secret=None, headers=same)).status == 204


async def test_header_bytes_that_are_no_text_are_401(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(
        b"POST /hooks/alice HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        b"X-Misskey-Hook-Secret: caf\xe9\xff\r\nConnection: close\r\n\r\n{}"
    )
    assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
    writer.close()
    await writer.wait_closed()


async def test_a_connection_that_is_lost_within_a_body_is_no_bug(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection(*address)
    writer.write(
        b"POST /hooks/alice HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n"
        b"X-Misskey-Hook-Secret: " + SECRET.encode() + b"\r\n\r\n{"
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await until(lambda: bool(caplog.records))
    told = [(record.message, vars(record).get("reason")) for record in caplog.records]
    assert told == [("refused", "the connection ended before the body did")]


async def test_only_hooks_and_health_are_behind_the_door(client: ClientSession) -> None:
    found = {
        path: (await client.request(method, path)).status
        for method, path in [
            ("GET", "/healthz"),
            ("GET", "/"),
            ("GET", "/metrics"),
            ("POST", "/hooks/nobody"),
            ("POST", "/hooks/"),
            ("POST", "/hooks/alice/more"),
            ("POST", "/hooks/..%2falice"),
            ("GET", "/hooks/alice"),
            ("PUT", "/hooks/home"),
            ("POST", "/healthz"),
        ]
    }
    assert found == {
        "/healthz": 405,  # asked last with POST
        "/": 404,
        "/metrics": 404,
        "/hooks/nobody": 404,
        "/hooks/": 404,
        "/hooks/alice/more": 404,
        "/hooks/..%2falice": 404,
        "/hooks/alice": 405,
        "/hooks/home": 405,
    }
    assert (await client.get("/healthz")).status == 200


def changed(**fields: Any) -> bytes:
    return encode({**NOTE.event, **fields})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"{", "not JSON", id="half"),
        pytest.param(b"\xff\xfe{}", "not UTF-8", id="not UTF-8"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(changed().replace(b'"body"', b'"x":NaN,"body"', 1), "NaN", id="NaN"),
        pytest.param(changed().replace(b'"body"', b'"x":1e999,"body"', 1), "too large", id="1e999"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="too deep"),
        pytest.param(b'{"a":' * 50_000, "nested too deeply", id="too deep in objects"),
        pytest.param(b"1" * 5000, "not JSON", id="a number of 5000 digits"),
        pytest.param(encode({"body": {}}), "no type", id="no type"),
        pytest.param(changed(type=7), "no type", id="a type that is no text"),
        pytest.param(changed(type="note", body={}), "without a note", id="a note without a note"),
    ],
)
async def test_what_is_no_event_is_400_with_the_reason_in_a_line(
    post: Post, shelf: Shelf, body: bytes, reason: str
) -> None:
    answer = await post(body)
    text = await answer.text()
    assert (answer.status, reason in text, text.count("\n"), shelf.events) == (400, True, 1, [])


async def test_an_event_of_another_server_is_400(post: Post, shelf: Shelf) -> None:
    answer = await post(changed(server="https://evil.example"), path="/hooks/home")
    assert (answer.status, shelf.events) == (400, [])
    told = await answer.text()
    assert "an event of https://evil.example, and the hook takes those of https://" in told
    unnamed = await post(changed(server="no origin"), path="/hooks/home")
    assert "an event that names no server" in await unnamed.text()
    assert (await post(changed(), path="/hooks/home")).status == 204


async def test_a_body_over_the_limit_is_413_and_one_at_it_is_taken(
    post: Post, shelf: Shelf
) -> None:
    padding = MAX_BODY - len(changed(padding=""))
    assert (await post(changed(padding="x" * (padding + 1)))).status == 413
    assert shelf.events == []
    assert (await post(changed(padding="x" * padding))).status == 204


def quotes(depth: int) -> dict[str, Any]:
    note = a_note(0, text="innermost")
    for n in range(1, depth + 1):
        note = a_note(n, text=f"quote {n}") | {"renote": note, "renoteId": note["id"]}
    return note


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(changed(type="neverHeardOf"), id="an unknown kind"),
        pytest.param(changed(type="💥"), id="a kind that is no word"),
        pytest.param(changed(type="../../etc/passwd"), id="a kind that looks like a path"),
        pytest.param(changed().replace(b"hello", b"\\ud800 half"), id="half a surrogate pair"),
        pytest.param(changed().replace(b"hello", b"a\\u0000b"), id="NUL"),
        pytest.param(changed().replace(b"hello", b"x" * 100_000), id="100 kB of text"),
        pytest.param(changed(body={"note": quotes(9)}), id="nine nested quotes"),
        pytest.param(changed(body={"note": quotes(60)}), id="sixty nested quotes"),
        pytest.param(b"\xef\xbb\xbf" + changed(), id="a byte order mark"),
        pytest.param(changed(createdAt=2**80), id="a date beyond all calendars"),
        pytest.param(changed(eventId=None), id="no event id"),
        pytest.param(changed(more={"deep": [[[[1]]]]}), id="unknown fields"),
    ],
)
async def test_strange_but_real_input_goes_through(post: Post, shelf: Shelf, body: bytes) -> None:
    assert ((await post(body)).status, len(shelf.events)) == (204, 1)


async def test_every_captured_request_goes_through(post: Post, shelf: Shelf) -> None:
    for request in requests():
        assert (await post(request.body)).status == 204
    assert len(shelf.events) == len(requests())


async def test_what_cannot_be_stored_is_503_and_taken_later(post: Post, shelf: Shelf) -> None:
    shelf.is_full = True
    answer = await post(NOTE.body)
    assert (answer.status, await answer.text()) == (503, "no space left on the device\n")
    shelf.is_full = False
    assert (await post(NOTE.body)).status == 204


@pytest.mark.parametrize("body", [gzip.compress(NOTE.body), b"not gzip", b""])
@pytest.mark.parametrize("secret", [SECRET, "wrong"])
async def test_compressed_bodies_are_not_even_read(
    post: Post, shelf: Shelf, caplog: pytest.LogCaptureFixture, body: bytes, secret: str
) -> None:
    answer = await post(body, secret=secret, headers={"Content-Encoding": "gzip"})
    assert (answer.status, shelf.events) == (415 if secret == SECRET else 401, [])
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []
    told = {vars(one).get("reason") for one in caplog.records}
    assert ("compressed bodies are not taken" in told) == (secret == SECRET)


async def test_no_answer_is_ever_a_500(post: Post) -> None:
    """Every value of a real event replaced by everything that JSON has."""
    strange: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], [None], {}, {"id": 1}, 2**70]
    event = NOTE.event
    for path in paths(event):
        for value in strange:
            answer = await post(json.dumps(replaced(event, path, value)).encode())
            assert answer.status in {204, 400}, (path, value)


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [
            one
            for key, inner in value.items()
            for one in [(*above, key), *paths(inner, (*above, key))]
        ]
    return []


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    return {**value, path[0]: replaced(value[path[0]], path[1:], new)}


def test_idle_connections_are_kept_for_more_than_an_hour() -> None:
    # Misskey keeps them without limit, and loses the request that meets a closing one for a minute.
    assert intake.KEEP_ALIVE > 3600


async def test_a_probe_is_told_what_arrived_and_becomes_no_event(post: Post, shelf: Shelf) -> None:
    for size in (300, MAX_BODY - 1000):
        raw = probe.body(size)
        answer = await post(raw, headers=probe.HEADERS)
        assert answer.status == 200
        assert probe.read(await answer.json()) == probe.seen(probe.HEADERS, raw)
    assert shelf.events == []


async def test_a_probe_is_told_which_headers_were_lost(post: Post) -> None:
    headers = probe.HEADERS | {"User-Agent": "proxy"}
    found = probe.read(await (await post(probe.body(300), headers=headers)).json())
    assert found is not None
    assert found.lost == ("User-Agent",)


@pytest.mark.parametrize("secret", [None, "", "wrong"])
async def test_a_probe_without_the_secret_gets_what_any_stranger_gets(
    post: Post, secret: str | None
) -> None:
    stranger, prober = await post(b"{}", secret=secret), await post(probe.body(300), secret=secret)
    assert (prober.status, await prober.read()) == (401, await stranger.read())


async def test_as_many_connections_as_may_be_are_all_answered(address: tuple[str, int]) -> None:
    opened = [await asyncio.open_connection(*address) for _ in range(STRANGERS)]
    for reading, writing in opened:
        writing.write(b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
        async with asyncio.timeout(300):
            assert await reading.readline() == b"HTTP/1.1 200 OK\r\n"
    for _, writing in opened:
        writing.close()
        with suppress(OSError):
            await writing.wait_closed()


async def test_strangers_who_only_connect_keep_nobody_out(
    address: tuple[str, int], post: Post
) -> None:
    silent = [await asyncio.open_connection(*address) for _ in range(STRANGERS + 50)]
    silent[-1][1].write(b"POST /hooks/alice HTTP/1.1\r\nHost: relay\r\n")  # and nothing more
    for reading, _ in silent[:50]:  # the oldest were ended
        async with asyncio.timeout(300):
            assert await reading.read() == b""
    assert (await post(NOTE.body)).status == 204
    for _, writing in silent:
        writing.close()
        with suppress(OSError):
            await writing.wait_closed()


HEAD = (
    f"POST /hooks/alice HTTP/1.1\r\nHost: relay\r\nX-Misskey-Hook-Secret: {SECRET}\r\n"
    f"Content-Length: {len(NOTE.body)}\r\n\r\n"
).encode()


async def crowd(address: tuple[str, int], number: int, *, said: bytes = b"") -> None:
    """So many strangers come and go, up to 600 at a time."""
    opened: list[asyncio.StreamWriter] = []
    for _ in range(number):
        _, writing = await asyncio.open_connection(*address)
        writing.write(said)
        opened.append(writing)
        if len(opened) > 600:
            opened.pop(0).close()
    for writing in opened:
        writing.close()


STRANGE = HEAD.replace(SECRET.encode(), b"a wrong one")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="silent"),
        pytest.param(STRANGE[:40], id="half a head"),
        pytest.param(STRANGE, id="a wrong secret"),
    ],
)
async def test_a_crowd_of_strangers_cuts_no_request_that_brought_a_secret(
    address: tuple[str, int], post: Post, said: bytes
) -> None:
    reading, writing = await asyncio.open_connection(*address)
    writing.write(HEAD + NOTE.body[:10])
    assert (await post(NOTE.body)).status == 204  # its connection is kept open
    await crowd(address, 1500, said=said)
    assert (await post(NOTE.body)).status == 204
    writing.write(NOTE.body[10:])
    async with asyncio.timeout(300):
        assert await reading.readline() == b"HTTP/1.1 204 No Content\r\n"
    writing.close()


async def test_who_comes_while_a_crowd_does_is_answered(
    address: tuple[str, int], client: ClientSession
) -> None:
    crowds = asyncio.gather(*(crowd(address, 400) for _ in range(4)))
    host, port = address
    number = 0
    while not crowds.done() or number < 5:
        async with ClientSession(f"http://{host}:{port}") as session:
            headers = {"X-Misskey-Hook-Secret": SECRET}
            answer = await session.post("/hooks/alice", data=NOTE.body, headers=headers)
            assert answer.status == 204
        number += 1
    await crowds


async def test_those_with_a_secret_are_bounded_too(address: tuple[str, int]) -> None:
    opened = [await asyncio.open_connection(*address) for _ in range(KNOWN + 20)]
    for reading, writing in opened:
        writing.write(HEAD + NOTE.body)
        async with asyncio.timeout(300):
            await reading.readuntil(b"\r\n\r\n")
    for reading, _ in opened[:20]:  # the ones that were used longest ago
        async with asyncio.timeout(300):
            assert await reading.read() == b""
    for _, writing in opened:
        writing.close()
