"""Doctor tries the way in: the real process, behind web servers that do what they should not."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.config import load
from relay.doctor import collect_ingress, examine
from relay.doctor.facts import Facts
from relay.sinks.http import open_session
from tests.e2e.process import Relay, serving
from tests.fakes.discord import FakeDiscord

SECRET = "0123456789abcdef0123"
CONFIG = """
listen: 127.0.0.1:{port}
hooks: {{alice: {{secret: "${{ALICE}}"}}, bob: {{secret: "${{BOB}}"}}}}
sinks: {{here: {{type: console}}}}
routes: [{{to: here}}]
"""
SECRETS = {"ALICE": SECRET, "BOB": f"{SECRET} café"}
Change = Callable[[web.Request, bytes], Awaitable[web.StreamResponse | bytes]]
Front = Callable[..., Awaitable[str]]
PASSED_ON = {
    "Content-Type", "User-Agent", "X-Misskey-Host", "X-Misskey-Hook-Id", "X-Misskey-Hook-Secret"
}  # fmt: skip


async def pass_on(request: web.Request, body: bytes) -> bytes:
    return body


@pytest.fixture
async def relay(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Relay]:
    async with serving(tmp_path, CONFIG.format(port=unused_tcp_port), SECRETS) as relay:
        yield relay


@pytest.fixture
def front(relay: Relay, aiohttp_server: AiohttpServer) -> Front:
    """A web server before relay, which a test lets change what it passes on."""

    async def start(change: Change = pass_on, *, drop: str = "") -> str:
        async def handle(request: web.Request) -> web.StreamResponse:
            changed = await change(request, await request.read())
            if isinstance(changed, web.StreamResponse):
                return changed
            kept = PASSED_ON - {drop}
            headers = {key: value for key, value in request.headers.items() if key in kept}
            async with (
                aiohttp.ClientSession() as session,
                session.post(relay.address + request.path, data=changed, headers=headers) as answer,
            ):
                return web.Response(status=answer.status, body=await answer.read())

        app = web.Application(client_max_size=2**22)
        app.router.add_post("/{path:.*}", handle)
        return str((await aiohttp_server(app)).make_url("")).rstrip("/")

    return start


async def names(relay: Relay, url: str) -> dict[str, str]:
    """What doctor finds on the way in, with its level."""
    config = load(relay.file, environ=relay.environ)
    async with open_session() as session:
        facts = Facts(config=config, ingress=await collect_ingress.ingress(config, url, session))
    return {one.name: one.level for one in examine(facts)["ingress"]}


async def test_a_way_on_which_nothing_is_lost_is_no_finding(relay: Relay, front: Front) -> None:
    assert await names(relay, await front()) == {"address-private": "warning"}


async def test_the_command_tries_the_way_and_tells_no_secret(relay: Relay) -> None:
    given = ("doctor", "--url", f"{relay.address}/hooks/alice")
    code, out, err = await relay.command(*given)
    assert (code, err) == (0, "")
    assert "\ningress\n  warning: " in out
    assert out.endswith("not asked: sinks, servers, clock; see relay doctor --help\n")
    relay.environ["ALICE"] = f"{SECRET}changed"
    code, out, err = await relay.command(*given, "--json")
    assert (code, err, SECRET in out) == (1, "", False)
    found = [one["name"] for one in json.loads(out) if one["topic"] == "ingress"]
    assert found == ["ingress-secret-refused", "address-private"]


async def test_probes_leave_nothing_but_a_line_in_the_log(relay: Relay) -> None:
    await names(relay, relay.address)
    with closing(sqlite3.connect(relay.folder / "relay.db")) as db:
        assert db.execute("SELECT count(*) FROM event").fetchone() == (0,)
    log = relay.log.read_text(encoding="utf-8")
    assert "probed" in log
    assert SECRET not in log


@pytest.mark.parametrize(
    ("size", "name"),
    [
        pytest.param(500, "ingress-body-changed", id="all"),
        pytest.param(100_000, "ingress-large-body", id="large ones"),
    ],
)
async def test_bodies_that_are_cut_are_told(
    relay: Relay, front: Front, size: int, name: str
) -> None:
    async def cut(request: web.Request, body: bytes) -> bytes:
        return body[:size]

    assert await names(relay, await front(cut)) == {"address-private": "warning", name: "error"}


async def test_bodies_that_are_refused_are_told(relay: Relay, front: Front) -> None:
    async def refuse(request: web.Request, body: bytes) -> web.StreamResponse | bytes:
        return web.Response(status=413) if len(body) > 100_000 else body

    found = await names(relay, await front(refuse))
    assert found == {"address-private": "warning", "ingress-large-body": "error"}


@pytest.mark.parametrize(
    ("header", "level"), [("X-Misskey-Hook-Secret", "error"), ("X-Misskey-Host", "warning")]
)
async def test_headers_that_are_dropped_are_told(
    relay: Relay, front: Front, header: str, level: str
) -> None:
    found = await names(relay, await front(drop=header))
    assert found == {"address-private": "warning", "ingress-headers-lost": level}


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (301, "ingress-redirected"),
        (403, "ingress-strange"),
        (404, "ingress-path-lost"),
        (502, "ingress-fails"),
        (204, "ingress-strange"),
    ],
)
async def test_whoever_else_answers_is_told(
    relay: Relay, front: Front, status: int, name: str
) -> None:
    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "https://relay.example/"})

    found = await names(relay, await front(answer))
    assert found == {"address-private": "warning", name: "error"}


async def test_a_relay_that_does_not_run_is_told(relay: Relay) -> None:
    await relay.terminate()
    assert (await names(relay, relay.address))["relay-silent"] == "error"


async def test_a_whole_set_up_is_asked_about(
    fake_discord: FakeDiscord, aiohttp_server: AiohttpServer, tmp_path: Path, unused_tcp_port: int
) -> None:
    async def misskey(request: web.Request) -> web.Response:
        software = {"name": "misskey", "version": "2026.6.0"}
        return web.json_response({"software": software, "uri": str(request.url.origin())})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", misskey)
    server = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    config = f"""
listen: 127.0.0.1:{unused_tcp_port}
outbox: sqlite:{tmp_path}/relay.db
hooks: {{alice: {{secret: "${{ALICE}}", server: "{server}"}}}}
sinks:
  team: {{type: discord, url: "${{DISCORD}}"}}
  mods: {{type: console, moderation: true}}
routes: [{{match: {{event: mention}}, to: team}}, {{match: {{event: abuseReport}}, to: mods}}]
"""
    secrets = {"ALICE": SECRET, "DISCORD": fake_discord.url}
    async with serving(tmp_path, config, secrets) as relay:
        given = ("doctor", "--json", "--online", "--url", relay.address)
        code, out, err = await relay.command(*given)
        assert (code, err) == (0, ""), out
        assert [one["name"] for one in json.loads(out)] == ["address-private"]
        relay.environ["DISCORD"] = f"{fake_discord.base_url}/api/webhooks/1/{SECRET}"
        code, out, err = await relay.command(*given)
        assert (code, err, SECRET in out) == (1, "", False)
        found = [one["name"] for one in json.loads(out)]
        assert found == ["discord-webhook-deleted", "address-private"]
    assert fake_discord.posts() == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("relay.example", "should be an address like https://relay.example"),
        ("ftp://relay.example", "should be an address like https://relay.example"),
        ("https://relay.example:x", "should be an address like https://relay.example"),
        (
            "https://me:s3cret@relay.example",
            "has a user name or a password in it, which Misskey cannot call",
        ),
    ],
)
async def test_what_is_no_address_is_refused(tmp_path: Path, url: str, told: str) -> None:
    relay = Relay(tmp_path, "{}", {})
    code, out, err = await relay.command("doctor", "--url", url)
    assert (code, out) == (2, "")
    assert told in err
    assert "s3cret" not in err


async def test_no_secret_is_sent_in_the_clear(tmp_path: Path) -> None:
    """A name that nobody has: whoever answered for it would stand outside."""
    relay = Relay(tmp_path, CONFIG.format(port=0), SECRETS)
    assert await names(relay, "http://relay.invalid") == {"address-plain": "error"}
