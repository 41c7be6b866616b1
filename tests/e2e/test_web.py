"""The web listener of the real process: metrics, readiness, and who may ask for them."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes import faults
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post

PASSWORD = aiohttp.encode_basic_auth("anybody", "open, sesame: ✨", encoding="utf-8")


class Installation:
    """A relay with both doors open, and a way to ask the inner one."""

    def __init__(self, relay: Relay, port: int, session: aiohttp.ClientSession) -> None:
        self.relay = relay
        self.url = f"http://127.0.0.1:{port}"
        self.session = session

    async def ask(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def metrics(self) -> dict[str, float]:
        status, text = await self.ask("/metrics", Authorization=PASSWORD)
        assert status == 200
        lines = (line for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    async def post(self, n: int, *, hook: str = "alice", secret: str = "a secret") -> int:
        event = a_note_event(n)
        return (await post(self.session, self.relay.address, hook, event, secret=secret)).status


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


@pytest.fixture
async def installed(discord: FakeDiscord, tmp_path: Path) -> AsyncIterator[Installation]:
    port = unused_port()
    config = f"""
listen: 127.0.0.1:0
web: {{listen: "127.0.0.1:{port}", password: "open, sesame: ✨", hosts: relay.example}}
hold: 0
hooks: {{alice: {{secret: a secret}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""
    async with serving(tmp_path, config) as relay, aiohttp.ClientSession() as session:
        yield Installation(relay, port, session)


async def test_what_comes_in_and_goes_out_is_counted(
    installed: Installation, discord: FakeDiscord
) -> None:
    assert await installed.post(1) == 204
    assert await installed.post(1) == 204
    assert await installed.post(2, secret="wrong") == 401
    assert await installed.post(3, hook="made-up") == 404
    await until(lambda: len(discord.posts()) == 1)

    async def is_settled() -> bool:
        return (await installed.metrics())[SENT.format("deliveries")] == 1

    await until(is_settled)
    found = await installed.metrics()
    assert found['relay_events_total{answer="204",hook="alice",kind="note"}'] == 2
    assert found['relay_events_total{answer="401",hook="alice",kind=""}'] == 1
    assert found['relay_events_total{answer="404",hook="",kind=""}'] == 1
    assert found["relay_intake_seconds_count"] == 4
    assert found[SENT.format("attempts")] == 1
    assert found['relay_delivery_seconds_count{sink="team"}'] == 1
    assert found["relay_ready"] == 1


SENT = 'relay_{}_total{{outcome="Sent",sink="team"}}'


async def test_what_waits_is_told_with_its_age_and_the_state_of_its_sink(
    installed: Installation, discord: FakeDiscord
) -> None:
    discord.faults.fail_next(faults.status(404))
    assert await installed.post(0) == 204

    async def is_closed() -> bool:
        found = await installed.metrics()
        return found.get('relay_sink_state{sink="team",state="closed"}') == 1

    await until(is_closed)
    for n in (1, 2):
        assert await installed.post(n) == 204

    async def all_wait() -> bool:
        return (await installed.metrics())['relay_backlog{sink="team"}'] == 3

    await until(all_wait)
    found = await installed.metrics()
    assert found['relay_sink_state{sink="team",state="ok"}'] == 0
    assert found['relay_oldest_waiting_seconds{sink="team"}'] > 0
    assert found['relay_attempts_total{outcome="Closed",sink="team"}'] == 1


async def test_strangers_cannot_make_series_without_end(installed: Installation) -> None:
    before = len(await installed.metrics())
    for n in range(30):
        await installed.post(n, hook=f"made-up-{n}")
        event = a_note_event(n, kind=f"invented{n}")
        await post(installed.session, installed.relay.address, "alice", event, secret="a secret")
    found = await installed.metrics()
    assert found['relay_events_total{answer="204",hook="alice",kind="other"}'] == 30
    assert found['relay_events_total{answer="404",hook="",kind=""}'] == 30
    assert len(found) <= before + 4  # two counters, each with the time of its beginning


async def test_metrics_need_the_password_and_health_does_not(installed: Installation) -> None:
    wrong = aiohttp.encode_basic_auth("anybody", "open", encoding="utf-8")
    assert (await installed.ask("/metrics"))[0] == 401
    assert (await installed.ask("/metrics", Authorization=wrong))[0] == 401
    assert (await installed.ask("/metrics", Authorization="Bearer open"))[0] == 401
    assert (await installed.ask("/metrics", Authorization="Basic ="))[0] == 401
    assert (await installed.ask("/metrics", Authorization=PASSWORD))[0] == 200
    assert await installed.ask("/healthz") == (200, '{"alive": true}')
    assert await installed.ask("/readyz") == (200, '{"ready": true, "reasons": []}')


async def test_nobody_comes_in_by_a_name_that_is_not_ours(installed: Installation) -> None:
    for path in ("/metrics", "/healthz", "/readyz"):
        answer = await installed.ask(path, Authorization=PASSWORD, Host="evil.example")
        assert answer[0] == 421
    assert (await installed.ask("/readyz", Host="relay.example"))[0] == 200
    assert (await installed.ask("/readyz", Host="localhost:8096"))[0] == 200


async def test_readiness_says_what_is_wrong_and_metrics_go_on(installed: Installation) -> None:
    with closing(sqlite3.connect(installed.relay.folder / "relay.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        status, told = await installed.ask("/readyz")
        assert status == 503
        assert re.fullmatch(r'\{"ready": false, "reasons": \["the outbox [^"]+"\]\}', told)
        assert (await installed.ask("/healthz"))[0] == 200
        found = await installed.metrics()
        assert found["relay_ready"] == 0
        assert 'relay_backlog{sink="team"}' not in found
        other.rollback()

    async def is_ready() -> bool:
        return (await installed.ask("/readyz"))[0] == 200

    await until(is_ready)


async def test_the_public_door_has_none_of_it(installed: Installation) -> None:
    for path in ("/metrics", "/readyz"):
        async with installed.session.get(installed.relay.address + path) as answer:
            assert answer.status == 404
    async with installed.session.get(f"{installed.relay.address}/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")
