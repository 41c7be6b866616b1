"""Answers of chats that people suffered from, replayed: `samples/cases/vendor.json`, by name."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.scripted import Scripted, rule

CASES = Path(__file__).parents[1] / "samples" / "cases"
VENDOR: dict[str, Any] = json.loads((CASES / "vendor.json").read_text(encoding="utf-8"))
SINKS = {
    "d": "d: {type: discord, url: 'BASE/api/webhooks/1/tok', rate: unlimited}",
    "s": "s: {type: slack, url: 'BASE/services/T/B/tok', rate: unlimited}",
    "m": "m: {type: matrix, homeserver: 'BASE', room: '!room:mx.example', token: tok, "
    "rate: unlimited}",
}
WRITTEN = "http://127.0.0.1:19196"
"""Where the chat is in the cases."""


class Case:
    """One case, at its first step: a relay that runs, and a chat that answers by the rules."""

    def __init__(self, name: str, relay: Relay, chat: Scripted) -> None:
        self.told = VENDOR[name]
        (self.sink,) = self.told["sinks"]
        self.relay, self.chat = relay, chat
        self._steps = iter(self.told["steps"])
        self.sent = 0

    async def send(self) -> None:
        """Go on to the next step that sends something, and send it."""
        for step in self._steps:
            if "rules" in step:
                self.chat.rules = [rule(one) for one in step["rules"]]
            for name in step.get("send", ()):
                await self._post(name)
            if "send" in step:
                return
        raise AssertionError("the case sends nothing more")

    async def _post(self, name: str) -> None:
        self.sent += 1
        body = (CASES / "events" / f"{name}.json").read_bytes()
        headers = {"X-Misskey-Hook-Secret": "k", "Content-Type": "application/json"}
        async with aiohttp.ClientSession() as session:
            url = f"{self.relay.address}/hooks/h"
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 204, await answer.text()

    async def state(self) -> dict[str, Any]:
        """What `relay sinks` tells of the sink."""
        _, out, err = await self.relay.command("sinks", "--json")
        (found,) = json.loads(out)
        assert found["sink"] == self.sink, err
        return dict(found)

    async def deliveries(self) -> list[dict[str, Any]]:
        """The oldest first."""
        _, out, _ = await self.relay.command("deliveries", "--json")
        return sorted(json.loads(out), key=lambda it: int(it["id"]))

    async def is_closed(self) -> bool:
        return (await self.state())["state"] == "closed"

    async def command(self, *arguments: str) -> tuple[int, str]:
        code, out, err = await self.relay.command(*arguments)
        return code, out + err


@pytest.fixture
async def case(
    request: pytest.FixtureRequest, aiohttp_server: AiohttpServer, tmp_path: Path
) -> AsyncIterator[Case]:
    name = request.param
    chat = Scripted()
    chat.rules = [rule(one) for one in VENDOR[name].get("rules", ())]
    base = str((await aiohttp_server(chat.app)).make_url("")).rstrip("/")
    (sink,) = VENDOR[name]["sinks"]
    defined: Sequence[str] = VENDOR[name].get("defs") or [SINKS[sink]]
    (settings,) = (one.strip().replace(WRITTEN, base).replace("BASE", base) for one in defined)
    config = f"""
listen: 127.0.0.1:0
hold: 1ms
retry: [1s, 1s]
hooks: {{h: {{secret: k}}}}
sinks:
  {settings}
routes: [{{to: {sink}}}]
"""
    async with serving(tmp_path, config) as relay:
        yield Case(name, relay, chat)


def all_of(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", names, indirect=True)


KEYS = {
    "v01_forum": "thread_name",
    "v03_threads_full": "thread_id",
    "v11_archived_locked": "thread_id",
    "x01_slack_sink_with_discord_url": "check the address",
    "b01_not_in_channel": "not_in_channel",
    "b03_channel_not_found": "channel_not_found",
    "b05_restricted_action": "restricted_action",
    "b08_restricted_action_read_only_channel": "restricted_action_read_only_channel",
    "m01_upgraded": "!new:mx.example",
    "m03_muted": "user_level (-1) < send_level (0)",
}
FINDINGS = {
    "v01_forum": "discord-forum",
    "v03_threads_full": "discord-threads-full",
    "v11_archived_locked": "discord-thread-closed",
    "x01_slack_sink_with_discord_url": "sink-elsewhere",
    "m01_upgraded": "matrix-room-upgraded",
}


@pytest.mark.parametrize(("case", "key"), KEYS.items(), indirect=["case"])
async def test_what_is_no_fault_of_the_message_closes_the_sink_and_keeps_its_backlog(
    case: Case, key: str, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["case"]
    await case.send()
    await until(case.is_closed)
    found = await case.state()
    assert (found["waiting"], found["dead"]) == (2, 0)
    assert key in found["closed"]["reason"]
    assert [one["state"] for one in await case.deliveries()] == ["pending", "pending"]
    assert case.chat.shown == []
    code, told = await case.command("check", "--online")
    if name != "m03_muted":  # the rules of this case do not tell of power levels
        assert code == 1, told
        assert key in told
    if name in FINDINGS:
        _, told = await case.command("doctor", "--online", "--json")
        assert FINDINGS[name] in {one["name"] for one in json.loads(told)}
    code, told = await case.command("send-test", "--sink", case.sink)
    assert code == 1
    assert key in told
    assert case.chat.shown == []


@all_of("m01_upgraded")
async def test_a_room_that_was_upgraded_closes_again_when_it_is_resumed(case: Case) -> None:
    await case.send()
    await until(case.is_closed)
    before = len(case.chat.requests)
    assert (await case.command("sinks", "resume", "m"))[0] == 0
    await until(lambda: len(case.chat.requests) > before)
    await until(case.is_closed)
    assert case.chat.asked("PUT", "/send/") == []


@all_of("m03_muted")
async def test_who_is_muted_is_found_by_a_check_where_the_levels_tell(case: Case) -> None:
    levels = {"users": {"@bot:mx.example": -1}, "users_default": 0}
    told = {"match": "state/m.room.power_levels", "times": -1, "status": 200, "body": levels}
    case.chat.rules.append(rule(told))
    code, words = await case.command("check", "--online")
    assert code == 1
    assert "its power level is -1, and messages need 0" in words
    _, words = await case.command("doctor", "--online", "--json")
    assert "matrix-muted" in {one["name"] for one in json.loads(words)}
    await case.send()
    await until(case.is_closed)
    assert "is muted" in (await case.state())["closed"]["reason"]


@all_of("b06_msg_too_long")
async def test_what_is_a_fault_of_the_message_is_dead_and_the_sink_goes_on(case: Case) -> None:
    await case.send()

    async def is_dead() -> bool:
        return (await case.state())["dead"] == 2

    await until(is_dead)
    assert (await case.state())["state"] == "ok"
    assert all("msg_too_long" in one["reason"] for one in await case.deliveries())


@all_of("w02_edit_deleted")
async def test_what_a_moderator_removed_is_not_said_again(case: Case) -> None:
    await case.send()
    await until(lambda: len(case.chat.shown) == 1)
    await case.send()

    async def is_settled() -> bool:
        return [one["state"] for one in await case.deliveries()] == ["delivered", "dead"]

    await until(is_settled)
    assert "10008" in (await case.deliveries())[1]["reason"]
    assert [method for method, _ in case.chat.shown] == ["POST"]


@all_of("w07_edit_30046_holds_others")
async def test_an_edit_that_must_wait_lets_new_notes_go_on(case: Case) -> None:
    await case.send()
    await until(lambda: len(case.chat.shown) == 1)
    await case.send()
    await until(lambda: bool(case.chat.asked("PATCH", "")))
    await case.send()
    await until(lambda: len(case.chat.shown) >= 2)

    async def are_there() -> bool:
        states = [one["state"] for one in await case.deliveries()]
        return states == ["delivered", "pending", "delivered", "delivered"]

    await until(are_there)
    found = await case.state()
    assert (found["state"], found["rest_seconds"]) == ("ok", 0.0)
    assert "30046" in (await case.deliveries())[1]["reason"]


@all_of("v18_cf1015_no_header")
async def test_a_ban_that_names_no_end_is_told_and_asked_about_ever_more_rarely(
    case: Case,
) -> None:
    await case.send()
    await until(lambda: len(case.chat.requests) >= 3, seconds=300)
    found = await case.state()
    assert found["state"] == "ok"
    assert "error code: 1015" in found["last_error"]["reason"]
    assert found["rest_seconds"] > 10  # after 5 and 10 seconds
    assert [one["state"] for one in await case.deliveries()] == ["pending", "pending"]
