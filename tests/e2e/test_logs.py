"""The log of the real process: one line for each step of an event, and nothing that is private."""

import json
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.process import Relay
from tests.e2e.waiting import until
from tests.fakes.misskey import a_note_event, post


@pytest.mark.parametrize("content", [True, False])
async def test_the_log_tells_each_step_of_an_event_and_its_text_only_if_it_may(
    tmp_path: Path, content: bool
) -> None:
    config = f"""
listen: 127.0.0.1:0
log_content: {content}
hold: 0
hooks: {{alice: {{secret: a secret of alice}}}}
sinks: {{here: {{type: console}}, there: {{type: console, visibility: [home]}}}}
routes: [{{to: [here, there]}}]
"""
    relay = Relay(tmp_path, config, {})
    await relay.start("--log-format", "json")
    async with aiohttp.ClientSession() as session:
        event = a_note_event(1, text="what only we two know")
        for _ in range(2):
            await post(session, relay.address, "alice", event, secret="a secret of alice")
        await post(session, relay.address, "alice", event, secret="a guess")
        await post(session, relay.address, "made-up", event, secret="a guess")
    await until(lambda: '"settle"' in relay.log.read_text(encoding="utf-8"))
    assert await relay.terminate() == 0
    text = relay.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    routed, repeated, wrong, unknown, settled = (
        next(line for line in lines if line["message"] == message and line.get("status") == status)
        for message, status in (
            ("routed", None), ("repeated", None), ("refused", 401), ("refused", 404),
            ("delivered", None),
        )
    )  # fmt: skip
    assert (routed["level"], routed["hook"], routed["kind"]) == ("info", "alice", "note")
    assert (routed["sinks"], "there: " in routed["withheld"]) == ("here", True)
    assert repeated["event_id"] == routed["event_id"]
    assert (wrong["hook"], "hook" in unknown) == ("alice", False)
    assert (settled["hook"], settled["event_id"]) == (routed["hook"], routed["event_id"])
    told = {key: settled[key] for key in ("kind", "sink", "attempt", "outcome")}
    assert told == {"kind": "note", "sink": "here", "attempt": 1, "outcome": "Sent"}
    assert ("what only we two know" in text) is content
    assert "a secret of alice" not in text
    assert "a guess" not in text


async def test_a_scanner_at_the_door_cannot_fill_the_disk(tmp_path: Path) -> None:
    config = "listen: 127.0.0.1:0\nhooks: {alice: {secret: a secret of alice}}\n"
    relay = Relay(tmp_path, config, {})
    await relay.start()
    async with aiohttp.ClientSession() as session:
        for n in range(100):
            event = a_note_event(n)
            await post(session, relay.address, f"guess{n}", event, secret=f"wrong word {n}")
            await post(session, relay.address, "alice", event, secret=f"wrong word {n}")
            async with session.get(f"{relay.address}/guess{n}.php") as answer:
                assert answer.status == 404
    assert await relay.terminate() == 0
    lines = relay.log.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if "refused" in line]) == 12
    assert sum(int(line.rpartition("more=")[2]) for line in lines if "more=" in line) == 300 - 9
