"""A configuration that changes while relay runs: nothing that comes meanwhile notices."""

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.faults import status
from tests.fakes.misskey import a_note_event, post
from tests.fakes.records import Accepted

EVENTS = 5000
RELOADS = 100
EACH = EVENTS // RELOADS
SENDERS = 10
"""At once, for one alone waits for the disk; each sends its events in order."""


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(*sinks: str, more: str = "") -> str:
    """``sinks`` are lines of the configuration; every one gets every event."""
    names = ", ".join(sink.partition(":")[0] for sink in sinks)
    lines = "".join(f"  {sink}\n" for sink in sinks)
    return f"""
listen: 127.0.0.1:0
hold: 0
{more}
hooks: {{alice: {{secret: s3cret}}}}
sinks:
{lines}
routes: [{{to: [{names}]}}]
"""


def sink(name: str, url: str, *, more: str = "") -> str:
    return f'{name}: {{type: discord, url: "{url}", rate: unlimited{more}}}'


def told(relay: Relay, what: str) -> int:
    return relay.log.read_text(encoding="utf-8").count(what)


async def reload(relay: Relay, text: str, *, ends: str = " reloaded ") -> None:
    """Write another configuration, and wait until relay has told what became of it."""
    before = told(relay, ends)
    relay.file.write_text(text, encoding="utf-8")
    assert relay.process is not None
    relay.process.send_signal(signal.SIGHUP)
    await until(lambda: told(relay, ends) > before)


async def send(session: aiohttp.ClientSession, relay: Relay, n: int) -> None:
    event = a_note_event(n, text=f"note {n}")
    answer = await post(session, relay.address, "alice", event, secret="s3cret")
    assert answer.status == 204


async def sends(session: aiohttp.ClientSession, relay: Relay, first: int, end: int) -> None:
    for n in range(first, end, SENDERS):
        await send(session, relay, n)


def in_order(came: list[int]) -> bool:
    """Whether each event came once, and those of each sender in their order."""
    each = [[n for n in came if n % SENDERS == k] for k in range(SENDERS)]
    return all(one == sorted(set(one)) for one in each)


def notes(posts: list[Accepted], via: str) -> list[int]:
    """The numbers of the notes that came by a webhook."""
    embeds = [embed for one in posts if one.via == via for embed in one.payload["embeds"]]
    return [int(embed["description"].removeprefix("note ")) for embed in embeds]


async def test_a_hundred_reloads_during_five_thousand_events(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    others = {name: discord.add_webhook() for name in ("steady", "guest")}
    steady, guest = (sink(name, discord.url_of(hook)) for name, hook in others.items())
    team = discord.url
    configs = [
        config(steady, sink("team", team)),
        config(steady, sink("team", team, more=", username: relay"), guest, more="locale: ja"),
        config(steady, sink("team", team, more=", visibility: [public]"), more="retention: 1d"),
        config(steady, sink("team", team), guest, more="tpyo: 1"),
    ]
    async with serving(tmp_path, configs[0]) as relay, aiohttp.ClientSession() as session:
        for n in range(RELOADS):
            text = configs[n % len(configs)].replace("tpyo", f"tpyo{n}")  # the same is summed up
            ends = "not reloaded" if "tpyo" in text else " reloaded "
            reloading = asyncio.create_task(reload(relay, text, ends=ends))
            first = n * EACH
            senders = (sends(session, relay, first + k, first + EACH) for k in range(SENDERS))
            await asyncio.gather(reloading, *senders)
        await reload(relay, config(steady, sink("team", team), guest))

        async def is_done() -> bool:
            _, out, _ = await relay.command("sinks", "--json")
            return not any(row["waiting"] for row in json.loads(out))

        await until(is_done)
        assert await relay.terminate() == 0
    came = {name: notes(discord.posts(), hook.id) for name, hook in others.items()}
    came["team"] = notes(discord.posts(), discord.webhook.id)
    assert [in_order(one) for one in came.values()] == [True] * 3
    assert (len(came["steady"]), len(came["team"])) == (EVENTS, EVENTS)
    assert 0 < len(came["guest"]) < EVENTS


async def test_a_configuration_with_mistakes_changes_nothing_and_all_of_them_are_told(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    text = config(sink("team", discord.url))
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        await reload(relay, text.replace("hold: 0", "hodl: 0\nlocale: fr"), ends="not reloaded")
        log = relay.log.read_text(encoding="utf-8")
        assert "hodl: " in log
        assert "locale: " in log
        await send(session, relay, 1)
        await until(lambda: len(discord.told()) == 1)
        await reload(relay, text)
        await send(session, relay, 2)
        await until(lambda: len(discord.told()) == 2)


async def test_hooks_and_templates_change_and_what_cannot_is_told(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    template = tmp_path / "mine" / "note.j2"
    template.write_text("{% block body %}first{% endblock %}", encoding="utf-8")
    text = config(sink("team", discord.url), more="templates: mine")
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        await send(session, relay, 1)
        await until(lambda: len(discord.told()) == 1)
        template.write_text("{% block body %}second{% endblock %}", encoding="utf-8")
        changed = text.replace("s3cret", "another").replace("127.0.0.1:0", "127.0.0.1:1")
        await reload(relay, changed)
        answers = [
            (await post(session, relay.address, "alice", a_note_event(2), secret=secret)).status
            for secret in ("s3cret", "another")
        ]
        assert answers == [401, 204]
        await until(lambda: len(discord.told()) == 2)
        log = relay.log.read_text(encoding="utf-8")
    assert [one["description"] for one in discord.told()] == ["first", "second"]
    assert "needs a restart action=reload reason='listen: has changed'" in log


async def test_a_closed_sink_opens_when_its_configuration_changes(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    gone = discord.add_webhook()
    discord.remove_webhook(gone)
    text = config(sink("team", discord.url_of(gone)))
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        await send(session, relay, 1)
        await until(lambda: told(relay, "sink closed") == 1)
        await reload(relay, text.replace("hold: 0", "hold: 10ms"))
        await until(lambda: told(relay, "sink still closed") == 1)
        await reload(relay, config(sink("team", discord.url)))
        await until(lambda: notes(discord.posts(), discord.webhook.id) == [1])


async def test_what_waits_for_another_attempt_goes_at_once_to_a_sink_that_was_changed(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    discord.faults.fail_next(status(500))
    text = config(sink("team", discord.url), more="retry: [1h]")
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        await send(session, relay, 1)
        await until(lambda: told(relay, "failed, will be tried again") == 1)
        await reload(relay, text.replace("unlimited", "unlimited, username: relay"))
        await until(lambda: notes(discord.posts(), discord.webhook.id) == [1])


async def test_a_sink_that_leaves_keeps_its_backlog_until_it_comes_back(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    discord.faults.delay = 1
    other = sink("other", discord.url_of(discord.add_webhook()))
    text = config(sink("team", discord.url), other)
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        for n in range(3):
            await send(session, relay, n)
        await until(lambda: len(discord.requests) > 1)
        await reload(relay, config(other))
        await until(lambda: told(relay, "deliveries wait for a sink") == 1)
        await reload(relay, text)
        discord.faults.delay = 0
        await until(lambda: notes(discord.posts(), discord.webhook.id)[-1:] == [2])
    assert notes(discord.posts(), discord.webhook.id) == [0, 1, 2]


def hears_sighup(pid: int) -> bool:
    """Whether a process does anything else than to end: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    said = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    masks = dict(line.split(":\t") for line in said.splitlines() if line.startswith("Sig"))
    return bool((int(masks["SigIgn"], 16) | int(masks["SigCgt"], 16)) & 1)


async def test_a_signal_to_reload_before_relay_listens_does_not_end_it(tmp_path: Path) -> None:
    relay = Relay(tmp_path, config("here: {type: console}"), {})
    starting = asyncio.create_task(relay.start())
    try:
        await until(lambda: relay.process is not None and hears_sighup(relay.process.pid))
        while not starting.done():
            relay.signal(signal.SIGHUP)
            await asyncio.sleep(0.01)
        await starting
        await until(lambda: told(relay, " reloaded ") > 0)
    finally:
        await relay.kill()
